package gittest

import (
	"strings"
	"testing"
)

// proxied is a remote over HTTP behind a proxy, and a clone of it.
func proxied(t *testing.T, initArgs ...string) (remote, r *Repo, proxy *FaultProxy) {
	t.Helper()
	return proxiedBy(t, Proxy, initArgs...)
}

func proxiedBy(t *testing.T, start func(testing.TB, string) *FaultProxy, initArgs ...string) (remote, r *Repo, proxy *FaultProxy) {
	t.Helper()
	remote = NewRemote(t, initArgs...)
	for _, tr := range Transports(t) {
		if tr.Name == "http" {
			url, env := tr.Serve(t, remote.Dir)
			proxy = start(t, url)
			return remote, remote.With(env...).Clone(t, proxy.URL), proxy
		}
	}
	t.Fatal("no http")
	return nil, nil, nil
}

// unanswered reports whether a push ended like one whose reply was lost: exit 1
// and no line about the ref.
func unanswered(res Result) bool { return res.Code == 1 && !strings.Contains(res.Stdout, lockRef) }

func TestProxyPasses(t *testing.T) {
	t.Parallel()
	remote, r, proxy := proxied(t, "--object-format=sha256")
	proxy.On(nil)
	oid := r.lock("x")
	r.pushed("", oid)
	if proxy.Count(PushRefs) != 1 || proxy.Count(Push) != 1 || proxy.Count(Fetch) != 0 || remote.at() != oid {
		t.Errorf("%v, %q", proxy.count, remote.at())
	}
	r.Git("fetch", "-q", "origin", "+refs/grite/*:refs/x/*")
	if proxy.Count(FetchRefs) != 1 || proxy.Count(Fetch) != 1 { // it has the object already
		t.Errorf("fetched with %v", proxy.count)
	}
}

func TestProxyFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault Fault
		ends  func(res Result) bool
		// Is the lock on the server before what is held back is released, and after?
		before, after bool
	}{
		"drop reply":   {DropReply, unanswered, true, true},
		"drop request": {DropRequest, unanswered, false, false},
		"later":        {Later, unanswered, false, true},
		"duplicate":    {Duplicate, func(res Result) bool { return res.Code == 0 }, true, true},
		"reset":        {Reset, unanswered, false, false},
		"reset reply":  {ResetReply, unanswered, true, true},
		"half":         {HalfReply, unanswered, true, true},
		"double":       {Double, func(res Result) bool { return res.Code == 0 }, true, true},
		"status 500":   {Status(500), unanswered, false, false},
		"502, applied": {StatusApplied(502), unanswered, true, true},
		"status 401":   {Status(401), unanswered, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote, r, proxy := proxied(t)
			proxy.On(Nth(Push, 1, tt.fault))
			oid := r.lock("x")
			if res := r.push("", oid); !tt.ends(res) {
				t.Errorf("the client: %+v", res)
			}
			if got := remote.at() == oid; got != tt.before {
				t.Errorf("on the server at once: %v", got)
			}
			if name == "duplicate" {
				remote.Git("update-ref", "-d", lockRef)
			}
			if n := proxy.Release(); n != 0 != (name == "later" || name == "duplicate") {
				t.Errorf("%d requests were held back", n)
			}
			if got := remote.at() == oid; got != tt.after {
				t.Errorf("on the server at last: %v", got)
			}
			if n := proxy.Count(Push); n != 1 {
				t.Errorf("%d pushes came", n)
			}
		})
	}
}

// TestProxyKeepsAlive: git's curl sends a push again by itself, and the server
// gets it twice.
func TestProxyKeepsAlive(t *testing.T) {
	t.Parallel()
	remote, r, proxy := proxiedBy(t, KeepAliveProxy)
	push := func(words string) (oid string, res Result) {
		t.Helper()
		remote.Run("", "git", "update-ref", "-d", lockRef)
		proxy.On(Script(t, words))
		oid = r.lock(words)
		return oid, r.push("", oid)
	}
	oid, res := push("drop")
	if res.Code != 0 || remote.at() != oid || proxy.Count(Push) != 2 {
		t.Errorf("drop: %d pushes, %+v", proxy.Count(Push), res)
	}
	// The first is applied, so that the second is refused.
	if oid, res = push("dropreply"); res.Code != 1 || !strings.Contains(res.Stdout, "!") || remote.at() != oid || proxy.Count(Push) != 2 {
		t.Errorf("dropreply: %d pushes, %+v", proxy.Count(Push), res)
	}
	// The second is applied, and long after the first comes as well.
	if oid, res = push("keep"); res.Code != 0 || remote.at() != oid {
		t.Errorf("keep: %+v", res)
	}
	remote.Git("update-ref", "-d", lockRef)
	if proxy.Release() != 1 || remote.at() != oid {
		t.Error("the first copy did not come")
	}
	if tally := proxy.Tally(); tally["dropped requests"] != 1 || tally["dropped replies"] != 1 || tally["late requests"] != 1 || len(tally) != 3 {
		t.Errorf("counted %v", tally)
	}
}

func TestProxyScript(t *testing.T) {
	t.Parallel()
	remote, r, proxy := proxied(t)
	proxy.On(Script(t, "keep release-drop status=503 applied=504 repeat delay=1ms"))
	first, second := r.lock("first"), r.lock("second")
	for i, step := range []struct {
		old, new string
		code     int
		at       string
	}{
		{"", first, 1, ""}, {"", second, 1, first}, {first, second, 1, first}, {first, second, 1, second},
		{second, first, 1, first}, // refused the second time, which is the answer
		{first, second, 0, second},
	} {
		if res := r.push(step.old, step.new); res.Code != step.code || remote.at() != step.at {
			t.Errorf("push %d: %+v, at %q", i+1, res, remote.at())
		}
	}
	for _, word := range []string{"delay=x", "status=x", "droop", "release-droop"} {
		if _, err := parseFault(word); err == nil {
			t.Errorf("%q is a fault", word)
		}
	}
	proxy.On(Rate(1, 1, DropRequest))
	if res := r.push(second, first); res.Code != 1 || proxy.Count(PushRefs) != 1 {
		t.Errorf("a rate of 1: %+v", res)
	}
	proxy.On(Rate(0, 1, DropRequest))
	r.pushed(second, first)
}

func TestProxyOfReads(t *testing.T) {
	t.Parallel()
	_, r, proxy := proxied(t)
	r.publish()
	for kind, fault := range map[Kind]Fault{FetchRefs: Status(403), Fetch: DropReply} {
		proxy.On(Nth(kind, 1, fault))
		if res := r.Run("", "git", "fetch", "origin"); res.Code != 128 || proxy.Count(kind) != 1 {
			t.Errorf("%s: %+v", kind, res)
		}
		r.Git("fetch", "origin")
	}
	proxy.On(Nth(PushRefs, 1, Status(403)))
	if res := r.push("", r.lock("x")); res.Code != 128 || proxy.Count(Push) != 0 {
		t.Errorf("forbidden: %+v", res)
	}
}

func TestProxyDelays(t *testing.T) {
	t.Parallel()
	remote, r, proxy := proxied(t)
	for name, release := range map[string]func(chan struct{}){
		"channel": func(c chan struct{}) { close(c) },
		"Release": func(chan struct{}) {
			if proxy.Release() != 1 {
				t.Error("nothing was held back")
			}
		},
	} {
		c := make(chan struct{})
		proxy.On(Nth(Push, 1, Delay(c)))
		oid := r.lock(name)
		push := r.Start("git", "push", "-q", "origin", oid+":"+lockRef)
		proxy.Arrived(Push, 1)
		if remote.at() != "" {
			t.Errorf("%s: not delayed", name)
		}
		release(c)
		if res := push.Wait(); res.Code != 0 || remote.at() != oid {
			t.Errorf("%s: %+v, %q", name, res, remote.at())
		}
		remote.Git("update-ref", "-d", lockRef)
		proxy.Release()
	}

	// The client goes, the request comes.
	proxy.On(Nth(Push, 1, Delay(nil)))
	oid := r.lock("late")
	push := r.Start("git", "push", "-q", "origin", oid+":"+lockRef)
	proxy.Arrived(Push, 1)
	push.Kill()
	if proxy.Release(); remote.at() != oid {
		t.Errorf("the delayed request did not come: %q", remote.at())
	}
}
