//go:build unix

package gittest

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestRunning(t *testing.T) {
	t.Parallel()
	r := New(t)
	if res := r.Start("sh", "-c", "echo out; echo err >&2; exit 3").Wait(); res != (Result{"out\n", "err\n", 3}) {
		t.Errorf("%+v", res)
	}
	// What a program left behind does not hold up Wait, and Kill takes the group.
	p := r.Start("sh", "-c", "sleep 1000 & echo $$; exec sleep 1000")
	p.Kill()
	if res := p.Wait(); res.Code != -1 {
		t.Errorf("killed: %+v", res)
	}
	p.Kill()
	orphan := r.Start("sh", "-c", "sleep 1000 &")
	if res := orphan.Wait(); res.Code != 0 {
		t.Errorf("%+v", res)
	}
	if pids := livingIn(filepath.Dir(lookup(r.Env, "HOME"))); len(pids) != 1 {
		t.Errorf("running: %d", pids)
	}
}

func TestStopAndCont(t *testing.T) {
	t.Parallel()
	r := New(t)
	ticks := func() int64 {
		st, err := os.Stat(filepath.Join(r.Dir, "ticks"))
		if err != nil {
			return 0
		}
		return st.Size()
	}
	grows := func() bool {
		before := ticks()
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if ticks() > before {
				return true
			}
		}
		return false
	}
	p := r.Start("sh", "-c", "while :; do echo >>ticks; sleep 0.01; done")
	if !grows() {
		t.Fatal("it does not run")
	}
	p.Stop()
	time.Sleep(50 * time.Millisecond)
	before := ticks()
	time.Sleep(200 * time.Millisecond)
	if ticks() != before {
		t.Error("it is not stopped")
	}
	if p.Cont(); !grows() {
		t.Error("it does not go on")
	}
}

// TestProxyHangs leaves a client, the proxy and a hook hanging when the test
// ends, which has to end them.
func TestProxyHangs(t *testing.T) {
	t.Parallel()
	var push *Running
	var world string
	t.Run("hanging", func(t *testing.T) {
		remote, r, proxy := proxied(t)
		world = filepath.Dir(lookup(remote.Env, "HOME"))
		proxy.On(func(req *http.Request, n int) Fault {
			if KindOf(req) == Push && n == 1 {
				return Hang
			}
			return Pass
		})
		push = r.Start("git", "push", "origin", r.lock("x")+":"+lockRef)
		proxy.Arrived(Push, 1)
		remote.Hook("pre-receive", "echo >in; sleep 1000")
		r.Start("git", "push", "origin", r.lock("y")+":"+lockRef)
		proxy.Arrived(Push, 2)
		if remote.at() != "" || push.cmd.ProcessState != nil {
			t.Error("it does not hang")
		}
	})
	if state := push.cmd.ProcessState; state == nil || state.ExitCode() != -1 {
		t.Errorf("the client: %v", state)
	}
	if pids := livingIn(world); len(pids) > 0 {
		t.Errorf("still running: %d", pids)
	}
}
