package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wal"
	"github.com/git-grite/git-grite/internal/wire"
)

func newIssue() *command {
	return &command{name: "issue", usage: "the issues of this repository", group: func() []*command {
		return []*command{
			newIssueCreate(), newIssueList(), newIssueShow(), newIssueComment(),
			newIssueState("close", "close an issue", "Issue closed", issue.Closed),
			newIssueState("reopen", "open an issue again", "Issue reopened", issue.Open),
			{name: "label", usage: "the labels of an issue", group: func() []*command {
				return []*command{
					newIssueLabel("add", "add labels", "Label added", func(l string) issue.Kind { return issue.LabelAdded{Label: l} }),
					newIssueLabel("remove", "remove labels", "Label removed", func(l string) issue.Kind { return issue.LabelRemoved{Label: l} }),
				}
			}},
			newIssueUpdate(), newIssueClaim(),
		}
	}}
}

func bodyFlag(to *optional, what string) cli.Flag {
	return optionalFlag(to, "body", "the `TEXT` of the "+what+"; - reads it from stdin; without, git's editor opens on a terminal")
}

func offlineFlag(to *bool) cli.Flag {
	return boolFlag(to, "offline", "do not ask the remote; sync has to send it later")
}

// issueID is the one argument of a command about an issue.
func (c *call) issueID() (string, error) {
	if len(c.args) != 1 {
		return "", &usageError{message: c.name + " needs the ID of one issue", hint: "git grite issue list"}
	}
	id := strings.TrimPrefix(c.args[0], "issue:")
	if id == "" { // of a script's variable; elsewhere it stands for a new issue, or for any
		return "", issue.ErrPrefix
	}
	return id, nil
}

// issueLine names an issue by the beginning of its id that the caller gave.
func issueLine(w io.Writer, id fmt.Stringer) { fmt.Fprintf(w, "  Issue: %s\n", id) }

// changeIssue carries out a change and says so. The draft is the file that the
// text was written to in an editor, "" for none; it outlives a failure.
func (c *call) changeIssue(ctx context.Context, cl *clone.Clone, title string, q tracker.Request, state issue.State, draft string) (result, error) {
	done, err := tracker.Change(ctx, cl, q)
	c.out.report(done.Report)
	c.tellLog(done.Log.Rewound, true)
	if done.Fallback != nil {
		c.out.note(wire.StaleView, "%s; kept in this clone, to be sent by: git grite sync", wire.Printable(done.Fallback.Error()))
	}
	if done.Held != nil {
		l := done.Held.Conflicts[0]
		by := c.reader(done.Actor).Lock(l)
		c.out.notice(wire.Notice{Kind: wire.HeldLock, Lock: &by, Message: fmt.Sprintf("%s is held by %s until %s", wire.Name(l), wire.Printable(l.Holder()), wire.Timestamp(l.Expires))})
	}
	if err != nil {
		if draft != "" {
			c.out.note(wire.NotDone, "the text is in %s", draft)
		}
		var unreachable *git.RemoteError
		if errors.As(err, &unreachable) && !errors.Is(err, wal.ErrUnknown) {
			err = &unsentError{unreachable, c.Args[1:]}
		}
		return result{}, err
	}
	if draft != "" {
		_ = os.Remove(draft)
	}
	return result{data: c.reader(done.Actor).IssueChanged(done, state), text: func(w io.Writer) {
		fmt.Fprintln(w, title)
		issueLine(w, done.Issue)
		if done.Unsent {
			fmt.Fprintln(w, "  Not sent: others do not see it until git grite sync has reached the remote")
		}
	}}, nil
}

// tellLog says that somebody took away from the log on the remote.
func (c *call) tellLog(rewound git.OID, putBack bool) {
	switch {
	case rewound == "":
	case putBack:
		c.out.note(wire.Advice, "the issue log on the remote was deleted or moved back; this clone had all of it and has put it back")
	default:
		c.out.note(wire.Advice, "the issue log on the remote was deleted or moved back; this clone has all of it, and git grite sync puts it back")
	}
}

// tellIssues says how old a view of issues is, and what its look at the log found.
func (c *call) tellIssues(v tracker.View) {
	c.tellAge(v.View)
	c.tellLog(v.Log.Rewound, false)
	if v.LogErr != nil {
		c.out.note(wire.StaleView, "%s; the issues are as they were last seen", wire.Printable(v.LogErr.Error()))
	}
}

// unsentError is a change of an issue that did not reach the remote.
type unsentError struct {
	*git.RemoteError
	args []string // that asked for it
}

func explainUnsent(e *unsentError, _ time.Time) failure {
	f := failure{lines: []string{"Nothing was changed."}}
	if !slices.Contains(e.args, "--") {
		line := "git grite"
		for _, arg := range e.args {
			line += " " + wire.ShellQuote(arg)
		}
		f.hints = append(f.hints, line+" --offline")
	}
	f.hints = append(f.hints, "git grite doctor")
	return f
}

func explainAmbiguous(e *issue.AmbiguousError, _ time.Time) failure {
	f := failure{heading: fmt.Sprintf("several issues begin with %q", e.Prefix)}
	for _, id := range e.IDs {
		f.lines = append(f.lines, id.String())
	}
	f.details = map[string]any{"issue_ids": f.lines}
	return f
}
