//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// contested are the resources that everybody wants. Any two overlap, but for
// path:docs/x, which only repo:x does.
var contested = []string{"path:src/", "path:src/a.go", "path:**/*.go", "repo:x", "path:docs/x"}

func conflict(a, b string) bool {
	return a == b || a == "repo:x" || b == "repo:x" || a != "path:docs/x" && b != "path:docs/x"
}

// soak is what happened in a world.
type soak struct {
	*world
	beliefs *beliefs
	mu      sync.Mutex
	count   map[string]int // operations, grants, and the faults of each kind
	random  *rand.Rand
	program string
	calm    bool // nothing is killed or stopped
}

// TestSoak has clones, linked work trees and actors do random things by every
// way that leads to an arbiter, on lines with every fault, killed, stopped, and
// with git collecting and packing beside them, for as long as GRITE_SOAK says
// ("make soak"), else for a moment. What each was told is then held against what
// stood on the arbiter.
func TestSoak(t *testing.T) {
	t.Parallel()
	length, err := time.ParseDuration(os.Getenv("GRITE_SOAK"))
	if err != nil {
		length = 2 * time.Second
	}
	total := &soak{count: map[string]int{}}
	t.Cleanup(func() {
		t.Logf("in all: %s", tally(total.count))
		if total.count["grants"] == 0 {
			t.Error("nothing was granted")
		}
	})
	end := time.Now().Add(length)
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			// Worlds of a minute: what there is to check grows with the square of it.
			for lap := 0; lap == 0 || time.Now().Before(end); lap++ {
				t.Run(fmt.Sprint(lap), func(t *testing.T) {
					s := newSoak(t, v)
					s.play(time.Now().Add(min(length, time.Minute)))
					s.settle()
					found := s.beliefs.violations(conflict, s.history())
					for _, violation := range found {
						t.Error(violation)
					}
					s.add("violations", len(found))
					t.Log(tally(s.count))
					for what, n := range s.count {
						total.add(what, n)
					}
				})
			}
		})
	}
}

// TestSoakControl: with locks that vanish under their holders, and holders that
// take no notice of each other, the same checks do find something.
func TestSoakControl(t *testing.T) {
	t.Parallel()
	s := newSoak(t, variant{name: "control", local: true, atomic: true})
	s.calm = true
	a, b := s.players[0], s.players[1]
	s.operate(a, "acquire", "-r", "path:src/")
	ref := gittest.LockRef("path:src/")
	s.arbiter.Git("update-ref", "-d", ref, s.arbiter.Git("rev-parse", ref))
	s.operate(b, "acquire", "-r", "path:src/a.go")
	if found := s.beliefs.violations(conflict, s.history()); len(found) != 2 || !strings.HasPrefix(found[0], "two holders") || !strings.HasPrefix(found[1], "told that it holds") {
		t.Errorf("found %q", found)
	}
	began := time.Now()
	s.beliefs.toldLost(b.id, "path:src/a.go", began, "not so")
	if found := s.beliefs.violations(conflict, s.history()); len(found) != 3 || !strings.HasPrefix(found[2], "told that it lost") {
		t.Errorf("found %q", found)
	}
}

func newSoak(t *testing.T, v variant) *soak {
	t.Helper()
	return &soak{world: newWorld(t, v), beliefs: newBeliefs(), count: map[string]int{}, program: mustLook(t),
		random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))}
}

func tally(count map[string]int) string {
	var all []string
	for _, what := range slices.Sorted(maps.Keys(count)) {
		all = append(all, fmt.Sprint(count[what], " ", what))
	}
	return strings.Join(all, ", ")
}

func (s *soak) add(what string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[what] += n
}

// intn is random for several goroutines.
func (s *soak) intn(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

func (s *soak) chance(percent int) bool { return s.intn(100) < percent }

// play lets everybody do things until the time is over.
func (s *soak) play(until time.Time) {
	for _, p := range s.proxies {
		p.On(rate())
	}
	var wg sync.WaitGroup
	for _, p := range s.players {
		wg.Go(func() {
			for time.Now().Before(until) {
				s.step(p)
			}
		})
	}
	wg.Go(func() {
		for time.Now().Before(until) {
			s.housekeeping()
			time.Sleep(time.Duration(100+s.intn(900)) * time.Millisecond)
		}
	})
	wg.Wait()
}

// step is one command of a player.
func (s *soak) step(p player) {
	r := contested[s.intn(len(contested))]
	ttl := fmt.Sprint(2+s.intn(20), "s")
	switch s.intn(12) {
	case 0, 1, 2, 3:
		s.operate(p, "acquire", "-r", r, "--ttl", ttl)
	case 4:
		s.operate(p, "acquire", "-r", r, "-r", contested[s.intn(len(contested))], "--ttl", ttl)
	case 5:
		s.operate(p, "acquire", "-r", r, "--ttl", ttl, "--wait", "2s")
	case 6, 7:
		if mine := s.beliefs.owned(p.id); len(mine) > 0 {
			s.operate(p, "renew", "-r", mine[s.intn(len(mine))], "--ttl", ttl)
		} else {
			s.operate(p, "renew", "--mine", "--ttl", ttl)
		}
	case 8, 9:
		s.beliefs.gaveUp(p.id, "")
		s.operate(p, "release", "--mine")
	case 10:
		s.operate(p, "gc")
	case 11:
		if held := s.operate(p, "status"); len(held) > 0 && s.chance(25) {
			l := held[s.intn(len(held))]
			if l.Owner == p.id {
				return
			}
			s.beliefs.breaking(l.Nonce)
			s.operate(p, "break", "-r", l.Resource, "--nonce", l.Nonce, "--reason", "why")
		}
	}
}

// operate runs a lock command, which may be killed or stopped meanwhile, and
// notes what it said. It returns the locks that it named.
func (s *soak) operate(p player, args ...string) []held {
	verb := args[0]
	cmd := exec.Command(s.program, slices.Concat([]string{"lock"}, args, []string{"--json"})...)
	cmd.Dir, cmd.Env = p.Dir, p.Env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		s.t.Error(err)
		return nil
	}
	s.add("operations", 1)
	s.disturb(cmd)
	err := cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	code := cmd.ProcessState.ExitCode()
	var answer struct {
		Data  struct{ Locks []held }
		Error struct{ Code, Message string }
	}
	if code == -1 || json.Unmarshal(stdout.Bytes(), &answer) != nil {
		if code != -1 {
			s.t.Errorf("%q: exit %d, %s%s", args, code, &stdout, &stderr)
		}
		return nil
	}
	s.heard(p, stderr.String(), began)
	switch {
	case code == 0 && (verb == "acquire" || verb == "renew"):
		for _, l := range answer.Data.Locks {
			s.beliefs.told(p.id, l.Resource, l.Nonce, time.UnixMilli(l.Expires))
		}
		if verb == "acquire" {
			s.add("grants", 1)
		}
	case verb == "renew" && (code == 3 || code == 4) && args[1] == "-r":
		s.beliefs.toldLost(p.id, args[2], began, answer.Error.Message)
	case code == 5, strings.Contains(answer.Error.Message, "is over before it is granted"), strings.Contains(answer.Error.Message, "times in a row"):
		s.add("failures that were said", 1)
	case code != 0 && code != 3 && code != 4:
		s.add("other errors", 1)
		s.t.Errorf("%q: exit %d, %s, %s", args, code, answer.Error.Message, &stderr)
	}
	return answer.Data.Locks
}

// heard notes what a command said about locks that are gone.
func (s *soak) heard(p player, stderr string, began time.Time) {
	for line := range strings.Lines(stderr) {
		if rest, ok := strings.CutPrefix(line, "note: your lock on "); ok {
			resource, words, _ := strings.Cut(rest, " ")
			s.beliefs.toldLost(p.id, resource, began, strings.TrimSpace(words))
		}
	}
}

// disturb kills or stops a command in the middle, now and then.
func (s *soak) disturb(cmd *exec.Cmd) {
	switch n := s.intn(100); {
	case s.calm:
	case n < 6:
		time.AfterFunc(time.Duration(s.intn(120))*time.Millisecond, func() {
			if cmd.Process.Signal(syscall.SIGKILL) == nil {
				s.add("kills", 1)
			}
		})
	case n < 10:
		awake := time.Duration(s.intn(3000)) * time.Millisecond
		time.AfterFunc(time.Duration(s.intn(60))*time.Millisecond, func() {
			if cmd.Process.Signal(syscall.SIGSTOP) == nil {
				s.add("stops", 1)
				time.AfterFunc(awake, func() { _ = cmd.Process.Signal(syscall.SIGCONT) })
			}
		})
	}
}
