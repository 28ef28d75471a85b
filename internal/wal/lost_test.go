package wal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

// TestRewound: somebody deletes the log on the remote, moves it back, or puts
// another one in its place. That is noticed once, and nothing is lost.
func TestRewound(t *testing.T) {
	for name, harm := range map[string]func(remote *gittest.Repo){
		"deleted":    func(remote *gittest.Repo) { remote.Git("update-ref", "-d", string(Ref)) },
		"moved back": func(remote *gittest.Repo) { remote.Git("update-ref", string(Ref), string(Ref)+"~2") },
		"replaced": func(remote *gittest.Repo) {
			other := join(t, remote.At(remote.Dir), 9)
			remote.Git("update-ref", "-d", string(Ref))
			other.mustAppend(true)
		},
	} {
		for _, act := range []string{"append", "sync", "fetch, then append"} {
			t.Run(name+", "+act, func(t *testing.T) {
				t.Parallel()
				remote := gittest.NewRemote(t)
				alice, bob := join(t, remote.Clone(t, remote.Dir), 0), join(t, remote.Clone(t, remote.Dir), 1)
				events := []Event{alice.mustAppend(false), alice.mustAppend(false), alice.mustAppend(false)}
				before, _ := alice.Heads(t.Context())
				harm(remote)
				if name == "replaced" {
					m := &member{}
					m.Log = &Log{Actor: ActorID{0xac, 9}}
					events = append(events, m.event())
				}
				var rewound git.OID
				switch act {
				case "append":
					e := alice.event()
					a, err := alice.Append(t.Context(), []Event{e}, false)
					if err != nil {
						t.Fatal(err)
					}
					events, rewound = append(events, e), a.Rewound
				case "sync":
					rewound = alice.mustSync().Rewound
				default:
					f, err := alice.Fetch(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					alice.mustHave(slices.Clone(events)...)
					rewound = f.Rewound
					if f, err := alice.Fetch(t.Context()); err != nil || f.Rewound != "" {
						t.Errorf("noticed again: %+v, %v", f, err)
					}
					events = append(events, alice.mustAppend(false))
				}
				if rewound != before.There {
					t.Errorf("rewound from %q, not %q", rewound, before.There)
				}
				alice.mustHave(slices.Clone(events)...)
				bob.mustSync()
				bob.mustHave(events...)
			})
		}
	}
}

// TestRefHereLost: the ref of this clone is deleted, set to something older or to
// another log; what the remote had is still there.
func TestRefHereLost(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	m := join(t, remote.Clone(t, remote.Dir), 0)
	a, b := m.mustAppend(false), m.mustAppend(false)
	m.clone.Git("update-ref", string(Ref), string(Ref)+"~1")
	m.mustHave(a, b)
	c := m.mustAppend(false)
	m.clone.Git("update-ref", "-d", string(Ref))
	m.mustHave(a, b, c)
	d := m.mustAppend(true)
	m.mustHave(a, b, c, d)
	m.mustSync()
	remote.Git("cat-file", "-e", string(Ref)+"~3")

	// Another program begins a log of its own here: both are kept, and that on
	// the remote is only added to.
	before := remote.Git("rev-parse", string(Ref))
	foreign := vectors(t)[1].event(t)
	byHand(m.clone, map[string][]byte{"events/2023/11/14/" + chunkHash(composed(t, foreign)) + ".bin": composed(t, foreign)})
	m.mustHave(a, b, c, d, foreign)
	e := m.mustAppend(false)
	m.mustHave(a, b, c, d, foreign, e)
	remote.Git("merge-base", "--is-ancestor", before, string(Ref))
	other := join(t, remote.Clone(t, remote.Dir), 1)
	other.mustSync()
	other.mustHave(a, b, c, d, foreign, e)
}

// TestAbandoned: what a killed fetch left behind is removed after an hour.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	m := join(t, remote.Clone(t, remote.Dir), 0)
	m.mustAppend(false)
	old, young := fmt.Sprintf("%s%d-0a", fetched, time.Now().Add(-2*time.Hour).UnixMilli()), fmt.Sprintf("%s%d-0b", fetched, time.Now().UnixMilli())
	for _, ref := range []string{old, young, fetched + "odd"} {
		m.clone.Git("update-ref", ref, string(Ref))
	}
	m.mustSync()
	if left := m.clone.Git("for-each-ref", "--format=%(refname)", strings.TrimSuffix(fetched, "/")); left != young+"\n"+fetched+"odd" {
		t.Errorf("left is %s", left)
	}
}

// TestClones: clones that lack most objects, and a linked work tree, have the
// whole log.
func TestClones(t *testing.T) {
	remote := gittest.NewRemote(t)
	first := join(t, remote.Clone(t, remote.Dir), 0)
	first.clone.Git("commit", "-q", "--allow-empty", "-m", "first")
	first.clone.Git("push", "-q", "origin", "HEAD:refs/heads/main")
	events := []Event{first.mustAppend(false), first.mustAppend(false)}
	for i, args := range [][]string{{"--depth=1"}, {"--filter=blob:none"}, {"--filter=tree:0"}, {"--bare"}} {
		t.Run(args[0], func(t *testing.T) {
			remote.Git("config", "uploadpack.allowFilter", "true")
			m := join(t, remote.Clone(t, "file://"+remote.Dir, args...), i+1)
			m.mustSync()
			m.mustHave(events...)
			events = append(events, m.mustAppend(true))
			m.mustSync()
			m.mustHave(events...)
			if args[0] != "--bare" {
				tree := join(t, m.clone.Worktree("linked"), i+1)
				tree.mustHave(events...)
			}
		})
	}
	first.mustSync()
	first.mustHave(events...)
}
