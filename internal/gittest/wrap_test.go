package gittest

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
)

func TestWrapGit(t *testing.T) {
	t.Parallel()
	remote := NewRemote(t)
	plain := remote.Clone(t, remote.Dir)
	first := plain.publish()
	goOn := filepath.Join(t.TempDir(), "go on")
	r := plain.With(WrapGit(t, fmt.Sprintf(`
		if is push 2; then exit 1; fi
		if is push 3; then "$GIT_REAL" "$@" >/dev/null 2>&1; exit 1; fi
		if is push 4; then "$GIT_REAL" "$@" && "$GIT_REAL" "$@"; exit; fi
		if is push 5; then kill -9 $PPID; exit; fi
		if is push 6; then await %s; fi
		if is version; then nth push; exit; fi
	`, quote(goOn)))...)
	oid := func(text string) string { return plain.lock(text) }
	push := func(oid string) Result {
		return r.Run("", "git", "-c", "a.b=push", "-C", ".", "push", "--porcelain", "--force", "origin", oid+":"+lockRef)
	}

	a := oid("1")
	if res := push(a); res.Code != 0 || remote.at() != a {
		t.Errorf("first: %+v", res)
	}
	if res := push(oid("2")); res.Code != 1 || res.Stdout+res.Stderr != "" || remote.at() != a {
		t.Errorf("second: %+v", res)
	}
	c := oid("3")
	if res := push(c); res.Code != 1 || res.Stdout+res.Stderr != "" || remote.at() != c {
		t.Errorf("third: %+v", res)
	}
	if res := push(oid("4")); res.Code != 0 || strings.Count(res.Stdout, "Done") != 2 {
		t.Errorf("fourth: %+v", res)
	}
	if res := r.Run("", "sh", "-c", "git push origin "+first+":"+lockRef+"; echo survived"); res.Code != -1 || res.Stdout != "" || remote.at() == first {
		t.Errorf("fifth: %+v", res)
	}
	waiting := r.Start("git", "push", "-q", "--force", "origin", first+":"+lockRef)
	for r.Git("version") != "6" {
	}
	if remote.at() == first {
		t.Error("the sixth does not wait")
	}
	writeFile(t, goOn, "")
	if res := waiting.Wait(); res.Code != 0 || remote.at() != first {
		t.Errorf("sixth: %+v", res)
	}
	// git's own calls are not seen: a fetch of submodules, say, or an alias.
	r.Git("-c", "alias.p=push", "p", "-q", "origin", ":"+lockRef)
	if got := r.Git("--version"); !strings.HasPrefix(got, "git version") {
		t.Errorf("--version: %s", got)
	}
	if got := r.Git("version"); got != "6" {
		t.Errorf("%s pushes", got)
	}
}

func TestWrapGitNumbers(t *testing.T) {
	t.Parallel()
	r := New(t)
	r = r.With(WrapGit(t, "is status && { nth status; exit; }")...)
	var mu sync.Mutex
	var got []string
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			number := r.Git("status")
			mu.Lock()
			defer mu.Unlock()
			got = append(got, number)
		})
	}
	wg.Wait()
	sort.Strings(got)
	if text := strings.Join(got, ""); text != "12345678" {
		t.Errorf("numbers: %q", text)
	}
}

func TestHook(t *testing.T) {
	t.Parallel()
	r := New(t)
	r.Hook("pre-commit", "echo no >&2; exit 1")
	if res := r.Run("", "git", "commit", "--allow-empty", "-m", "x"); res.Code != 1 || res.Stderr != "no\n" {
		t.Errorf("%+v", res)
	}
	r.Hook("pre-commit", "#!/bin/cat")
	if res := r.Run("", "git", "commit", "--allow-empty", "-m", "x"); res.Code != 0 || !strings.Contains(res.Stdout+res.Stderr, "#!/bin/cat") {
		t.Errorf("%+v", res)
	}
	if st, err := os.Stat(filepath.Join(r.Dir, ".git/hooks/pre-commit")); err != nil || st.Mode()&0o100 == 0 {
		t.Errorf("%v, %v", st, err)
	}
}
