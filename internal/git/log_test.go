package git

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

func openLog(t *testing.T, format string) (*gittest.Repo, *Repo) {
	t.Helper()
	g := gittest.New(t, "--object-format="+format)
	r, err := Open(t.Context(), g.Dir, g.Env)
	if err != nil {
		t.Fatal(err)
	}
	return g, r
}

// TestWriteLogCommit: git reads what was written, with names in git's order.
func TestWriteLogCommit(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		g, r := openLog(t, format)
		files := map[string][]byte{"a.b": []byte("1"), "a/x/y": []byte("2"), "a/x.y": []byte("3"), "a-b": []byte("4"), "a0": nil, "z": []byte(strings.Repeat("long ", 20000))}
		c := LogCommit{Files: files, Author: "A U Thor <a@example.com>", Message: "first", Time: time.Unix(1700000000, 0)}
		first, err := r.WriteLogCommit(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		c.Parent, c.Message = first, "second"
		second, err := r.WriteLogCommit(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		g.Git("update-ref", "refs/x/log", string(second))
		g.Git("fsck", "--strict")
		if got := g.Git("log", "--format=%s %an %ae %at %cn %ct", string(second)); got != "second A U Thor a@example.com 1700000000 A U Thor 1700000000\nfirst A U Thor a@example.com 1700000000 A U Thor 1700000000" {
			t.Errorf("%s: the log is %s", format, got)
		}
		if got := strings.Fields(g.Git("ls-tree", "-r", "--name-only", string(second))); len(got) != len(files) {
			t.Errorf("%s: the files are %s", format, got)
		}
		for path, content := range files {
			if got := g.Run("", "git", "cat-file", "blob", string(first)+":"+path).Stdout; got != string(content) {
				t.Errorf("%s: %s has %d bytes, not %d", format, path, len(got), len(content))
			}
		}
		a, b, err := r.Divergence(t.Context(), second, first)
		if a != 1 || b != 0 || err != nil {
			t.Errorf("%s: diverged by %d and %d, %v", format, a, b, err)
		}
		var failed *Error
		if _, _, err := r.Divergence(t.Context(), second, OID(g.Git("rev-parse", string(second)+":z"))); !errors.As(err, &failed) {
			t.Errorf("%s: diverged from a file: %v", format, err)
		}
		if r.Lacks(t.Context(), first, second) || !r.Lacks(t.Context(), first, OID(g.Git("rev-parse", string(second)+":z"))) || !r.Lacks(t.Context(), OID(strings.Repeat("1", len(first)))) {
			t.Errorf("%s: what is a commit is not known", format)
		}
	}
}

// TestReadLogFiles: each file once, the large ones apart, and a reader that is
// stopped leaves no git behind.
func TestReadLogFiles(t *testing.T) {
	g, r := openLog(t, "sha1")
	var tip OID
	for _, content := range []string{"one", "two", "one", strings.Repeat("x", 1000)} {
		var err error
		c := LogCommit{Files: map[string][]byte{"d/f.bin": []byte(content), "other": []byte(content + "!")}, Parent: tip, Author: "A <a>", Message: "m", Time: time.Unix(1, 0)}
		if tip, err = r.WriteLogCommit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	files, large, err := r.LogFiles(t.Context(), []OID{tip}, nil, ".bin", 1000)
	if err != nil || len(files) != 2 || len(large) != 2 || files[0].Path != "d/f.bin" {
		t.Fatalf("%v, large %v, %v", files, large, err)
	}
	older := OID(g.Git("rev-parse", string(tip)+"~2"))
	if newer, _, err := r.LogFiles(t.Context(), []OID{tip}, []OID{older}, ".bin", 10000); err != nil || len(newer) != 2 {
		t.Errorf("since %s: %v, %v", older, newer, err)
	}
	var got []string
	asked := append(files, LogFile{OID: OID(strings.Repeat("1", 40))}, LogFile{OID: tip}, large[0], files[0])
	err = r.ReadLogFiles(t.Context(), asked, 100, func(_ LogFile, content []byte, err error) {
		if err != nil {
			content = []byte("no")
		}
		got = append(got, string(content))
	})
	if want := "one two no no no one"; err != nil || strings.Join(got, " ") != want && strings.Join(got, " ") != "two one no no no two" {
		t.Errorf("%s, not %s, %v", got, want, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err = r.ReadLogFiles(ctx, asked, 100, func(LogFile, []byte, error) { n++; cancel() })
	if n == 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("stopped after %d: %v", n, err)
	}
	var failed *Error
	if _, _, err := r.LogFiles(t.Context(), []OID{OID(strings.Repeat("1", 40))}, nil, "", 10); !errors.As(err, &failed) || failed.ExitCode != 128 {
		t.Errorf("a tip that is missing: %v", err)
	}
}
