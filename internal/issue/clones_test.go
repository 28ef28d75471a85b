package issue

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/wal"
)

// TestClones: several clones change the same issues at once, also offline, and
// in the end all of them have the same, with every comment.
func TestClones(t *testing.T) {
	remote := gittest.NewRemote(t)
	const clones, comments = 4, 4
	logs, trackers := cloned(t, remote, clones)
	e, err := Create(logs[0].Actor, time.Now(), Created{Title: "Shared", Labels: []string{"todo"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := logs[0].Append(t.Context(), []wal.Event{e}, false); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i, l := range logs {
		wg.Go(func() {
			if _, err := l.Sync(t.Context()); err != nil {
				t.Error(err)
				return
			}
			for k := range comments {
				x, err := trackers[i].Index(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				is, err := x.Find(e.Issue.String()[:8])
				if err != nil {
					t.Error(err)
					return
				}
				var events []wal.Event
				for _, kind := range []Kind{Commented{"a comment"}, LabelAdded{fmt.Sprintf("clone-%d", i)}, Updated{Title: ptr(fmt.Sprintf("by %d, %d", i, k))}} {
					e, err := is.Change(l.Actor, time.Now(), kind)
					if err != nil {
						t.Error(err)
						return
					}
					events = append(events, e)
				}
				if _, err := l.Append(t.Context(), events, k%2 == 1); err != nil {
					t.Error(err)
				}
			}
			if _, err := l.Sync(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var first []Issue
	for i, l := range logs {
		if _, err := l.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		x, err := trackers[i].Index(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := x.All()
		if first == nil {
			first = all
		}
		if len(all) != 1 || all[0].Comments != clones*comments || len(all[0].Labels) != clones+1 || !reflect.DeepEqual(all, first) {
			t.Errorf("clone %d has %+v", i, all)
		}
		shown, events, err := trackers[i].Show(t.Context(), x, e.Issue)
		if err != nil || len(events) != 1+3*clones*comments || shown.Title != all[0].Title {
			t.Errorf("clone %d shows %+v with %d events, %v", i, shown, len(events), err)
		}
		r, err := trackers[i].Check(t.Context())
		if want := (Report{Chunks: r.Chunks, Events: len(events), Issues: 1}); err != nil || r != want {
			t.Errorf("clone %d: %+v, %v", i, r, err)
		}
	}
}

// cloned opens the logs of new clones, each with a tracker.
func cloned(t *testing.T, remote *gittest.Repo, n int) (logs []*wal.Log, trackers []*Tracker) {
	t.Helper()
	for i := range n {
		clone := remote.Clone(t, remote.Dir)
		repo, err := git.Open(t.Context(), clone.Dir, clone.Env)
		if err != nil {
			t.Fatal(err)
		}
		origin, err := repo.OpenRemote(t.Context(), "origin", false)
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, &wal.Log{Repo: repo, Remote: origin, Actor: wal.ActorID{byte(i)}, Now: time.Now})
		trackers = append(trackers, kept(logs[i]))
	}
	return logs, trackers
}

// TestReport counts what is wrong with a log.
func TestReport(t *testing.T) {
	id := wal.IssueID{1}
	create := made(t, id, alice, 1, Created{Title: "T"})
	l := &memory{chunks: [][]wal.Event{
		{create, create, made(t, wal.IssueID{2}, alice, 2, Commented{"stray"})},
		{sealed(id, 3, 99, []byte{0xf6}), sealed(id, 4, 3, []byte{0xf6}), sealed(wal.IssueID{}, 5, 14, []byte{0x82, 0x61, 'k', 0x61, 'v'})},
	}}
	r, err := (&Tracker{Log: l}).Check(t.Context())
	if err != nil || r.Why == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	r.Why = nil
	if want := (Report{Chunks: 2, Events: 5, Issues: 1, Repeated: 1, Unknown: 1, Stray: 1, BadEvents: 1}); r != want {
		t.Errorf("%+v, not %+v", r, want)
	}
}
