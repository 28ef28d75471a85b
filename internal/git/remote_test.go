package git

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestEffectiveURL compares the places that a remote leads to with those that git
// itself names.
func TestEffectiveURL(t *testing.T) {
	for name, settings := range map[string][]string{
		"plain":                         {"remote.o.url /a/x"},
		"insteadOf":                     {"remote.o.url gg:x", "url./base/.insteadOf gg:"},
		"longest insteadOf":             {"remote.o.url gg:x/y", "url./1/.insteadOf gg:", "url./2/.insteadOf gg:x/", "url./3/.insteadOf g"},
		"pushInsteadOf":                 {"remote.o.url /a/x", "url./b/.pushInsteadOf /a/"},
		"both":                          {"remote.o.url /a/x", "url./b/.pushInsteadOf /a/", "url./c/.insteadOf /a/"},
		"pushurl":                       {"remote.o.url /a/x", "remote.o.pushurl /b/x"},
		"pushurl and pushInsteadOf":     {"remote.o.url /a/x", "remote.o.pushurl /b/x", "url./c/.pushInsteadOf /b/"},
		"pushurl and insteadOf":         {"remote.o.url /a/x", "remote.o.pushurl /b/x", "url./c/.insteadOf /b/"},
		"several URLs":                  {"remote.o.url /a/x", "remote.o.url /b/x"},
		"several URLs, one for pushing": {"remote.o.url /a/x", "remote.o.url /b/x", "url./c/.pushInsteadOf /b/"},
		"several pushurls":              {"remote.o.url /a/x", "remote.o.pushurl /b/x", "remote.o.pushurl /c/x"},
		"several bases":                 {"remote.o.url gg:x", "url./1/.insteadOf gg:", "url./2/.insteadOf gg:"},
	} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t)
			for _, s := range settings {
				key, value, _ := strings.Cut(s, " ")
				r.Git("config", "--add", key, value)
			}
			repo := open(t, r)
			remotes, err := repo.Remotes(context.Background())
			if err != nil || len(remotes) != 1 {
				t.Fatalf("%v, error %v", remotes, err)
			}
			fetch, push, several := remotes[0].effective(repo.direct.Config)
			pushes := strings.Split(r.Git("remote", "get-url", "--push", "--all", "o"), "\n")
			if want := r.Git("remote", "get-url", "o"); fetch != want || push != pushes[0] || several != (len(pushes) > 1) {
				t.Errorf("%q %q %v, git has %q %q", fetch, push, several, want, pushes)
			}
		})
	}
}

// TestOnePlace pushes to and fetches from remotes of all sorts, and holds that it
// is the place that "git push" pushes to first, and the only one.
func TestOnePlace(t *testing.T) {
	const ref = "refs/grite/locks/0123456789abcdef"
	for name, settings := range map[string][]string{
		"plain":                     {"remote.REMOTE.url HUB"},
		"read replica":              {"remote.REMOTE.url OTHER", "remote.REMOTE.pushurl HUB"},
		"pushInsteadOf":             {"remote.REMOTE.url OTHER", "url.HUB.pushInsteadOf OTHER"},
		"not pushInsteadOf":         {"remote.REMOTE.url OTHER", "remote.REMOTE.pushurl HUB", "url.OTHER.pushInsteadOf HUB"},
		"insteadOf twice":           {"remote.REMOTE.url gg:", "url.HUB.insteadOf gg:", "url.OTHER.insteadOf /nothing"},
		"pushurl is rewritten once": {"remote.REMOTE.url OTHER", "remote.REMOTE.pushurl gg:", "url.HUB.insteadOf gg:", "url.OTHER.insteadOf HUB"},
		"two push URLs":             {"remote.REMOTE.url HUB", "remote.REMOTE.pushurl HUB", "remote.REMOTE.pushurl OTHER"},
		"mirror":                    {"remote.REMOTE.url HUB", "remote.REMOTE.mirror true"},
	} {
		remotes := []string{"origin"}
		if name == "read replica" || name == "mirror" { // by alias, and by name with a setting
			remotes = append(remotes, "a/b", "x=y", "-evil", "foo.bar")
		}
		for _, remote := range remotes {
			t.Run(name+" "+remote, func(t *testing.T) {
				t.Parallel()
				hub, other := gittest.NewRemote(t), gittest.NewRemote(t)
				r := gittest.New(t)
				for _, s := range settings {
					s = strings.NewReplacer("REMOTE", remote, "HUB", hub.Dir, "OTHER", other.Dir).Replace(s)
					key, value, _ := strings.Cut(s, " ")
					r.Git("config", "--add", key, value)
				}
				ctx := context.Background()
				m, err := open(t, r).OpenRemote(ctx, remote, false)
				if err != nil {
					t.Fatal(err)
				}
				head := OID(r.Git("rev-parse", "HEAD"))
				report, err := m.Push(ctx, []RefUpdate{{Name: ref, New: head}})
				if err != nil || report.Status[ref] != PushDone {
					t.Fatalf("%+v, error %v", report, err)
				}
				if hub.Git("for-each-ref", ref) == "" || other.Git("for-each-ref", ref) != "" {
					t.Errorf("hub has %q, the other %q", hub.Git("for-each-ref", ref), other.Git("for-each-ref", ref))
				}
				if err := m.Fetch(ctx, "+refs/grite/locks/*:refs/git-grite/remotes/m/*"); err != nil {
					t.Fatal(err)
				}
				if got := r.Git("rev-parse", "refs/git-grite/remotes/m/0123456789abcdef"); got != string(head) {
					t.Errorf("fetched %s", got)
				}
				if heads, err := m.List(ctx, "refs/heads/*"); err != nil || slices.ContainsFunc(heads, func(ref Ref) bool { return ref.OID == head }) {
					t.Errorf("heads %v, error %v", heads, err)
				}
				if m.URL() != hub.Dir {
					t.Errorf("URL %s", m.URL())
				}
			})
		}
	}
}

// TestNoOption holds that a URL like an option is a URL: git would run what
// --upload-pack names.
func TestNoOption(t *testing.T) {
	r := gittest.New(t)
	mark := filepath.Join(t.TempDir(), "mark")
	r.Git("config", "remote.e.url", "https://example.invalid/x")
	r.Git("config", "remote.e.pushurl", "--upload-pack=touch "+mark+";/")
	ctx := context.Background()
	m, err := open(t, r).OpenRemote(ctx, "e", false)
	if err != nil {
		t.Fatal(err)
	}
	var remoteErr *RemoteError
	if err := m.Fetch(ctx, "+refs/grite/locks/*:refs/git-grite/remotes/e/*"); !errors.As(err, &remoteErr) {
		t.Errorf("fetch: %v", err)
	}
	if _, err := m.Push(ctx, []RefUpdate{{Name: "refs/x/y", New: OID(r.Git("rev-parse", "HEAD"))}}); !errors.As(err, &remoteErr) {
		t.Errorf("push: %v", err)
	}
	if _, err := m.Symrefs(ctx, "refs/x/*"); !errors.As(err, &remoteErr) {
		t.Errorf("ls-remote: %v", err)
	}
	if exists(mark) {
		t.Error("it was run")
	}
}

// TestPushDisabled holds that a remote without a place to push to can be read.
func TestPushDisabled(t *testing.T) {
	hub := gittest.NewRemote(t)
	for url, want := range map[string]bool{
		"DISABLED": true, "no_push": true, "/dev/null": true, "disabled://": true, "file:///dev/null": true, "https://nowhere.invalid/x": false, "hub-here": false, "/nowhere/x.git": false, "host:path": false, "https://x/y": false,
	} {
		r := gittest.New(t)
		r.Git("init", "-q", "--bare", "hub-here")
		r.Git("remote", "add", "origin", hub.Dir)
		r.Git("remote", "set-url", "--push", "origin", url)
		ctx := context.Background()
		m, err := open(t, r).OpenRemote(ctx, "origin", false)
		if err != nil || m.PushDisabled != want {
			t.Errorf("%s: %v, error %v", url, m.PushDisabled, err)
		}
		if !want {
			continue
		}
		if err := m.Fetch(ctx, "+refs/grite/locks/*:refs/git-grite/remotes/o/*"); err != nil || m.URL() != hub.Dir {
			t.Errorf("%s: fetch from %s: %v", url, m.URL(), err)
		}
		if report, err := m.Push(ctx, []RefUpdate{{Name: "refs/x/y", New: OID(r.Git("rev-parse", "HEAD"))}}); err != nil || report.Status["refs/x/y"] != PushRefused {
			t.Errorf("%s: push %+v, error %v", url, report, err)
		}
	}
}

// TestRemoteFiles reads remotes as git still has them in files of their own.
func TestRemoteFiles(t *testing.T) {
	r := gittest.New(t)
	r.Write(".git/remotes/old", "URL: /old\nURL: /older\nPull: refs/heads/main\n")
	r.Write(".git/branches/older", "/branch#main\n")
	r.Git("config", "remote.both.url", "/config")
	r.Write(".git/remotes/both", "URL: /file\n")
	remotes, err := open(t, r).Remotes(context.Background())
	got := map[string]string{}
	for _, c := range remotes {
		got[c.Name] = strings.Join(c.URLs, " ")
	}
	want := map[string]string{"old": "/old /older", "older": "/branch", "both": "/config"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, error %v", got, err)
	}
	for name, urls := range want {
		if url := r.Git("ls-remote", "--get-url", name); url != strings.Fields(urls)[0] {
			t.Errorf("git has %q for %s", url, name)
		}
	}
}

// TestKeepObjects holds that the prune of a repository that objects are borrowed
// from breaks none of our refs, and that what is broken already can be dropped.
func TestKeepObjects(t *testing.T) {
	const lock = "refs/grite/locks/0123456789abcdef"
	prefix := "refs/git-grite/remotes/o"
	hub := gittest.NewRemote(t)
	borrower := func() (*gittest.Repo, *Repo) {
		r := gittest.New(t)
		r.Write(".git/objects/info/alternates", filepath.Join(hub.Dir, "objects")+"\n")
		r.Git("remote", "add", "origin", hub.Dir)
		return r, open(t, r)
	}
	prune := func() {
		hub.Git("update-ref", "-d", lock)
		hub.Git("repack", "-adq")
		hub.Git("prune", "--expire=now")
	}
	works := func(r *gittest.Repo) bool {
		for _, args := range [][]string{{"log", "--all"}, {"fetch", "-q"}, {"fsck"}, {"gc", "-q"}} {
			if res := r.Run("", "git", args...); res.Code != 0 {
				t.Logf("git %s: %s", args, res.Stderr)
				return false
			}
		}
		return true
	}
	record := func(text string) string {
		blob := hub.GitIn(text, "hash-object", "-w", "--stdin")
		return hub.GitIn("", "-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", "-m", "m", hub.GitIn("100644 blob "+blob+"\tlock.json\n", "mktree"))
	}
	fetch := func(repo *Repo) {
		m, err := repo.OpenRemote(context.Background(), "origin", false)
		if err == nil {
			err = m.Fetch(context.Background(), "+refs/grite/locks/*:"+prefix+"/*")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	packs := func(r *gittest.Repo) int {
		found, _ := filepath.Glob(filepath.Join(r.Dir, ".git/objects/pack/*.keep"))
		return len(found)
	}

	r, repo := borrower()
	hub.Git("update-ref", lock, record("one"))
	fetch(repo)
	fetch(repo)
	if packs(r) != 1 {
		t.Errorf("%d kept packs", packs(r))
	}
	hub.Git("update-ref", lock+"-history", commitIn(hub, 50))
	fetch(repo)
	if counted := r.Git("count-objects", "-v"); !strings.Contains(counted, "in-pack: 7\n") { // the record, again, and the tip of a history
		t.Errorf("kept: %s", counted)
	}
	hub.Git("update-ref", "-d", lock+"-history")
	fetch(repo)
	r.Git("gc", "-q", "--prune=now")
	prune()
	if !works(r) {
		t.Error("the prune broke the borrower")
	}
	hub.Git("update-ref", lock, record("two"))
	fetch(repo)
	if packs(r) != 1 || !works(r) {
		t.Errorf("%d kept packs after another fetch", packs(r))
	}
	prune()
	fetch(repo)
	if packs(r) != 0 || !works(r) {
		t.Errorf("%d kept packs without refs", packs(r))
	}

	r, repo = borrower() // broken, as an older version left it
	hub.Git("update-ref", lock, record("three"))
	r.Git("fetch", "-q", "origin", lock+":"+prefix+"/0123456789abcdef")
	r.Git("update-ref", prefix+"/sound", "HEAD")
	prune()
	if works(r) {
		t.Fatal("nothing is broken")
	}
	missing, err := repo.MissingRefs(context.Background(), prefix, "lock.json")
	if err == nil {
		err = repo.UpdateRefs(context.Background(), missing)
	}
	if err != nil || len(missing) != 1 || !works(r) {
		t.Errorf("missing %v, error %v", missing, err)
	}
}

// commitIn makes a history of commits in a bare repository.
func commitIn(r *gittest.Repo, n int) (tip string) {
	tree := r.GitIn("", "mktree")
	args := []string{"-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", "-m", "m", tree}
	for range n {
		if tip != "" {
			tip = r.Git(append(args, "-p", tip)...)
		} else {
			tip = r.Git(args...)
		}
	}
	return tip
}
