package cli

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// person runs a command at a terminal, in a clone.
func person(t *testing.T, r *gittest.Repo, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(t.Context(), Env{
		Args: append([]string{"git-grite"}, args...), Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs,
		Environ: r.Env, Dir: r.Dir, Now: time.Now, Terminal: true, Prompts: true,
	})
	return code, out.String(), errs.String()
}

// TestEditor: a user at a terminal who gives no --body writes it in git's
// editor, and loses no word of it.
func TestEditor(t *testing.T) {
	r := gittest.New(t)
	editor := filepath.Join(t.TempDir(), "my editor")
	// It keeps what it was shown, and puts the text of $TEXT in front.
	gittest.Executable(t, editor, "#!/bin/sh\ncp \"$1\" \"$SHOWN\"\n{ printf '%b' \"$TEXT\"; cat \"$SHOWN\"; } >\"$1\"\n")
	shown := filepath.Join(t.TempDir(), "shown")
	with := func(text string) *gittest.Repo {
		return r.With("GIT_EDITOR='"+editor+"'", "SHOWN="+shown, "TEXT="+text)
	}
	drafts := func() []string {
		found, err := filepath.Glob(filepath.Join(r.Dir, ".git/grite/ISSUE_EDITMSG-*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	code, _, errs := person(t, with(`# A heading\n\nand a text\n`), "", "issue", "create", "--title", "Edited")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	_, list, _ := person(t, r, "", "issue", "list")
	id := strings.Fields(list)[1]
	show := func() string { _, out, _ := person(t, r, "", "issue", "show", id); return out }
	if got := show(); !strings.Contains(got, "\n    # A heading\n\n    and a text\n") || strings.Contains(got, ">8") {
		t.Errorf("shown is %s", got)
	}
	// update shows the text that there is.
	if code, _, errs := person(t, with(`More: `), "", "issue", "update", id); code != 0 || !strings.Contains(show(), "    More: # A heading\n") {
		t.Errorf("update: exit %d, %s, %s", code, errs, show())
	}
	// Nothing written, nothing done.
	if code, _, errs := person(t, with(``), "", "issue", "comment", id); code != 2 || !strings.Contains(errs, "nothing was written") {
		t.Errorf("empty: exit %d, %s", code, errs)
	}
	if code, out, _ := person(t, with(`by hand`), "from stdin\n", "issue", "comment", id, "--body", "-"); code != 0 || !strings.Contains(show(), "from stdin") || strings.Contains(show(), "by hand") {
		t.Errorf("stdin: exit %d, %s", code, out)
	}
	if left := drafts(); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	// What could not be sent is kept, and so is what was written when the editor fails.
	if code, _, errs := person(t, with(`precious`), "", "issue", "comment", "0000"); code != 3 || len(drafts()) != 1 || !strings.Contains(errs, drafts()[0]) {
		t.Errorf("failed: exit %d, %s, %v", code, errs, drafts())
	}
	if code, _, errs := person(t, r.With("GIT_EDITOR=false"), "", "issue", "comment", id); code != 2 || !strings.Contains(errs, `the editor "false"`) || len(drafts()) != 2 {
		t.Errorf("false: exit %d, %s, %v", code, errs, drafts())
	}
	dumb := r.With("TERM=dumb")
	dumb.Env = slices.DeleteFunc(dumb.Env, func(kv string) bool { return strings.Contains(kv, "EDITOR=") || strings.HasPrefix(kv, "VISUAL=") })
	if code, _, errs := person(t, dumb, "", "issue", "comment", id); code != 2 || !strings.Contains(errs, "no editor") {
		t.Errorf("dumb: exit %d, %s", code, errs)
	}
	// Programs get no editor.
	if code, out, _ := person(t, with(`x`), "", "issue", "comment", id, "--json"); code != 2 || !strings.Contains(out, `"invalid_args"`) {
		t.Errorf("json: exit %d, %s", code, out)
	}
}
