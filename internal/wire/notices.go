package wire

import (
	"fmt"
	"time"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
)

// Kind says what a notice is about.
type Kind string

// The kinds of notices.
const (
	LostLock       Kind = "lost"            // a lock that the actor no longer has
	BrokenLock     Kind = "broken"          // one that somebody broke
	Clock          Kind = "clock"           // two clocks differ
	ActorMade      Kind = "actor_made"      // the command created its actor
	HooksMissing   Kind = "hooks_missing"   // git does not run our hooks here
	StaleView      Kind = "stale_view"      // the arbiter could not be asked, or was not
	UnknownSetting Kind = "unknown_setting" // a key that means nothing
	ActorCopied    Kind = "actor_copied"    // the clone is a copy, and has actors of its own from now on
	NotDone        Kind = "not_done"        // a part of what was asked for failed
	EndedLease     Kind = "ended"           // a lease of the actor ran out
	EndsSoon       Kind = "ends_soon"       // one is about to
	UnmatchedPath  Kind = "unmatched_path"  // a lock covers nothing that is here
	Unpushed       Kind = "unpushed"        // a lock was given up before the push
	Advice         Kind = "advice"
	Message        Kind = "message" // from another actor, about a lock
	HeldLock       Kind = "held"    // somebody else has locked what was changed
)

// Notice is something that the caller must know beside the result.
type Notice struct {
	Kind    Kind         `json:"kind"`
	Message string       `json:"message"` // one line; for people it follows "note: "
	Lock    *Lock        `json:"lock,omitempty"`
	By      *Lock        `json:"by,omitempty"`
	Note    *note.Record `json:"note,omitempty"` // of message

	Resource  string `json:"resource,omitempty"`  // of unmatched_path
	Submodule string `json:"submodule,omitempty"` // that it lies in
}

// Copied is what the first command in a copied clone says.
const Copied = "this clone is a copy of another one; from now on it has actors of its own and holds none of the other's locks; " +
	"if the other clone is gone for good: git grite actor adopt"

// maxLosses is how many losses of a kind are told one by one.
const maxLosses = 5

// Notices are what a verb noticed, in words.
func Notices(r clone.Report, now time.Time) (notices []Notice) {
	reader := Reader{Owner: r.Actor.ID, Now: now}
	if r.Actor.Made {
		notices = append(notices, Notice{Kind: ActorMade, Message: fmt.Sprintf("actor %s (%s) created for this clone", Printable(r.Actor.Label), r.Actor.ID.Short())})
	}
	for i, l := range r.Losses {
		if i == maxLosses {
			notices = append(notices, Notice{Kind: LostLock, Message: fmt.Sprintf("%d more locks of yours are gone: git grite lock log", len(r.Losses)-maxLosses)})
			break
		}
		n := Notice{Kind: LostLock, Message: lossMessage(l, now)}
		switch {
		case l.Cause == lock.Broken:
			n.Kind = BrokenLock
		case l.Cause == lock.Ended, l.Cause == lock.Removed && over(l, now):
			n.Kind = EndedLease
		}
		was := reader.Lock(l.Lock)
		if n.Lock = &was; l.By.Owner != "" {
			by := reader.Lock(l.By)
			n.By = &by
		}
		notices = append(notices, n)
	}
	for i, l := range r.Soon {
		if i == maxLosses {
			break
		}
		was := reader.Lock(l)
		notices = append(notices, Notice{Kind: EndsSoon, Lock: &was, Message: fmt.Sprintf("your lock on %s ends in %s: git grite lock renew -r %s",
			Name(l), Span(l.Expires.Sub(now)), ShellQuote(l.Resource.String()))})
	}
	notices = append(notices, notes(r, now)...)
	for _, d := range r.Clocks[:min(1, len(r.Clocks))] {
		notices = append(notices, Notice{Kind: Clock, Message: ClockMessage(d)})
	}
	return notices
}

func lossMessage(l lock.Lost, now time.Time) string {
	name := Name(l.Lock)
	switch {
	case l.Cause == lock.Broken:
		message := fmt.Sprintf("your lock on %s was broken by %s %s ago", name, Printable(l.By.Holder()), Span(now.Sub(l.By.Acquired)))
		if l.By.Reason != "" {
			message += ": " + Printable(l.By.Reason)
		}
		return message
	case l.Lock.Unconfirmed && l.Cause == lock.Taken:
		return fmt.Sprintf("your lock on %s, taken offline, is not held: %s has %s until %s; to remove it: git grite lock release --resource %s",
			name, Printable(l.By.Holder()), Name(l.By), Timestamp(l.By.Expires), ShellQuote(l.Lock.Resource.String()))
	case l.Cause == lock.Ended:
		return fmt.Sprintf("your lock on %s ended %s ago, and nobody has taken it: git grite lock renew -r %s", name, Span(now.Sub(l.Lock.Expires)), ShellQuote(l.Lock.Resource.String()))
	case l.Cause == lock.Taken && over(l, now):
		return fmt.Sprintf("your lock on %s ended %s ago; %s", name, Span(now.Sub(l.Lock.Expires)), takenBy(l))
	case l.Cause == lock.Taken:
		return fmt.Sprintf("your lock on %s is gone: %s", name, takenBy(l))
	case over(l, now):
		return fmt.Sprintf("your lock on %s ended %s ago, and its record was removed", name, Span(now.Sub(l.Lock.Expires)))
	}
	return fmt.Sprintf("your lock on %s is gone: somebody removed it", name)
}

// takenBy says who has a lost lock now, and under which name.
func takenBy(l lock.Lost) string {
	who := Printable(l.By.Holder())
	if !l.By.Resource.SameAs(l.Lock.Resource) {
		return fmt.Sprintf("%s has %s now", who, Name(l.By))
	}
	return who + " took it over"
}

// over reports whether a lease had ended by itself when its lock was lost, as
// far as that is known.
func over(l lock.Lost, now time.Time) bool {
	if l.Lock.Expires.IsZero() || l.Lock.Expires.After(now) || l.Cause == lock.Broken {
		return false
	}
	return l.By.Acquired.IsZero() || !l.By.Acquired.Before(l.Lock.Expires)
}

// Unmatched tells that a lock covers nothing here.
func Unmatched(u check.Unmatched) Notice {
	n := Notice{Kind: UnmatchedPath, Resource: u.Resource.String(), Submodule: u.Submodule}
	name := Printable(u.Resource.String())
	switch {
	case u.Submodule != "":
		n.Message = fmt.Sprintf("%s lies in the submodule %s, whose files are those of another repository: lock it there", name, Printable(u.Submodule))
	case u.Trimmed != "":
		n.Message = fmt.Sprintf("%q matches nothing here: it has blanks that %q does not have", u.Resource.Name(), u.Trimmed)
	default:
		n.Message = fmt.Sprintf("%s matches nothing that is tracked, staged or present here", name)
	}
	return n
}

// UnpushedCommits tells that a lock was given up before the push.
func UnpushedCommits(u check.Unpushed, r Reader) Notice {
	was := r.Lock(u.Lock)
	are := "commits that change it are"
	if u.Commits == 1 {
		are = "commit that changes it is"
	}
	return Notice{Kind: Unpushed, Lock: &was, Message: fmt.Sprintf(
		"%s is released, but %d %s not on %s yet: others may lock it now, and your push may be stopped; push first, then release",
		Name(u.Lock), u.Commits, are, Printable(u.Remote))}
}

// ClockMessage says which clock differs and by how much.
func ClockMessage(d lock.ClockDoubt) string {
	which := "ahead of"
	by := d.Ahead
	if by < 0 {
		which, by = "behind", -by
	}
	return fmt.Sprintf("the clock of %s is at least %s %s this one, or this one is wrong: leases end at the wrong time", Printable(d.Lock.Holder()), Span(by), which)
}
