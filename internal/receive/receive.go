// Package receive is the server's side: it judges a push in git's pre-receive
// hook, records of locks and pushed paths alike, before any ref has moved. What
// it decides by is the push, the locks as they stand, and a configuration that
// lies in the server's repository; it changes no ref, which git forbids while
// the pushed objects are in quarantine, and prints nothing.
package receive

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

// Update is one line of what git tells a pre-receive hook. An empty OID stands
// for all zeros: a ref that does not exist yet, or is to be deleted.
type Update struct {
	Ref      git.RefName
	Old, New git.OID
}

// ReadUpdates reads the hook's standard input: "<old oid> SP <new oid> SP <ref>"
// for each ref.
func ReadUpdates(in io.Reader) ([]Update, error) {
	var updates []Update
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		words := strings.SplitN(lines.Text(), " ", 3)
		if len(words) < 3 {
			return nil, fmt.Errorf("git's line %q has %d words instead of 3", lines.Text(), len(words))
		}
		updates = append(updates, Update{Old: oid(words[0]), New: oid(words[1]), Ref: git.RefName(words[2])})
	}
	return updates, lines.Err()
}

func oid(s string) git.OID {
	if strings.Trim(s, "0") == "" {
		return ""
	}
	return git.OID(s)
}

// Server is a repository that is pushed to.
type Server struct {
	Repo  *git.Repo
	Dir   string // our own directory in it
	Rules config.Receive
	Now   func() time.Time
	// Locks returns the locks as they stand, as read without asking anybody.
	Locks func(context.Context) ([]lock.Entry, error)
}

// Verdict is what a push comes to.
type Verdict struct {
	Refusals []Refusal // of single refs
	guard.Verdict
	Actors []lock.Owner // whom the pusher acts for
	// Gap is why not all could be looked at; Closed says that this refuses the push.
	Gap    error
	Closed bool
	At     time.Time
	gitlab bool
}

// Refusal is a ref that must not change so.
type Refusal struct {
	Ref git.RefName
	Why string // a clause about the ref
}

// Refused reports whether the push has to be refused, which is all of it: git
// knows no part of a push in this hook.
func (v Verdict) Refused() bool { return len(v.Refusals) > 0 || v.Blocked() || v.Closed }

// judgement is a verdict in the making.
type judgement struct {
	*Server
	Verdict
	push   Pusher
	pins   pins
	claims map[lock.Owner]bool // of the owners that this push speaks for
	locks  []lock.Entry
}

// Judge judges a push within the server's time limit. Records come first: a push
// that moves its locks along with a branch says by them whose they are.
func (s *Server) Judge(ctx context.Context, updates []Update, pusher Pusher) Verdict {
	j := &judgement{Server: s, push: pusher, claims: map[lock.Owner]bool{}}
	j.At, j.Policy, j.gitlab = s.Now(), s.Rules.Policy, pusher.GitLab
	ctx, cancel := context.WithTimeoutCause(ctx, s.Rules.Timeout, fmt.Errorf("it took longer than %s", s.Rules.Timeout))
	defer cancel()
	if j.Gap = j.judge(ctx, updates); j.Gap != nil {
		j.Closed = s.Rules.Fail == "closed"
	}
	for owner := range j.claims {
		j.Actors = append(j.Actors, owner)
	}
	return j.Verdict
}

func (j *judgement) judge(ctx context.Context, updates []Update) (err error) {
	var ours, branches []Update
	for _, u := range updates {
		switch name := string(u.Ref); {
		case strings.HasPrefix(name, "refs/grite/"), strings.HasPrefix(name, "refs/git-grite/"):
			ours = append(ours, u)
		case strings.HasPrefix(name, "refs/heads/") && u.New != "":
			branches = append(branches, u)
		}
	}
	pinning := j.Rules.Trust == "first-use"
	if pinning {
		if j.pins, err = readPins(j.Dir); err != nil {
			return err
		}
	}
	if j.push.Login == "" && j.push.Actor != "" && j.may(j.push.Actor, "") {
		j.claims[j.push.Actor] = true
	}
	if err := j.records(ctx, ours); err != nil {
		return err
	}
	if err := j.paths(ctx, branches); err != nil {
		return err
	}
	if !pinning || j.Refused() || j.push.Login == "" {
		return nil
	}
	return j.pins.add(j.Dir, j.push.Login, j.claims)
}

// load reads the locks, once.
func (j *judgement) load(ctx context.Context) (err error) {
	if j.locks == nil {
		j.locks, err = j.Locks(ctx)
	}
	return err
}
