package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/agent"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// afterTool is what the model is told after a tool has run: what it could not be
// told before, and once in a while what happened to its locks.
func (h *agentHook) afterTool(ctx context.Context) string {
	var text string
	if !h.heard() && h.event.Hears() {
		denied, told := h.judge(ctx)
		text = denied + told
		if denied != "" { // refused before, so that it was not changed
			text = ""
		}
		clear(h.clones) // the next look is for somebody who reads
	}
	if cl := h.here(ctx); cl != nil {
		me, err := cl.Actor()
		if err == nil && h.event.Hears() && cl.Due(me, visitEvery) {
			text += h.visit(ctx, cl, me)
		}
	}
	return text
}

// visit renews what ends soon and says what happened to the actor's locks.
func (h *agentHook) visit(ctx context.Context, cl *clone.Clone, me clone.Identity) string {
	ctx, cancel := context.WithTimeout(ctx, cl.Config.HookCommitTimeout)
	defer cancel()
	v, err := cl.Look(ctx, clone.Ask{})
	if err != nil {
		h.fault(err)
		return ""
	}
	text := notes(v.Report, cl.Now())
	soon := map[time.Duration][]lock.Resource{}
	for _, l := range v.Locks {
		if left := l.Expires.Sub(cl.Now()); l.Owner == me.ID && !l.Unconfirmed && left > 0 && left < l.TTL/3 {
			soon[l.TTL] = append(soon[l.TTL], l.Resource)
		}
	}
	for ttl, resources := range soon {
		done, err := cl.Renew(ctx, resources, ttl, "")
		text += notes(done.Report, cl.Now())
		for _, l := range done.Lost {
			text += fmt.Sprintf("git-grite: %s\n", wire.Printable(l.Err().Error()))
		}
		if err != nil {
			h.fault(err)
			text += fmt.Sprintf("git-grite: your lock on %s ends soon and could not be renewed\n", wire.Printable(resources[0].String()))
		}
	}
	return text
}

func notes(r clone.Report, now time.Time) string {
	var text strings.Builder
	for _, n := range wire.Notices(r, now) {
		fmt.Fprintf(&text, "git-grite: %s\n", n.Message)
	}
	return text.String()
}

// maxListed is how many locks are listed at the start of a session.
const maxListed = 10

// welcome says who this is and what is held. In a repository that was never set
// up it says nothing.
func (h *agentHook) welcome(ctx context.Context) string {
	cl := h.here(ctx)
	if cl == nil || !cl.Config.Present {
		return ""
	}
	v, err := cl.Look(ctx, clone.Ask{})
	h.fault(err)
	me, _ := cl.Actor() // nobody yet
	id, ok := h.event.Identity()
	var text strings.Builder
	fmt.Fprintf(&text, "git-grite: files are locked in this repository while somebody changes them; lock_policy = %q.\n", cl.Config.Policy)
	if label := me.Label; label != "" || ok {
		if label == "" {
			label = id.Label()
		}
		fmt.Fprintf(&text, "You are %s. Before you edit: git grite lock acquire PATH --ttl 30m --reason TEXT%s; after the push: git grite lock release --mine%s\n",
			wire.Printable(label), h.actorFlag(cl), h.actorFlag(cl))
	}
	cl.RecordProcess(me)
	if ok && h.event.Kind == agent.SessionStart && me.Source == clone.FromSession {
		h.tellShell(id)
	}
	var locks []lock.Lock
	for _, l := range v.Locks {
		if l.Live(cl.Now()) {
			locks = append(locks, l)
		}
	}
	lock.Sort(locks)
	slices.SortStableFunc(locks, func(a, b lock.Lock) int { return mineFirst(a, me) - mineFirst(b, me) })
	for i, l := range locks {
		if i == maxListed {
			fmt.Fprintf(&text, "and %d more: git grite lock status\n", len(locks)-maxListed)
			break
		}
		who := wire.Holder(l)
		if l.Owner == me.ID {
			who = "you"
		}
		fmt.Fprintf(&text, "%s is held by %s, %s left\n", wire.Name(l), who, wire.Span(l.Expires.Sub(cl.Now())))
	}
	return text.String() + notes(v.Report, cl.Now())
}

func mineFirst(l lock.Lock, me clone.Identity) int {
	if me.ID != "" && l.Owner == me.ID {
		return 0
	}
	return 1
}

// tellShell lets the agent's shell know who it is: Claude Code reads the lines of
// CLAUDE_ENV_FILE before each command.
func (h *agentHook) tellShell(id agent.Identity) {
	path := h.env.getenv("CLAUDE_ENV_FILE")
	if path == "" || id.Host != "claude" || len(id.Session) > 200 {
		return
	}
	if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		h.fault(err)
		return
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "export GRITE_ACTOR=%s\n", wire.ShellQuote(id.Name()))
	h.fault(err)
}

// goodbye gives up what a subagent that stopped holds, or at the end of a session
// what it and its subagents hold. An actor that a person named may be used by
// others too.
func (h *agentHook) goodbye(ctx context.Context) {
	id, ok := h.event.Identity()
	sub := h.event.Kind == agent.SubagentStop
	if !ok || sub != (id.Agent != "") {
		return
	}
	cl := h.here(ctx)
	if cl == nil {
		return
	}
	me, err := cl.Actor()
	if err != nil || me.Source != clone.FromSession {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	h.fault(cl.ReleaseActors(ctx, func(label string) bool {
		return label == me.Label || !sub && agent.SameSession(me.Label, label)
	}))
}
