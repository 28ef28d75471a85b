package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/wire"
)

type initOptions struct {
	label             optional
	noHooks, agentsMD bool
}

func newInit() *command {
	var o initOptions
	return &command{
		name: "init", usage: "set up this clone; safe to repeat",
		flags: []cli.Flag{
			labelFlag(&o.label),
			boolFlag(&o.noHooks, "no-hooks", "leave the git hooks alone"),
			boolFlag(&o.agentsMD, "agents-md", "tell AI agents about locks in AGENTS.md"),
		},
		run: inClone(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) { return runInit(ctx, c, cl, o) }),
	}
}

// initJSON is the data of init.
type initJSON struct {
	actorJSON
	Created  bool         `json:"created"` // the actor, just now
	Config   string       `json:"config"`
	Remote   string       `json:"remote"` // the arbiter, "" for this clone
	Hooks    []changeJSON `json:"hooks,omitempty"`
	AgentsMD string       `json:"agents_md,omitempty"` // created, updated or unchanged
	// Of the first look at the remote, where there is one and it answered.
	Locks      *int  `json:"locks,omitempty"` // active ones
	AsOfUnixMS int64 `json:"as_of_unix_ms,omitempty"`
}

func runInit(ctx context.Context, c *call, cl *clone.Clone, o initOptions) (result, error) {
	a, made, err := cl.SetUp(ctx, pointer(o.label))
	if err != nil {
		return result{}, err
	}
	if cl.Chosen() {
		me, err := cl.ActorOrNew(ctx)
		c.out.report(clone.Report{Actor: me})
		if err != nil {
			return result{}, err
		}
	}
	data := initJSON{actorJSON: newActorJSON(a), Created: made, Config: config.ClonePath(cl.Dir())}
	verb := "as before"
	if made {
		verb = "made"
	}
	did := []string{fmt.Sprintf("Actor: %s (%s), %s", wire.Printable(a.Label), a.ID.Short(), verb), "Configuration: " + data.Config}
	switch data.Remote, err = cl.ArbiterName(ctx); {
	case err != nil: // the hooks work without
		c.out.note(wire.NotDone, "%s", wire.Printable(err.Error()))
	case data.Remote == "":
		did = append(did, "Locks granted by: this clone, which has no remote")
	default:
		did = append(did, "Locks granted by: remote "+wire.Printable(data.Remote))
		did = append(did, c.firstLook(ctx, cl, &data)...)
	}
	if !o.noHooks {
		data.Hooks = c.initHooks(ctx, cl)
		for _, h := range data.Hooks {
			did = append(did, fmt.Sprintf("Hook %s: %s", h.Name, h.Did))
		}
	}
	if o.agentsMD {
		if data.AgentsMD, err = writeAgentsMD(cl.Repo.WorkTree); err != nil {
			return result{}, err
		}
		did = append(did, "AGENTS.md: "+data.AgentsMD)
	}
	return result{data: data, text: func(w io.Writer) {
		fmt.Fprintln(w, "git-grite is set up in this clone")
		for _, line := range did {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}}, nil
}

// firstLook asks the remote, so that the first commit is judged by something. A
// remote that cannot be reached is a notice.
func (c *call) firstLook(ctx context.Context, cl *clone.Clone, data *initJSON) []string {
	v, err := cl.Look(ctx, clone.Ask{Limit: lookTimeout})
	if err == nil {
		err = v.Unreachable
	}
	if err != nil {
		c.out.note(wire.StaleView, "%s; %s", wire.Printable(err.Error()), wire.Age(v.AsOf, c.Now()))
		return nil
	}
	n := 0
	for _, l := range v.Locks {
		if l.Live(c.Now()) {
			n++
		}
	}
	data.Locks, data.AsOfUnixMS = &n, v.AsOf.UnixMilli()
	return []string{"Locks: " + wire.Count(n, "active lock") + " on " + wire.Printable(data.Remote)}
}

// initHooks installs the hooks. That they cannot be is a notice: the locks work
// without.
func (c *call) initHooks(ctx context.Context, cl *clone.Clone) []changeJSON {
	changes, err := c.installHooks(ctx, cl)
	if err != nil {
		c.out.note(wire.HooksMissing, "hooks are not installed: %s", wire.Printable(err.Error()))
		for _, line := range explain(err, c.Now()).lines {
			c.out.note(wire.HooksMissing, "  %s", wire.Printable(line))
		}
	}
	return changesJSON(changes)
}
