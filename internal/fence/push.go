package fence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
)

// Lock is the ref of a lock that guards a push, and what it becomes with it.
type Lock struct {
	Ref git.RefName
	Old git.OID // as it was granted
	New git.OID // the renewed record, which must differ: git does not send a ref that does not move; "" gives the lock up
}

// State is what became of the locks, and with them of all the push.
type State int

// The states of a push.
const (
	Unknown State = iota // not even reading told; both moved or none
	Moved                // all is done
	Kept                 // nothing was done, and the locks stand: git said why
	Lost                 // nothing was done, because a lock is not what it was, or gone
	Dry                  // it was a dry run
)

// Outcome is what a fenced push came to.
type Outcome struct {
	State State
	Exit  int // of git push; 0 does not always go with Moved: an answer may have been lost
	Lost  []Lock
}

// ErrNotAtomic is returned where the server cannot change several refs all or
// none. Nothing was pushed.
var ErrNotAtomic = git.ErrNotAtomic

// readLimit bounds the look at the remote after a push that failed.
const readLimit = 30 * time.Second

// Push pushes what the plan says under the guard of locks, of which there is at
// least one. Git talks to the user itself, and its exit code says whether all
// moved; only when it failed is the remote read, once.
//
// The error is ErrNotAtomic, that of git or of ctx, or that of the look; the
// State is Unknown then, but for ErrNotAtomic.
func Push(ctx context.Context, repo *git.Repo, p *Plan, locks []Lock, io git.Streams) (o Outcome, err error) {
	var pushErr error
	if o.Exit, pushErr = repo.PushAs(ctx, p.args(locks), io); errors.Is(pushErr, git.ErrNoGit) {
		return o, pushErr
	}
	switch {
	case p.DryRun:
		o.State = Dry
		return o, pushErr
	case pushErr == nil && o.Exit == 0:
		o.State = Moved
		return o, nil
	}
	// A push that was stopped may have landed all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
	defer cancel()
	names := make([]git.RefName, 0, len(locks))
	for _, l := range locks {
		names = append(names, l.Ref)
	}
	url, err := repo.PushURL(ctx, p.Repository)
	if err != nil {
		return o, errors.Join(pushErr, err)
	}
	at, err := repo.RemoteRefs(ctx, url, names)
	if err != nil {
		return o, errors.Join(pushErr, fmt.Errorf("reading what became of the push: %w", err))
	}
	if o.settle(locks, at); o.State == Unknown {
		if o.State, err = p.landed(ctx, repo, url); err != nil {
			return o, errors.Join(pushErr, err)
		}
	}
	if o.State == Kept && pushErr == nil && !repo.PushesAtomically(ctx, url, git.RefUpdate{Name: locks[0].Ref, New: locks[0].New}) {
		return o, ErrNotAtomic
	}
	return o, pushErr
}

// settle finds the state from where the refs of the locks stand. They moved
// together with the caller's refs, so that one that moved tells of all, whatever
// became of the others since. One that is gone may have been given up by this
// push or deleted by somebody else.
func (o *Outcome) settle(locks []Lock, at map[git.RefName]git.OID) {
	moved, gone := false, false
	o.State = Kept
	for _, l := range locks {
		switch stands := at[l.Ref]; {
		case stands == l.New && stands != "":
			moved = true
		case stands == l.New:
			gone = true
		case stands != l.Old:
			o.Lost, o.State = append(o.Lost, l), Lost
		}
	}
	switch {
	case moved:
		o.State, o.Lost = Moved, nil
	case gone && o.State == Kept:
		o.State = Unknown
	}
}

// landed looks at the caller's own refs where those of the locks cannot tell.
func (p *Plan) landed(ctx context.Context, repo *git.Repo, url string) (State, error) {
	for _, spec := range p.Refspecs {
		source, target, named := strings.Cut(strings.TrimPrefix(spec, "+"), ":")
		if !named {
			target = source
		}
		if source == "" || strings.ContainsAny(spec, "*^") {
			continue
		}
		names := []git.RefName{git.RefName(target)}
		if !strings.HasPrefix(target, "refs/") {
			names = []git.RefName{git.RefName("refs/heads/" + target), git.RefName("refs/tags/" + target)}
		}
		at, err := repo.RemoteRefs(ctx, url, names)
		if err != nil {
			return Unknown, err
		}
		commit, err := repo.CommitOf(ctx, source)
		if err != nil && !git.No(err) {
			return Unknown, err
		}
		for _, name := range names {
			if err == nil && at[name] == commit {
				return Moved, nil
			}
		}
		return Lost, nil
	}
	return Unknown, nil
}

// UpToDate reports whether git push would do nothing, and then says so as git does.
// Nothing is pushed for that: what is committed meanwhile would land without a
// guard. The error is that of a git that could not be run or of ctx, or
// *git.RemoteError: then nobody knows what the push would do.
func (p *Plan) UpToDate(ctx context.Context, repo *git.Repo, io git.Streams) (bool, error) {
	if p.on["set-upstream"] {
		return false, nil
	}
	// A dry run with push options is at times ended by SIGPIPE (git 2.39).
	args := append(p.options[:len(p.options):len(p.options)], "--no-push-option", "--dry-run", "--porcelain", "--no-quiet", "--no-verify", "--", p.Repository)
	var out, said bytes.Buffer
	exit, err := repo.PushAs(ctx, append(args, p.Refspecs...), git.Streams{In: io.In, Out: &out, Err: &said})
	if exit == 128 {
		err = &git.RemoteError{Remote: p.Repository, Err: &git.Error{Args: []string{"push"}, ExitCode: exit, Stderr: said.String()}}
	}
	if err != nil || exit != 0 {
		return false, err
	}
	same := false
	for line := range strings.Lines(out.String()) {
		flag, _, isRef := strings.Cut(line, "\t")
		if same = same || isRef; isRef && flag != "=" {
			return false, nil
		}
	}
	switch {
	case !same:
		return false, nil
	case p.on["porcelain"]:
		_, err = out.WriteTo(io.Out)
	case !p.on["quiet"]:
		_, err = fmt.Fprintln(io.Err, "Everything up-to-date")
	}
	return true, err
}

// args are those of git push. Ours come last, so that they count.
func (p *Plan) args(locks []Lock) []string {
	args := append(p.options[:len(p.options):len(p.options)], "--atomic")
	specs := p.Refspecs[:len(p.Refspecs):len(p.Refspecs)]
	for _, l := range locks {
		args = append(args, fmt.Sprintf("--force-with-lease=%s:%s", l.Ref, l.Old))
		specs = append(specs, fmt.Sprintf("%s:%s", l.New, l.Ref))
	}
	return append(append(args, "--", p.Repository), specs...)
}
