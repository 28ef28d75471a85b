package cli

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/tracker"
)

type issueOptions struct {
	title, body optional
	labels      texts
	offline     bool
}

func newIssueCreate() *command {
	var o issueOptions
	return &command{
		name: "create", usage: "open an issue",
		flags: []cli.Flag{
			optionalFlag(&o.title, "title", "`TEXT` of one line"), bodyFlag(&o.body, "issue"),
			textsFlag(&o.labels, "label", "`LABEL` of the issue; may be given several times"), offlineFlag(&o.offline),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runIssueCreate(ctx, c, o) },
	}
}

func runIssueCreate(ctx context.Context, c *call, o issueOptions) (result, error) {
	if !o.title.given {
		return result{}, &usageError{message: c.name + " needs a --title", hint: c.name + " -h"}
	}
	cl, err := c.openLocks(ctx)
	if err != nil {
		return result{}, err
	}
	body, draft, err := c.body(ctx, cl, o.body, "", "The issue: "+o.title.text)
	if err != nil {
		return result{}, err
	}
	created := issue.Created{Title: o.title.text, Body: body, Labels: o.labels}
	return c.changeIssue(ctx, cl, "Issue created", tracker.Request{Kinds: []issue.Kind{created}, Offline: o.offline}, "", draft)
}

func newIssueComment() *command {
	var o issueOptions
	return &command{
		name: "comment", args: "ID", usage: "say something about an issue",
		flags: []cli.Flag{bodyFlag(&o.body, "comment"), offlineFlag(&o.offline)},
		run: func(ctx context.Context, c *call) (result, error) {
			return c.runIssue(ctx, "Comment added", o.offline, "", func(cl *clone.Clone, id string) ([]issue.Kind, string, error) {
				body, draft, err := c.body(ctx, cl, o.body, "", "A comment on issue "+id)
				if err == nil && strings.TrimSpace(body) == "" {
					err = usagef("a comment needs a --body, or - to read it from stdin; nothing was written")
				}
				return []issue.Kind{issue.Commented{Body: body}}, draft, err
			})
		},
	}
}

// runIssue changes the issue that is named by what kinds returns.
func (c *call) runIssue(ctx context.Context, title string, offline bool, state issue.State, kinds func(cl *clone.Clone, id string) ([]issue.Kind, string, error)) (result, error) {
	id, err := c.issueID()
	if err != nil {
		return result{}, err
	}
	cl, err := c.openLocks(ctx)
	if err != nil {
		return result{}, err
	}
	q := tracker.Request{Prefix: id, Offline: offline}
	var draft string
	if q.Kinds, draft, err = kinds(cl, id); err != nil {
		return result{}, err
	}
	return c.changeIssue(ctx, cl, title, q, state, draft)
}

func newIssueState(name, usage, title string, state issue.State) *command {
	var offline bool
	return &command{
		name: name, args: "ID", usage: usage, flags: []cli.Flag{offlineFlag(&offline)},
		run: func(ctx context.Context, c *call) (result, error) {
			return c.runIssue(ctx, title, offline, state, func(*clone.Clone, string) ([]issue.Kind, string, error) {
				return []issue.Kind{issue.StateChanged{State: state}}, "", nil
			})
		},
	}
}

func newIssueLabel(name, usage, title string, kind func(string) issue.Kind) *command {
	var o issueOptions
	return &command{
		name: name, args: "ID", usage: usage,
		flags: []cli.Flag{textsFlag(&o.labels, "label", "`LABEL`; may be given several times"), offlineFlag(&o.offline)},
		run: func(ctx context.Context, c *call) (result, error) {
			if len(o.labels) == 0 {
				return result{}, &usageError{message: c.name + " needs a --label", hint: c.name + " -h"}
			}
			return c.runIssue(ctx, title, o.offline, "", func(*clone.Clone, string) (kinds []issue.Kind, draft string, err error) {
				for _, label := range o.labels {
					kinds = append(kinds, kind(label))
				}
				return kinds, "", nil
			})
		},
	}
}

func newIssueUpdate() *command {
	var o issueOptions
	return &command{
		name: "update", args: "ID", usage: "change the title or the text of an issue",
		flags: []cli.Flag{optionalFlag(&o.title, "title", "`TEXT` of one line"), bodyFlag(&o.body, "issue"), offlineFlag(&o.offline)},
		run: func(ctx context.Context, c *call) (result, error) {
			return c.runIssue(ctx, "Issue updated", o.offline, "", func(cl *clone.Clone, id string) ([]issue.Kind, string, error) {
				return c.updated(ctx, cl, id, o)
			})
		},
	}
}

// updated reads what update has to set; without any flag the text is edited as
// it is.
func (c *call) updated(ctx context.Context, cl *clone.Clone, id string, o issueOptions) (kinds []issue.Kind, draft string, err error) {
	var k issue.Updated
	if o.title.given {
		k.Title = &o.title.text
	}
	if o.body.given || !o.title.given {
		var old string
		if !o.body.given {
			if !c.editable() {
				return nil, "", usagef("update needs a --title or a --body")
			}
			v, err := tracker.Look(ctx, cl, clone.Ask{Limit: lookTimeout})
			if err != nil {
				return nil, "", err
			}
			is, _, err := v.Show(ctx, id)
			if err != nil {
				return nil, "", err
			}
			old = is.Body
		}
		var body string
		if body, draft, err = c.body(ctx, cl, o.body, old, "The text of issue "+id); err != nil {
			return nil, draft, err
		}
		k.Body = &body
	}
	return []issue.Kind{k}, draft, nil
}
