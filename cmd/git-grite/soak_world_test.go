//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// variant is a kind of arbiter and of the ways that lead to it.
type variant struct {
	name       string
	local      bool // one repository whose locks are its own
	atomic     bool
	init       []string
	inMemory   bool // the clones are on a tmpfs
	twoURLs    bool // a push goes to another repository, too
	transports []string
}

func variants() []variant {
	return []variant{
		{name: "local", local: true, atomic: true},
		{name: "remote", atomic: true, transports: []string{"file", "http", "http", "ssh"}},
		{name: "without --atomic", transports: []string{"file", "http", "http"}},
		{name: "SHA-256", atomic: true, init: []string{"--object-format=sha256"}, transports: []string{"path", "http", "http"}},
		{name: "tmpfs", atomic: true, inMemory: true, transports: []string{"file", "http", "ssh"}},
		{name: "two push URLs", atomic: true, twoURLs: true, transports: []string{"file", "http"}},
	}
}

// player is an actor in one of its places: a clone, or a linked work tree of it.
type player struct {
	*gittest.Repo
	id string
}

// world is an arbiter and all who ask it.
type world struct {
	t       *testing.T
	arbiter *gittest.Repo
	clones  []*gittest.Repo
	players []player
	proxies []*gittest.FaultProxy
	log     string // what the arbiter's reference-transaction hook writes
}

// chaos are the faults of the HTTP lines.
func chaos() []gittest.Fault {
	return []gittest.Fault{
		gittest.DropRequest, gittest.DropReply, gittest.Reset, gittest.ResetReply, gittest.HalfReply, gittest.Later, gittest.Duplicate, gittest.Double,
		gittest.Repeat, gittest.DelayFor(300 * time.Millisecond), gittest.DelayFor(3 * time.Second), gittest.Status(502), gittest.Status(503),
		gittest.Status(504), gittest.StatusApplied(502), gittest.StatusApplied(504),
	}
}

func newWorld(t *testing.T, v variant) *world {
	t.Helper()
	w := &world{t: t, log: filepath.Join(t.TempDir(), "transactions")}
	settings := "\n[lock]\nclock_skew = \"0s\"\n" // they are on one machine
	add := func(r *gittest.Repo, label string) {
		id := strings.Fields(grite(t, r, "actor", "show", label).Stdout)[2]
		w.players = append(w.players, player{r.With("GRITE_ACTOR=" + id), id})
	}
	join := func(r *gittest.Repo, name string) {
		grite(t, r, "init", "--no-hooks", "--label", name)
		configure(t, r, settings)
		grite(t, r, "actor", "init", "--label", name+"-2")
		w.clones = append(w.clones, r)
		add(r, name)
		add(r, name+"-2")
	}
	if v.local {
		w.arbiter = gittest.New(t)
		join(w.arbiter, "alice")
		linked := w.arbiter.Worktree("linked")
		add(linked, labelOf(t, linked))
	} else {
		w.arbiter = gittest.NewRemote(t, v.init...)
		w.arbiter.Seed(map[string]string{"src/a.go": "1\n"})
		if !v.atomic {
			w.arbiter.Git("config", "receive.advertiseAtomic", "false")
		}
		for i, name := range v.transports {
			join(w.clone(v, name, i), fmt.Sprint(name, i))
		}
		linked := w.clones[len(w.clones)-1].Worktree("linked")
		add(linked, labelOf(t, linked))
	}
	// Refs are locked in the state prepared, so that the order per ref is right;
	// $PPID is who moves them. What is only packed looks as if it was deleted.
	w.arbiter.Hook("reference-transaction", `[ -z "$PACKING" ] || exit 0
now=$(date +%s%N)
while read -r old new ref; do
	case $ref in refs/grite/locks/*) lines="$lines$1 $PPID $now $old $new $ref
" ;; esac
done
[ -z "$lines" ] || printf %s "$lines" >>`+w.log)
	return w
}

// labelOf is the label of the actor of a work tree.
func labelOf(t *testing.T, r *gittest.Repo) string {
	t.Helper()
	var answer struct{ Data struct{ Label string } }
	if err := json.Unmarshal([]byte(grite(t, r, "actor", "current", "--json").Stdout), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Data.Label
}

// clone makes a clone over a transport, where that is http behind a proxy of its
// own, by turns with connections that are kept alive and that are not.
func (w *world) clone(v variant, name string, i int) *gittest.Repo {
	w.t.Helper()
	transports := gittest.Transports(w.t)
	tr := transports[slices.IndexFunc(transports, func(tr gittest.Transport) bool { return tr.Name == name })]
	url, env := tr.Serve(w.t, w.arbiter.Dir)
	if name == "http" {
		start := gittest.KeepAliveProxy
		if i%2 == 0 {
			start = gittest.Proxy
		}
		proxy := start(w.t, url)
		w.proxies = append(w.proxies, proxy)
		url = proxy.URL
	}
	c := w.arbiter.With(env...).Clone(w.t, url, "-b", "main")
	if v.inMemory {
		if dir, err := os.MkdirTemp("/dev/shm", "git-grite-"); err == nil {
			w.t.Cleanup(func() { os.RemoveAll(dir) })
			if err := os.CopyFS(filepath.Join(dir, "clone"), os.DirFS(c.Dir)); err != nil {
				w.t.Fatal(err)
			}
			c = c.At(filepath.Join(dir, "clone"))
		}
	}
	if v.twoURLs {
		c.Git("remote", "set-url", "--add", "--push", "origin", url)
		c.Git("remote", "set-url", "--add", "--push", "origin", gittest.NewRemote(w.t, v.init...).Dir)
	}
	return c
}

// housekeeping is what a server and its users do to repositories by themselves;
// nothing that a record is needed for is pruned.
func (s *soak) housekeeping() {
	for _, p := range s.proxies {
		s.add("released by the proxy", p.Release())
	}
	all := append(slices.Clone(s.clones), s.arbiter)
	chores := [][]string{{"gc", "-q", "--prune=never"}, {"pack-refs", "--all"}, {"repack", "-adkq"}, {"maintenance", "run", "--quiet", "--task=loose-objects", "--task=commit-graph"}}
	all[s.intn(len(all))].With("PACKING=1").Run("", "git", chores[s.intn(len(chores))]...)
	s.add("chores", 1)
}

func rate() gittest.Rule { return gittest.Rate(0.15, rand.Uint64(), chaos()...) }

// settle brings the lines in order. Everybody can give back what they hold, nothing
// blocks anybody for longer than its lease, and git works everywhere.
func (s *soak) settle() {
	for _, p := range s.proxies {
		p.On(nil)
		p.Release()
		for fault, n := range p.Tally() {
			s.add(fault, n)
		}
	}
	s.unlockRefs()
	for _, p := range s.players {
		s.beliefs.gaveUp(p.id, "")
		if res := p.Run("", "git-grite", "lock", "release", "--mine"); res.Code != 0 && res.Code != 3 && res.Code != 4 {
			s.t.Errorf("in the end %s releases with exit %d, %s", p.id, res.Code, res.Stderr)
		}
	}
	args := []string{"lock", "acquire"}
	for _, r := range contested {
		args = append(args, "-r", r)
	}
	try(s.t, s.players[0].With("GRITE_TEST_SHIFT=1h"), args...).exits(0)
	for _, r := range append(slices.Clone(s.clones), s.arbiter) {
		r.Healthy()
	}
}

// unlockRefs removes what a git leaves behind when it is ended in the moment
// between the making of a lock file and its own note of it, as "doctor --fix"
// does where it is old enough.
func (s *soak) unlockRefs() {
	for _, r := range s.clones {
		left := filepath.Join(r.Dir, ".git/packed-refs.lock")
		for {
			made, err := os.Stat(left)
			if err != nil {
				break
			}
			if time.Since(made.ModTime()) > 30*time.Second {
				s.add("lock files of a git that was ended", 1)
				_ = os.Remove(left)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}
