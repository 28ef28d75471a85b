package wal

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

// TestAnswers: replies that are lost, requests that are, and both late.
func TestAnswers(t *testing.T) {
	t.Parallel()
	bare := gittest.NewRemote(t)
	var smart gittest.Transport
	for _, tr := range gittest.Transports(t) {
		if tr.Name == "http" {
			smart = tr
		}
	}
	url, env := smart.Serve(t, bare.Dir)
	proxy := gittest.Proxy(t, url)
	alice, bob := join(t, bare.With(env...).Clone(t, proxy.URL), 0), join(t, bare.With(env...).Clone(t, url), 1)
	all := []Event{alice.mustAppend(false)}
	stored := func() (n int) {
		return strings.Count(bare.Git("rev-list", string(Ref)), "\n") + 1
	}
	for name, fault := range map[string]gittest.Fault{
		"reply": gittest.DropReply, "request": gittest.DropRequest, "late": gittest.Later, "twice": gittest.Duplicate,
	} {
		before := stored()
		proxy.On(gittest.Nth(gittest.Push, 1, fault))
		all = append(all, alice.mustAppend(false))
		proxy.Release()
		if n := stored(); n != before+1 {
			t.Errorf("%s: %d commits more", name, n-before)
		}
		// Somebody else appends before the late one comes.
		before = stored()
		proxy.On(gittest.Nth(gittest.Push, 1, fault))
		all = append(all, bob.mustAppend(false), alice.mustAppend(false), bob.mustAppend(false))
		proxy.Release()
		if n := stored(); n != before+3 {
			t.Errorf("%s, beside another: %d commits more", name, n-before)
		}
	}

	// The remote is gone for good: nothing is left behind.
	proxy.On(func(r *http.Request, _ int) gittest.Fault { return gittest.Status(503) })
	heads, _ := alice.Heads(t.Context())
	var unreachable *git.RemoteError
	if _, err := alice.Append(t.Context(), []Event{alice.event()}, false); !errors.As(err, &unreachable) || errors.Is(err, ErrUnknown) {
		t.Errorf("away: %v", err)
	}
	if now, _ := alice.Heads(t.Context()); now != heads {
		t.Errorf("the heads are %+v, not %+v", now, heads)
	}
	// It did the push, and went away before it said so: not known, and kept.
	var pushed bool
	proxy.On(func(r *http.Request, _ int) gittest.Fault {
		switch {
		case pushed:
			return gittest.Status(503)
		case gittest.KindOf(r) == gittest.Push:
			pushed = true
			return gittest.DropReply
		}
		return gittest.Pass
	})
	e := alice.event()
	if _, err := alice.Append(t.Context(), []Event{e}, false); !errors.Is(err, ErrUnknown) {
		t.Errorf("no answer: %v", err)
	}
	all = append(all, e)
	alice.mustHave(slices.Clone(all)...)
	proxy.On(nil)
	if s := alice.mustSync(); s.Here != s.There {
		t.Errorf("settled: %+v", s)
	}
	bob.mustSync()
	for _, m := range []*member{alice, bob} {
		m.mustHave(slices.Clone(all)...)
		if _, repeated := m.ids(); repeated > 0 {
			t.Errorf("%d events are stored twice", repeated)
		}
	}
}

// TestRefused: servers that do not want the log, and a busy one.
func TestRefused(t *testing.T) {
	for _, p := range gittest.Policies() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			remote := gittest.NewRemote(t)
			p.Apply(remote)
			m := join(t, remote.Clone(t, remote.Dir), 0)
			_, err := m.Append(t.Context(), []Event{m.event()}, false)
			var refused *RefusedError
			if p.Refuses != errors.As(err, &refused) || !p.Refuses && err != nil {
				t.Errorf("append: %v", err)
			}
			if p.Refuses {
				m.mustHave()
			}
		})
	}
	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		remote := gittest.NewRemote(t)
		remote.Write("refs/grite/wal.lock", "")
		m := join(t, remote.Clone(t, remote.Dir), 0)
		_, err := m.Append(t.Context(), []Event{m.event()}, false)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "failed to update ref") {
			t.Errorf("append: %v", err)
		}
	})
	t.Run("not a log", func(t *testing.T) {
		t.Parallel()
		remote := gittest.NewRemote(t)
		blob := remote.GitIn("no log", "hash-object", "-w", "--stdin")
		m := join(t, remote.Clone(t, remote.Dir), 0)
		remote.Git("update-ref", string(Ref), blob)
		var damaged *DamagedError
		if _, err := m.Append(t.Context(), []Event{m.event()}, false); !errors.As(err, &damaged) {
			t.Errorf("append: %v", err)
		}
		m.mustHave()
		e := m.mustAppend(true) // the clone goes on
		m.mustHave(e)
		if remote.Git("rev-parse", string(Ref)) != blob {
			t.Error("it was replaced")
		}
	})
}
