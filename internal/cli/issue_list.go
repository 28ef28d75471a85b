package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wire"
)

type issueListOptions struct {
	state  string
	filter tracker.Filter
	cached bool
}

func newIssueList() *command {
	o := issueListOptions{state: string(issue.Open)}
	return &command{
		name: "list", usage: "list issues, and who has claimed them",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "state", Usage: "`STATE` of the issues: open, closed or all", Destination: &o.state, Value: o.state},
			stringFlag(&o.filter.Label, "label", "only issues with this `LABEL`"),
			boolFlag(&o.filter.Mine, "mine", "only issues that you have claimed"),
			boolFlag(&o.filter.Claimed, "claimed", "only issues that somebody has claimed"),
			boolFlag(&o.filter.Unclaimed, "unclaimed", "only issues that nobody has claimed"),
			boolFlag(&o.cached, "cached", "as last seen, without asking the remote"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runIssueList(ctx, c, o) },
	}
}

func runIssueList(ctx context.Context, c *call, o issueListOptions) (result, error) {
	switch o.state {
	case string(issue.Open), string(issue.Closed):
		o.filter.State = issue.State(o.state)
	case "all":
	default:
		return result{}, usagef("--state %q: it is open, closed or all", o.state)
	}
	if o.filter.Unclaimed && (o.filter.Claimed || o.filter.Mine) {
		return result{}, usagef("--unclaimed excludes --claimed and --mine")
	}
	v, err := c.lookAtIssues(ctx, o.cached)
	if err != nil {
		return result{}, err
	}
	list := v.Select(o.filter)
	return result{data: c.reader(v.Actor).Issues(v, list), paged: true, text: func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "No issues")
			return
		}
		fmt.Fprintln(w, "Issues:")
		for _, is := range list {
			printIssue(w, v, is, c.Env)
		}
	}}, nil
}

// lookAtIssues loads the issues and says what is wrong with the look.
func (c *call) lookAtIssues(ctx context.Context, cached bool) (tracker.View, error) {
	cl, err := c.openLocks(ctx)
	if err != nil {
		return tracker.View{}, err
	}
	v, err := tracker.Look(ctx, cl, lookOnce(cached))
	if err == nil {
		c.out.report(v.Report)
		c.tellIssues(v)
	}
	return v, err
}

// columns is how wide the lines of a list are at most.
const columns = 60

// printIssue writes an issue in one line, and in a second one what else there is
// to say about it.
func printIssue(w io.Writer, v tracker.View, is issue.Issue, env Env) {
	id := v.Short(is.ID)
	fmt.Fprintln(w, wire.Fit("  "+id+"  "+wire.Printable(is.Title), columns, env.ellipsis()))
	var more []string
	if is.State != issue.Open {
		more = append(more, string(is.State))
	}
	if l, ok := v.Claims[is.ID]; ok {
		more = append(more, claimedBy(l, env.Now()))
	}
	if len(is.Labels) > 0 {
		more = append(more, wire.Printable(strings.Join(is.Labels, ", ")))
	}
	if len(more) > 0 {
		fmt.Fprintln(w, wire.Fit(strings.Repeat(" ", len(id)+4)+strings.Join(more, "; "), columns, env.ellipsis()))
	}
}

func claimedBy(l lock.Lock, now time.Time) string {
	return fmt.Sprintf("claimed by %s for %s", wire.Holder(l), wire.Span(l.Expires.Sub(now)))
}

func newIssueShow() *command {
	var cached bool
	return &command{
		name: "show", args: "ID", usage: "show an issue with its comments",
		flags: []cli.Flag{boolFlag(&cached, "cached", "as last seen, without asking the remote")},
		run:   func(ctx context.Context, c *call) (result, error) { return runIssueShow(ctx, c, cached) },
	}
}

func runIssueShow(ctx context.Context, c *call, cached bool) (result, error) {
	id, err := c.issueID()
	if err != nil {
		return result{}, err
	}
	v, err := c.lookAtIssues(ctx, cached)
	if err != nil {
		return result{}, err
	}
	is, events, err := v.Show(ctx, id)
	if err != nil {
		return result{}, err
	}
	return result{data: c.reader(v.Actor).IssueShown(v, is, events), paged: true, text: func(w io.Writer) {
		fmt.Fprintln(w, wire.Printable(is.Title))
		issueLine(w, is.ID)
		fmt.Fprintf(w, "  State: %s\n", is.State)
		for _, row := range []struct {
			name string
			list []string
		}{{"Labels", is.Labels}, {"Assignees", is.Assignees}} {
			if len(row.list) > 0 {
				fmt.Fprintf(w, "  %s: %s\n", row.name, wire.Printable(strings.Join(row.list, ", ")))
			}
		}
		if l, ok := v.Claims[is.ID]; ok {
			fmt.Fprintf(w, "  Claimed by: %s until %s\n", wire.Holder(l), wire.Timestamp(l.Expires))
		}
		fmt.Fprintf(w, "  Created: %s by %.8s\n", timestamp(is.Created), is.Author)
		if is.Updated != is.Created {
			fmt.Fprintf(w, "  Updated: %s\n", timestamp(is.Updated))
		}
		printBody(w, is.Body)
		for _, e := range events {
			if k, _ := issue.Read(e); k != nil {
				if comment, ok := k.(issue.Commented); ok {
					fmt.Fprintf(w, "\nComment of %s by %.8s\n", timestamp(e.Time), e.Actor)
					printBody(w, comment.Body)
				}
			}
		}
	}}, nil
}

func timestamp(ms uint64) string { return wire.Timestamp(time.UnixMilli(int64(ms))) }

// printBody writes a text of somebody else.
func printBody(w io.Writer, body string) {
	if strings.TrimSpace(body) == "" {
		return
	}
	fmt.Fprintln(w)
	for _, line := range wire.Lines(body) {
		fmt.Fprintln(w, strings.TrimRight("    "+line, " "))
	}
}
