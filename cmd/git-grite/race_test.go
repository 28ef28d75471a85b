package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// together runs the functions at the same time.
func together(fs ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, f := range fs {
		wg.Go(func() {
			<-start
			f()
		})
	}
	close(start)
	wg.Wait()
}

// rounds is a tenth of n, or all of them in "make race".
func rounds(n int) int {
	if os.Getenv("GRITE_TEST_FULL") == "1" {
		return n
	}
	return max(n/10, 1)
}

// racers are actors of one clone, every fourth in a linked work tree.
func racers(t *testing.T, r *gittest.Repo, n int) []*gittest.Repo {
	grite(t, r, "init", "--no-hooks")
	var all []*gittest.Repo
	for i := range n {
		at := r
		if i%4 == 3 {
			at = r.Worktree(fmt.Sprintf("w%d", i))
		} else {
			at = r.With(fmt.Sprintf("GRITE_ACTOR=racer-%d", i))
		}
		all = append(all, at)
	}
	return all
}

// looseObjects counts what is in the object database.
func looseObjects(r *gittest.Repo) string { return strings.Fields(r.Git("count-objects"))[0] }

func TestRaceOverlappingAcquire(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	all := racers(t, r, 16)
	resources := []string{"path:src/", "path:src/a.go", "path:**/*.go", "repo:x"}
	for round := range rounds(30) {
		codes := make([]int, len(all))
		wanted := make([]string, len(all))
		var fs []func()
		for i, at := range all {
			wanted[i] = resources[(i+round)%len(resources)]
			if round%2 == 0 {
				wanted[i] = resources[round/2%len(resources)]
			}
			fs = append(fs, func() {
				res := at.Run("", "git-grite", "lock", "acquire", "-r", wanted[i])
				if codes[i] = res.Code; res.Code != 0 && res.Code != 4 {
					t.Errorf("exit %d: %s", res.Code, res.Stderr)
				}
			})
		}
		before := looseObjects(r)
		together(fs...)
		winners := 0
		for i, code := range codes {
			if code == 0 {
				winners++
				grite(t, all[i], "lock", "release", "--mine")
			}
		}
		if winners != 1 {
			t.Fatalf("round %d: %d winners for %q", round, winners, wanted)
		}
		var had, has int
		fmt.Sscan(before, &had)
		fmt.Sscan(looseObjects(r), &has)
		if has-had != 3 {
			t.Errorf("round %d: %d objects were written, 3 make one lock", round, has-had)
		}
	}
}

func TestRaceTakeover(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	all := racers(t, r, 8)
	for round := range rounds(10) {
		late := fmt.Sprintf("GRITE_TEST_SHIFT=%dh", round*2+2)
		grite(t, all[0].With(fmt.Sprintf("GRITE_TEST_SHIFT=%dh", round*2), "GRITE_ACTOR=former"), "lock", "acquire", "-r", "path:x")
		var mu sync.Mutex
		winners := 0
		var fs []func()
		for _, at := range all {
			fs = append(fs, func() {
				res := at.With(late).Run("", "git-grite", "lock", "acquire", "-r", "path:x")
				mu.Lock()
				defer mu.Unlock()
				switch res.Code {
				case 0:
					winners++
				case 4:
				default:
					t.Errorf("exit %d: %s", res.Code, res.Stderr)
				}
			})
		}
		together(fs...)
		if winners != 1 {
			t.Fatalf("round %d: %d winners", round, winners)
		}
		r.Git("update-ref", "-d", gittest.LockRef("path:x"))
	}
}

// TestRacePairs sets two commands against each other on one expired or live
// lock; whatever wins, the other must not have won too.
func TestRacePairs(t *testing.T) {
	ref := gittest.LockRef("path:x")
	// What a round starts from and comes to is set and read with git, which costs
	// a fraction of a git-grite.
	owner := func(r *gittest.Repo) string {
		var record struct{ Label string }
		res := r.Run("", "git", "cat-file", "-p", ref+":lock.json")
		if res.Code != 0 {
			return ""
		}
		if err := json.Unmarshal([]byte(res.Stdout), &record); err != nil {
			return err.Error()
		}
		return record.Label
	}
	shift := "GRITE_TEST_SHIFT=1h"
	for name, tt := range map[string]struct {
		first, second []string
		env           string // of both
		// legal tells which outcomes may be: codes and who holds the lock then.
		legal func(first, second int, holder string) bool
	}{
		"renew against takeover": {[]string{"renew", "-r", "path:x", "--ttl", "1h"}, []string{"acquire", "-r", "path:x", "--actor", "bob"}, shift,
			func(a, b int, holder string) bool {
				return a == 0 && b == 4 && holder == "alice" || a == 4 && b == 0 && holder == "bob"
			}},
		"release against renew": {[]string{"release", "-r", "path:x"}, []string{"renew", "-r", "path:x", "--ttl", "2h"}, "A=1",
			func(a, b int, holder string) bool { return a == 0 && (b == 0 || b == 3) && holder == "" }},
		"gc against takeover": {[]string{"gc"}, []string{"acquire", "-r", "path:x", "--actor", "bob"}, shift,
			func(a, b int, holder string) bool { return a == 0 && b == 0 && holder == "bob" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := gittest.New(t).With("GRITE_ACTOR=alice")
			grite(t, r, "lock", "acquire", "-r", "path:y", "--actor", "bob", "--ttl", "1s")
			grite(t, r, "lock", "acquire", "-r", "path:x", "--ttl", "30m")
			start := r.Git("rev-parse", ref)
			for round := range rounds(150) {
				r.Git("update-ref", ref, start)
				var a, b gittest.Result
				together(
					func() { a = r.With(tt.env).Run("", "git-grite", append([]string{"lock"}, tt.first...)...) },
					func() { b = r.With(tt.env).Run("", "git-grite", append([]string{"lock"}, tt.second...)...) },
				)
				if holder := owner(r); !tt.legal(a.Code, b.Code, holder) {
					t.Fatalf("round %d: %d and %d, held by %q: %s%s", round, a.Code, b.Code, holder, a.Stderr, b.Stderr)
				}
			}
		})
	}
}

func TestWaitersTakeTurns(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	all := racers(t, r, 8)
	var fs []func()
	for _, at := range all {
		fs = append(fs, func() {
			res := at.Run("", "git-grite", "lock", "acquire", "-r", "path:x", "--wait", "60s")
			if res.Code != 0 {
				t.Errorf("exit %d: %s", res.Code, res.Stderr)
				return
			}
			time.Sleep(10 * time.Millisecond)
			at.Run("", "git-grite", "lock", "release", "--mine")
		})
	}
	together(fs...)
}
