package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/agent"
	"github.com/git-grite/git-grite/internal/wire"
)

// entryJSON is what is known of our entries in one settings file.
type entryJSON struct {
	Name   string      `json:"name"`
	Path   string      `json:"path"`
	State  agent.State `json:"state"`
	Fired  *bool       `json:"fired,omitempty"` // in a trial
	Reason string      `json:"reason,omitempty"`
	OK     bool        `json:"ok"`
}

func (e entryJSON) String() string {
	line := fmt.Sprintf("%s: %s (%s)", e.Name, e.State, wire.Printable(e.Path))
	if e.Fired != nil && *e.Fired {
		line = fmt.Sprintf("%s: stops an edit (%s)", e.Name, wire.Printable(e.Path))
	}
	if e.Reason != "" {
		line += "; " + wire.Printable(e.Reason)
	}
	return line
}

// agents adds what is known of the settings files of all agents that have entries
// of ours. A file that is none of ours to read is left to "hooks status --agent".
func (f *hookFindings) agents(c *call, workTree, tree string) {
	for _, h := range agent.Hosts() {
		for _, o := range []agentOptions{{host: h.Name}, {host: h.Name, user: true}} {
			top := workTree
			if o.user {
				top = c.home()
			}
			if top == "" {
				continue
			}
			files, err := o.filesIn(c, top)
			if err != nil {
				continue
			}
			for _, s := range files {
				state, err := s.Status(s.text, s.Tools(s.text))
				if err != nil || state == agent.Absent {
					continue
				}
				f.add(tree, entryJSON{Name: o.host, Path: s.at, State: state, OK: state == agent.Installed}, state == agent.Installed)
				if state != agent.Installed {
					f.hint = o.install()
				}
			}
		}
	}
}

// install is the command line that installs our entries.
func (o agentOptions) install() string {
	if o.user {
		return "git grite hooks install --agent " + o.host + " --user"
	}
	return "git grite hooks install --agent " + o.host
}

// inspect looks at the settings files of an agent and, in a trial, runs their
// command lines as the agent does.
func (o agentOptions) inspect(ctx context.Context, c *call, trial time.Duration) (result, error) {
	files, err := o.files(ctx, c)
	if err != nil {
		return result{}, err
	}
	f := hookFindings{hint: o.install()}
	for _, s := range files {
		e := entryJSON{Name: o.host, Path: s.at}
		if e.State, err = s.Status(s.text, s.Tools(s.text)); err != nil {
			return result{}, err
		}
		e.OK = e.State == agent.Installed
		if trial > 0 && e.State != agent.Absent {
			e.Reason = s.try(ctx, c.Env, trial)
			e.OK = e.Reason == ""
			e.Fired = &e.OK
		}
		f.add(o.host, e, e.OK)
	}
	if trial > 0 {
		return f.result("The command lines of the agent stop edits", "the agent's edits are not stopped")
	}
	return f.result("The agent runs our hooks, once it trusts them", "the agent does not run our hooks")
}

// try runs each command line of ours with an event as the agent sends it, and
// returns what is wrong, "" for a refusal as it should be. Where the program
// cannot be found the agent's edits go ahead without a word, so that nothing less
// will do. What runs answers the probe: it judges nothing and refuses.
func (s settingsFile) try(ctx context.Context, env Env, limit time.Duration) string {
	lines, err := s.Commands(s.text)
	if err != nil {
		return err.Error()
	}
	if len(lines) == 0 { // a plugin, which runs this
		lines = []string{"git-grite hook agent " + s.Host}
	}
	scratch, err := os.MkdirTemp("", "git-grite-hooks-test-")
	if err != nil {
		return err.Error()
	}
	defer os.RemoveAll(scratch)
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		probe := filepath.Join(scratch, "fired")
		limited, cancel := context.WithTimeout(ctx, limit)
		cmd := exec.CommandContext(limited, "sh", "-c", line)
		cmd.Dir, cmd.Env, cmd.WaitDelay = scratch, append(slices.Clone(env.Environ), probeVar+"="+probe), time.Second
		cmd.Stdin = strings.NewReader(string(s.Sample(scratch, filepath.Join(scratch, "file"))))
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		cancel()
		told, _ := os.ReadFile(probe) // no file: it did not run
		_ = os.Remove(probe)
		switch said := strings.TrimSpace(stderr.String()); {
		case !strings.Contains(string(told), agentProbe) && said != "":
			return fmt.Sprintf("%s: did not run: %s", line, said[strings.LastIndex(said, "\n")+1:])
		case !strings.Contains(string(told), agentProbe):
			return line + ": did not run"
		case !strings.Contains(stdout.String()+said, trialReason):
			return fmt.Sprintf("%s: did not understand the event: %v", line, err)
		}
	}
	return ""
}

const (
	agentProbe  = "agent"
	trialReason = "git-grite: this is a trial"
)
