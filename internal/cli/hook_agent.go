package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/agent"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/wire"
)

const (
	agentTimeout = 8 * time.Second // in all; the agents wait for ten
	endTimeout   = time.Second     // for giving up locks: at its end Claude Code waits 1.5 s for all hooks together
	visitEvery   = time.Minute
	maxPath      = 4096 // bytes, as of a resource: no system call takes a longer one, so that no agent can write there
)

// agentHook is one run of a hook by a coding agent.
type agentHook struct {
	env    Env
	event  agent.Event
	who    clone.Who
	clones map[string]*clone.Clone // by directory; nil for none
	last   *clone.Clone            // where faults are written down
}

// runAgentHook runs what the settings files of coding agents have:
//
//	git-grite hook agent HOST [--tools REGEXP] [ARG …]
//
// It answers in the agent's form, and by silence and exit 0 to whatever it does
// not understand or cannot do: a fault of ours must not keep anybody from
// editing. Further arguments are ignored, because cmd.exe hands over what other
// shells take for the next command.
func runAgentHook(ctx context.Context, env Env, args []string) (code int) {
	debug.SetTraceback("crash") // what nothing can catch ends us by a signal: Go's own exit code 2 is a refusal
	h := &agentHook{env: env, clones: map[string]*clone.Clone{}}
	defer func() {
		if fault := recover(); fault != nil {
			h.fault(fmt.Errorf("a fault in git-grite: %v", fault))
			code = 0
		}
	}()
	input, err := agent.Read(env.Stdin) // in any case: an agent may take a broken pipe for a refusal
	if err != nil || len(args) == 0 || env.getenv("GRITE_LOCK_POLICY") == string(guard.Off) {
		return 0
	}
	h.event = agent.Parse(args[0], input, agent.ExtraTools(args[1:]))
	if env.getenv(probeVar) != "" { // of hooks test
		answerProbe(env, agentProbe)
		return h.write(h.event.Deny(trialReason))
	}
	ctx, cancel := context.WithTimeout(ctx, agentTimeout)
	defer cancel()
	h.who = env.options(journal.Silent).Who
	if id, ok := h.event.Identity(); ok {
		env.belongs(&h.who, id)
	}
	return h.write(h.answer(ctx))
}

// write gives an answer; an agent that does not read it lets the edit go ahead.
func (h *agentHook) write(r agent.Reply) (code int) {
	_, _ = h.env.Stdout.Write(r.Stdout)
	_, _ = h.env.Stderr.Write(r.Stderr)
	return r.Exit
}

func (h *agentHook) answer(ctx context.Context) agent.Reply {
	switch h.event.Kind {
	case agent.PreEdit:
		denied, told := h.judge(ctx)
		if denied != "" {
			return h.event.Deny(denied)
		}
		return h.event.Context(told)
	case agent.PostTool:
		return h.event.Context(h.afterTool(ctx))
	case agent.SessionStart, agent.SubagentStart:
		return h.event.Context(h.welcome(ctx))
	case agent.SubagentStop, agent.SessionEnd:
		h.goodbye(ctx)
	}
	return agent.Reply{}
}

// fault writes down what went wrong, where that is possible.
func (h *agentHook) fault(err error) {
	defer func() { _ = recover() }() // this runs after a panic: the next one would end the process with exit 2
	if h.last != nil && err != nil {
		agent.WriteFault(h.last.Faults(), h.last.Now(), err.Error())
	}
}

// open finds the repository of a directory, nil where there is none to judge by.
// What ties this process to a repository says nothing of that directory's.
func (h *agentHook) open(ctx context.Context, dir string, form journal.Form) *clone.Clone {
	if cl, known := h.clones[dir]; known {
		return cl
	}
	o := h.env.options(form)
	o.Dir, o.Environ, o.Prompts, o.Who = dir, git.Elsewhere(h.env.Environ), false, h.who
	cl, err := clone.Open(ctx, o)
	if cl != nil {
		h.last = cl
	}
	var broken *config.Error
	switch {
	case errors.As(err, &broken) && cl != nil:
		h.fault(err)
		cl.Config.Policy = guard.Warn
	case err != nil:
		cl = nil
	}
	if cl != nil && cl.Repo.WorkTree == "" {
		cl = nil
	}
	if cl != nil {
		if _, err := cl.Arbiter(ctx); err != nil {
			h.fault(err)
			cl.WithoutArbiter()
		}
	}
	h.clones[dir] = cl
	return cl
}

// spot is a path in its own work tree.
type spot struct {
	clone *clone.Clone
	path  string // from the top, with slashes
}

// spots are the places that a change of a path changes: the path itself and,
// when that is a symbolic link, the file that is written through it. With "x/.."
// in it a path means one thing to an agent that tidies it first, and perhaps
// another to the system, when x is a symbolic link; both are looked at.
func (h *agentHook) spots(ctx context.Context, raw string) (list []spot) {
	path := filepath.Clean(raw)
	if len(path) > maxPath || ctx.Err() != nil {
		return nil
	}
	paths := []string{path}
	if dir, base := filepath.Split(raw); path != raw && len(raw) <= maxPath {
		if real, err := filepath.EvalSymlinks(dir); err == nil && filepath.Join(real, base) != path {
			paths = append(paths, filepath.Join(real, base))
		}
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		if st, err := os.Lstat(path); err == nil && st.Mode()&os.ModeSymlink != 0 {
			paths = append(paths, real)
		}
	}
	for _, p := range paths {
		dir := nearestDir(filepath.Dir(p))
		real, err := filepath.EvalSymlinks(dir)
		cl := h.open(ctx, dir, journal.Silent)
		if cl == nil || err != nil {
			continue
		}
		if inside, ok := within(cl.Repo.WorkTree, real+strings.TrimPrefix(filepath.Clean(p), strings.TrimSuffix(dir, string(filepath.Separator)))); ok {
			list = append(list, spot{cl, inside})
		}
	}
	return list
}

// nearestDir is the directory itself or the nearest one above it that exists.
func nearestDir(dir string) string {
	for {
		if st, err := os.Stat(dir); err == nil && st.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// here is the repository that the agent works in.
func (h *agentHook) here(ctx context.Context) *clone.Clone {
	if h.event.Cwd == "" {
		return nil
	}
	cl := h.open(ctx, nearestDir(h.event.Cwd), journal.Text)
	if cl != nil && cl.Config.Policy == guard.Off {
		return nil
	}
	return cl
}

// actorFlag is what a command line in the agent's shell needs for us to know who
// runs it: nothing where the environment tells.
func (h *agentHook) actorFlag(cl *clone.Clone) string {
	id, ok := h.event.Identity()
	if me, err := cl.Actor(); !ok || h.event.NamedInShell() || err == nil && me.Source != clone.FromSession {
		return ""
	}
	return " --actor " + wire.ShellQuote(id.Name())
}
