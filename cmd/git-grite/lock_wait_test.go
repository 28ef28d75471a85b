//go:build linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// count is the command of TestLockRunExcludes: it counts, slowly enough for
// another to come in between, and says when one did. $D/slow makes it as slow as
// that.
const count = `mkdir $D/busy || echo overlap >>$D/overlaps; n=$(cat $D/counter); sleep 0.05; while [ -e $D/slow ]; do sleep 0.05; done; echo $((n+1)) >$D/counter; rmdir $D/busy`

// TestLockRunExcludes has many clones run a command again and again under one
// lock: never two at a time, also with a network that loses, repeats and delays
// what it is given. Beside that, as it mostly waits, it has the control.
func TestLockRunExcludes(t *testing.T) {
	t.Parallel()
	together(func() { t.Run("but for a holder whose renewals go nowhere", unrenewed) }, func() { exclude(t) })
}

// unrenewed is a control of what count finds: the holder renews its lock, on a copy
// of the remote that nobody else sees, until the lease has ended for the others.
func unrenewed(t *testing.T) {
	remote := gittest.NewRemote(t)
	dir := t.TempDir()
	link, aside := filepath.Join(dir, "remote"), filepath.Join(dir, "copy")
	if err := os.Symlink(remote.Dir, link); err != nil {
		t.Fatal(err)
	}
	holder, other := remote.With("D="+dir).Clone(t, link), remote.With("D="+dir).Clone(t, remote.Dir)
	write(t, filepath.Join(dir, "counter"), "0\n")
	touch(t, filepath.Join(dir, "slow"))
	for _, r := range []*gittest.Repo{holder, other} {
		grite(t, r, "init", "--no-hooks")
		setting(t, r, "[lock]\nclock_skew = \"0s\"\n")
	}
	first := holder.Start("git-grite", "lock", "run", "repo:x", "--ttl", "30s", "--", "sh", "-c", count)
	appears(t, filepath.Join(dir, "busy"))
	if err := os.CopyFS(aside, os.DirFS(remote.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(aside, link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
	second := other.Start("git-grite", "lock", "run", "repo:x", "--wait", "5m", "--ttl", "15s", "--", "sh", "-c", count)
	appears(t, filepath.Join(dir, "overlaps"))
	if err := os.Remove(filepath.Join(dir, "slow")); err != nil {
		t.Fatal(err)
	}
	// Only one of them finds $D/busy to remove.
	if res := second.Wait(); res.Code > 1 {
		t.Errorf("the other: %+v", res)
	}
	if res := first.Wait(); res.Code > 1 || strings.Contains(res.Stderr, "could not be renewed") {
		t.Errorf("the holder: %+v", res)
	}
}

func exclude(t *testing.T) {
	clones, runs := 8, rounds(100)
	atOnce(t, map[string]bool{"file": true, "http": true}, func(t *testing.T, name string, _ bool) {
		remote := gittest.NewRemote(t)
		url, env := transport(t, name).Serve(t, remote.Dir)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "counter"), []byte("0\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		begin := func() {}
		if name == "http" {
			faults := []gittest.Fault{gittest.DropReply, gittest.DropRequest, gittest.Later, gittest.Duplicate, gittest.Double, gittest.Reset, gittest.DelayFor(300 * time.Millisecond)}
			var n atomic.Int64
			rule := func(*http.Request, int) gittest.Fault {
				if i := n.Add(1); i%11 == 0 {
					return faults[int(i/11)%len(faults)]
				}
				return gittest.Pass
			}
			proxy := gittest.Proxy(t, url)
			url = proxy.URL
			defer func() { t.Log(proxy.Tally()) }()
			begin = func() { proxy.On(rule) }
		}
		var fs []func()
		for range clones {
			c := remote.With(env...).With("D="+dir).Clone(t, url)
			grite(t, c, "init", "--no-hooks")
			fs = append(fs, func() {
				for done := 0; done < runs; {
					switch res := c.Run("", "git-grite", "lock", "run", "repo:x", "--ttl", "15s", "--wait", "30m", "--", "sh", "-c", count); res.Code {
					case 0:
						done++
					case 5: // the network
					default:
						t.Errorf("exit %d: %s", res.Code, res.Stderr)
						return
					}
				}
			})
		}
		begin()
		together(fs...)
		counter, _ := os.ReadFile(filepath.Join(dir, "counter"))
		overlaps, _ := os.ReadFile(filepath.Join(dir, "overlaps"))
		if string(counter) != fmt.Sprintf("%d\n", clones*runs) || len(overlaps) > 0 {
			t.Errorf("%d runs counted to %s%s", clones*runs, counter, overlaps)
		}
	})
}

// TestLockRunInLine has many wait for one lock, one after the other: the lock
// goes round in the order in which they came, and nobody is left out.
func TestLockRunInLine(t *testing.T) {
	t.Parallel()
	n := 4
	if os.Getenv("GRITE_TEST_FULL") == "1" {
		n = 16
	}
	atOnce(t, map[string]bool{"file": true, "http": true, "ssh": true}, func(t *testing.T, name string, _ bool) {
		remote := gittest.NewRemote(t)
		url, env := transport(t, name).Serve(t, remote.Dir)
		dir := t.TempDir()
		calls := func() (looks, fetches, pushes int) {
			text, _ := os.ReadFile(filepath.Join(dir, "calls"))
			return strings.Count(string(text), "ls-remote\n"), strings.Count(string(text), "fetch\n"), strings.Count(string(text), "push\n")
		}
		env = append(env, gittest.WrapGit(t, `case $SUBCOMMAND in ls-remote | fetch | push) echo "$SUBCOMMAND" >>"$D/calls" ;; esac`)...)
		at := func() *gittest.Repo {
			c := remote.With(env...).With("D="+dir).Clone(t, url)
			grite(t, c, "init", "--no-hooks")
			return c
		}
		holder := at()
		grite(t, holder, "lock", "acquire", "path:x")
		var all []*gittest.Running
		for i := range n {
			all = append(all, at().Start("git-grite", "lock", "run", "path:x", "--wait", "30m", "--", "sh", "-c", fmt.Sprintf("echo %d >>$D/order", i)))
			for deadline := time.Now().Add(time.Minute); strings.Count(remote.Git("for-each-ref", "refs/git-grite/waiting"), "refs/") <= i; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("waiter %d has not joined the line", i)
				}
			}
		}
		time.Sleep(5 * time.Second) // the intervals have grown to what they become
		const while = 10 * time.Second
		looks, fetches, pushes := calls()
		time.Sleep(while)
		moreLooks, moreFetches, morePushes := calls()
		looks, fetches, pushes = moreLooks-looks, moreFetches-fetches, morePushes-pushes
		perMinute := float64(looks) * float64(time.Minute/while) / float64(n)
		t.Logf("over %s, %2d waiters: %4.1f looks per waiter and minute, in %s %d fetches, %d pushes", name, n, perMinute, while, fetches, pushes)
		if looks == 0 || perMinute > 30 || pushes > 0 {
			t.Errorf("%.1f looks per waiter and minute, %d pushes", perMinute, pushes)
		}
		grite(t, holder, "lock", "release", "path:x")
		want := ""
		for i, p := range all {
			if res := p.Wait(); res.Code != 0 {
				t.Errorf("waiter %d: %+v", i, res)
			}
			want += fmt.Sprintf("%d\n", i)
		}
		if order, _ := os.ReadFile(filepath.Join(dir, "order")); string(order) != want {
			t.Errorf("order: %s", strings.Fields(string(order)))
		}
	})
}
