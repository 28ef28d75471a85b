package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/internal/agent"
	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// judge judges the paths of the event, each by its own repository. It returns
// why they must not be changed, or what has to be said of them, "" for nothing.
func (h *agentHook) judge(ctx context.Context) (denied, told string) {
	paths := map[*clone.Clone][]string{}
	tops := map[string]*clone.Clone{}
	var order []*clone.Clone
	for _, p := range h.event.Paths {
		for _, s := range h.spots(ctx, p) {
			cl := tops[s.clone.Repo.WorkTree]
			if cl == nil {
				cl = s.clone
				tops[cl.Repo.WorkTree], order = cl, append(order, cl)
			}
			paths[cl] = append(paths[cl], s.path)
		}
	}
	var refusals, warnings []string
	for _, cl := range order {
		if cl.Config.Policy == guard.Off {
			continue
		}
		h.last = cl
		v, err := check.Edit(ctx, cl, paths[cl])
		h.fault(err)
		if len(v.Unheld) > 0 && cl.Config.AgentAcquire {
			v = h.take(ctx, cl, v)
		}
		switch text := h.verdict(cl, v); {
		case text == "":
		case v.Blocked():
			refusals = append(refusals, text)
		default:
			warnings = append(warnings, text)
		}
	}
	return strings.Join(refusals, "\n"), strings.Join(warnings, "\n")
}

// take takes locks on the paths that must be held, all or none, and returns the
// verdict without them. Paths that collide stay as they are: somebody else has
// them.
func (h *agentHook) take(ctx context.Context, cl *clone.Clone, v check.Verdict) check.Verdict {
	if len(v.Collisions) > 0 && v.Blocked() {
		return v
	}
	q := clone.AcquireRequest{Reason: "edited by an agent"}
	for _, p := range v.Unheld {
		r, err := lock.ParseResource(lockable(p, lock.Lock{}), "")
		if err != nil {
			h.fault(err)
			return v
		}
		q.Resources = append(q.Resources, r)
	}
	if _, err := cl.Acquire(ctx, q); err != nil {
		h.fault(err)
		return v
	}
	v.Unheld = nil
	return v
}

// verdict is a verdict in words for a model, with one command that leads on.
func (h *agentHook) verdict(cl *clone.Clone, v check.Verdict) string {
	var text strings.Builder
	if len(v.Collisions) > 0 {
		text.WriteString("git-grite: locked by others. Do not change it by other means either:\n")
		for _, line := range collisionLines(v) {
			fmt.Fprintf(&text, "  %s\n", line)
		}
		fmt.Fprintf(&text, "Work on something else, or wait for it: %s\n", h.line(cl, waitLine(v)))
	}
	if len(v.Unheld) > 0 {
		var take []string
		for i, p := range v.Unheld[:min(len(v.Unheld), maxNamed)] {
			take = append(take, lockable(p, lock.Lock{}))
			if i == 0 {
				fmt.Fprintf(&text, "git-grite: to be locked before it is changed: %s", wire.Printable(p))
			} else {
				fmt.Fprintf(&text, ", %s", wire.Printable(p))
			}
		}
		if n := len(v.Unheld) - maxNamed; n > 0 {
			fmt.Fprintf(&text, " and %d more", n)
		}
		fmt.Fprintf(&text, "\nLock it, then try again: %s\n", h.line(cl, wire.LockLine("acquire", take)))
	}
	return text.String()
}

// line is a command line of ours as the agent's shell has to run it.
func (h *agentHook) line(cl *clone.Clone, line string) string {
	if _, ok := within(cl.Repo.WorkTree, h.event.Cwd); h.event.Cwd == "" || !ok && !sameDir(h.event.Cwd, cl.Repo.WorkTree) {
		line = "git -C " + wire.ShellQuote(cl.Repo.WorkTree) + strings.TrimPrefix(line, "git")
	}
	return line + h.actorFlag(cl)
}

func sameDir(a, b string) bool {
	real, err := filepath.EvalSymlinks(a)
	return err == nil && real == b
}

// heard reports whether the model could be told of a collision before the edit;
// else it has to be told after it.
func (h *agentHook) heard() bool {
	before := h.event
	before.Kind = agent.PreEdit
	return before.Hears()
}
