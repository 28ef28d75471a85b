package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/git-grite/git-grite/internal/clone"
)

// maxStdin is how much of stdin is read, in bytes; no text may be that long.
const maxStdin = 1 << 20

// body is a text that is given by a flag, read from stdin for "-", or written in
// an editor where there is a terminal: then draft is the file with it. Without
// any of them it is empty.
func (c *call) body(ctx context.Context, cl *clone.Clone, o optional, old, about string) (text, draft string, err error) {
	switch {
	case o.given && o.text == "-":
		read, err := io.ReadAll(io.LimitReader(c.Stdin, maxStdin))
		return strings.TrimRight(string(read), "\r\n"), "", err
	case o.given:
		return o.text, "", nil
	case c.editable():
		return c.edit(ctx, cl, old, about)
	}
	return "", "", nil
}

// editable reports whether there is somebody who can use an editor.
func (c *call) editable() bool { return c.Prompts && c.Terminal && !c.out.json }

// scissors end the text, as in a message of git commit --cleanup=scissors: a line
// that begins with # is a heading to many.
const scissors = "# ------------------------ >8 ------------------------"

// edit has a text written in git's editor. What is about stands below it.
func (c *call) edit(ctx context.Context, cl *clone.Clone, old, about string) (text, draft string, err error) {
	editor, err := cl.Repo.Editor(ctx)
	if err != nil {
		return "", "", usagef("no editor: write the text with --body, or set GIT_EDITOR")
	}
	if err := os.MkdirAll(cl.Dir(), 0o777); err != nil {
		return "", "", err
	}
	f, err := os.CreateTemp(cl.Dir(), "ISSUE_EDITMSG-*")
	if err != nil {
		return "", "", err
	}
	draft = f.Name()
	fmt.Fprintf(f, "%s\n\n%s\n# Everything from the line above on is ignored.\n# %s\n", old, scissors, about)
	if err := f.Close(); err != nil {
		return "", draft, err
	}
	// Not ended by Ctrl-C, which is the editor's as long as it runs.
	cmd := exec.Command("sh", "-c", editor+` "$@"`, editor, draft)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = c.Stdin, c.Stdout, c.Stderr, c.Dir, c.Environ
	if err := cmd.Run(); err != nil {
		return "", draft, usagef("the editor %q: %v; nothing was written, the text is in %s", editor, err, draft)
	}
	written, err := os.ReadFile(draft)
	if err != nil {
		return "", draft, err
	}
	text, _, _ = strings.Cut(string(written), scissors)
	text = strings.TrimSpace(text)
	if text == "" {
		_ = os.Remove(draft)
		return "", "", nil
	}
	return text, draft, nil
}
