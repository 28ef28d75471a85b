package main

import (
	"fmt"
	"log"
	"net/http/cgi"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// remotes measures lock commands whose arbiter is a remote beside the bare pushes
// and fetches of the same refs.
func (b *bench) remotes() {
	for _, transport := range []string{"file", "http"} {
		for _, n := range []int{0, 1000} {
			name := func(verb string) string {
				return fmt.Sprintf("remote %s over %s, %d locks", verb, transport, n)
			}
			if b.any(name("acquire"), name("renew"), name("release"), name("run true")) {
				b.remoteRows(name, transport, n)
			}
		}
	}
	for _, clients := range []int{1, 4, 16} {
		for _, kind := range []string{"disjoint", "overlapping"} {
			b.throughput(fmt.Sprintf("remote grants, %d clients, %s", clients, kind), clients, kind == "overlapping")
		}
	}
}

// served makes a bare repository with n locks of others and a clone of it.
func (b *bench) served(name, transport string, n int) (clone string) {
	source := b.repo(name, 1, n, true)
	bare := source + "-remote.git"
	b.do("", "git", "clone", "-q", "--mirror", source, bare)
	url := "file://" + bare
	switch transport {
	case "http":
		url = b.serveHTTP(bare)
	case "ssh":
		url = b.serveSSH(bare)
	}
	clone = source + "-clone"
	b.do("", "git", "clone", "-q", url, clone)
	b.do(clone, "git-grite", "init", "--no-hooks", "-q")
	b.do(clone, "git-grite", "sync", "-q")
	return clone
}

// serveHTTP serves a bare repository for as long as the program runs.
func (b *bench) serveHTTP(bare string) string {
	b.do(bare, "git", "config", "http.receivepack", "true")
	srv := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(b.output("", "", "git", "--exec-path"), "git-http-backend"),
		Env:  append(append([]string{}, b.env...), "GIT_PROJECT_ROOT="+filepath.Dir(bare), "GIT_HTTP_EXPORT_ALL=1"),
	})
	return srv.URL + "/" + filepath.Base(bare)
}

func (b *bench) remoteRows(name func(string) string, transport string, n int) {
	clone := b.served(fmt.Sprintf("remote-%s-%d", transport, n), transport, n)
	turn := 0
	oid := func() string { // a record like ours, for the bare commands
		turn++
		blob := b.output(clone, fmt.Sprintf("{%d}", turn), "git", "hash-object", "-w", "--stdin")
		tree := b.output(clone, "100644 blob "+blob+"\tlock.json\n", "git", "mktree")
		return b.output(clone, "", "git", "commit-tree", "-m", "Lock", tree)
	}
	const push = "git push -q --no-verify --force-with-lease=refs/grite/locks/0bench:%s origin %s:refs/grite/locks/0bench"
	const fetch = " && git -c fetch.negotiationAlgorithm=noop fetch -q --no-tags origin '+refs/grite/locks/*:refs/bench/*'"
	shell := func(s *step, format string, args ...any) {
		s.args = []string{"sh", "-c", fmt.Sprintf(format, args...)}
	}
	grite := func(args ...string) step {
		return step{dir: clone, args: append([]string{"git-grite", "lock"}, args...)}
	}
	gone := func() {
		b.do(clone, "sh", "-c", "git push -q --no-verify origin :refs/grite/locks/0bench 2>/dev/null; true")
	}
	var at string
	there := func() { gone(); at = oid(); b.do(clone, "sh", "-c", fmt.Sprintf(push, "", at)) }

	acquire := grite("acquire", "-r", "path:mine")
	acquire.before = func() { b.do(clone, "git-grite", "lock", "release", "--mine", "-q") }
	bare := step{dir: clone}
	bare.before = func() { gone(); shell(&bare, push+fetch, "", oid()) }
	b.pair(name("acquire"), &acquire, &bare, "git push and git fetch of such a ref; aim 1.25x")

	b.do(clone, "git-grite", "lock", "acquire", "-r", "path:mine", "-q")
	ttl := 3600
	renew := step{dir: clone}
	renew.before = func() {
		ttl++
		renew.args = strings.Fields(fmt.Sprintf("git-grite lock renew -r path:mine --ttl %ds", ttl))
	}
	replace := step{dir: clone}
	replace.before = func() { there(); shell(&replace, "exec "+push, at, oid()) }
	b.pair(name("renew"), &renew, &replace, "git push of such a ref")

	release := grite("release", "-r", "path:mine")
	release.before = func() { b.do(clone, "git-grite", "lock", "acquire", "-r", "path:mine", "-q") }
	remove := step{dir: clone}
	remove.before = func() { there(); shell(&remove, "exec "+push, at, "") }
	b.pair(name("release"), &release, &remove, "git push that deletes such a ref")

	b.do(clone, "git-grite", "lock", "release", "--mine", "-q")
	run, two := grite("run", "path:mine", "--", "true"), both(clone)
	b.pair(name("run true"), &run, &two, "acquire and release; aim 1.1x")
}

// throughput counts how many locks a number of clones are granted, and give back,
// in a second.
func (b *bench) throughput(name string, clients int, overlapping bool) {
	if !b.selected(name) {
		return
	}
	clone := b.served(fmt.Sprintf("grants-%d-%v", clients, overlapping), "file", 0)
	url := b.output(clone, "", "git", "remote", "get-url", "origin")
	resources := []string{"path:src/", "path:src/a.go", "path:**/*.go", "repo:x"}
	const length = 4 * time.Second
	var mu sync.Mutex
	grants := 0
	var wg sync.WaitGroup
	end := time.Now().Add(length)
	for i := range clients {
		dir := fmt.Sprintf("%s-%d", clone, i)
		b.do("", "git", "clone", "-q", url, dir)
		b.do(dir, "git-grite", "init", "--no-hooks", "-q")
	}
	end = time.Now().Add(length)
	for i := range clients {
		dir := fmt.Sprintf("%s-%d", clone, i)
		wg.Go(func() {
			for round := i; time.Now().Before(end); round++ {
				resource := resources[round%len(resources)]
				if !overlapping {
					resource = fmt.Sprintf("path:%d/%d", i, round)
				}
				acquire := b.command(step{dir: dir, args: []string{"git-grite", "lock", "acquire", "-q", "-r", resource, "--wait", "5s"}}, b.env)
				if out, err := acquire.CombinedOutput(); err != nil {
					if acquire.ProcessState.ExitCode() != 4 {
						log.Fatalf("acquire: %v: %s", err, out)
					}
					continue
				}
				b.do(dir, "git-grite", "lock", "release", "-q", "--mine")
				mu.Lock()
				grants++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	took := time.Since(end) + length
	b.single(name, float64(grants)/took.Seconds(), "granted and released a second")
}
