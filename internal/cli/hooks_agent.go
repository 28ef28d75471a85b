package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/agent"
	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/wire"
)

// agentOptions choose the hooks of a coding agent in place of git's.
type agentOptions struct {
	host, tools string
	user        bool
}

func (o *agentOptions) flags() []cli.Flag {
	var names []string
	for _, h := range agent.Hosts() {
		names = append(names, h.Name)
	}
	return []cli.Flag{
		stringFlag(&o.host, "agent", "the hooks of this coding agent, not git's: `HOST` is "+strings.Join(names, ", ")),
		boolFlag(&o.user, "user", "with --agent: in the settings of the user, for all repositories"),
	}
}

// settingsFile is a settings file of an agent, where it is.
type settingsFile struct {
	agent.File
	at   string
	mode os.FileMode
	text []byte // nil when there is no file
}

// files finds and reads the settings files that are meant. Those of a repository
// may have come with a checkout, so that they have to be what they seem to be; a
// user may keep links.
func (o agentOptions) files(ctx context.Context, c *call) ([]settingsFile, error) {
	host, ok := agent.Lookup(o.host)
	if !ok {
		return nil, usagef("there is no agent %q; git grite hooks install -h lists those that are known", o.host)
	}
	top := c.getenv("HOME")
	if home, err := os.UserHomeDir(); top == "" && err == nil {
		top = home
	}
	if !o.user {
		cl, err := c.open(ctx)
		if err != nil {
			return nil, err
		}
		if top = cl.Repo.WorkTree; top == "" {
			return nil, usagef("this repository is bare and has no settings of agents; with --user they are for all repositories")
		}
	}
	if top == "" {
		return nil, usagef("HOME is not set, so that there is no place for settings of the user")
	}
	var files []settingsFile
	for _, f := range host.Files(o.user) {
		s := settingsFile{File: f, at: filepath.FromSlash(f.In(filepath.ToSlash(top), c.getenv)), mode: 0o666}
		if o.user {
			if real, err := filepath.EvalSymlinks(s.at); err == nil {
				s.at = real
			}
		}
		st, err := os.Lstat(s.at)
		dir, dirErr := filepath.EvalSymlinks(nearestDir(filepath.Dir(s.at)))
		switch _, inside := within(top, filepath.Join(dir, "x")); {
		case err == nil && !st.Mode().IsRegular():
			return nil, &agent.SettingsError{Path: s.at, Reason: "is not a regular file", Add: f.Lines(o.tools)}
		case !o.user && (dirErr != nil || !inside):
			return nil, &agent.SettingsError{Path: s.at, Reason: "is in a directory that leads out of the work tree", Add: f.Lines(o.tools)}
		case err == nil:
			s.mode = st.Mode().Perm()
			if s.text, err = os.ReadFile(s.at); err != nil {
				return nil, err
			}
			s.text = append([]byte{}, s.text...) // an empty file is not nil
		case !errors.Is(err, os.ErrNotExist):
			return nil, err
		}
		files = append(files, s)
	}
	return files, nil
}

// write writes what the file should be; nil removes it, and the directories that
// are empty then.
func (s settingsFile) write(text []byte) (did string, err error) {
	switch {
	case string(text) == string(s.text) && (text == nil) == (s.text == nil):
		return "unchanged", nil
	case text == nil:
		if err := os.Remove(s.at); err != nil {
			return "", err
		}
		for dir, n := filepath.Dir(s.at), strings.Count(s.Path, "/"); n > 0 && os.Remove(dir) == nil; n-- {
			dir = filepath.Dir(dir)
		}
		return "removed", nil
	}
	if err := os.MkdirAll(filepath.Dir(s.at), 0o777); err != nil {
		return "", err
	}
	did = "changed"
	if s.text == nil {
		did = "created"
	}
	return did, atomicfile.Write(s.at, text, s.mode)
}

// advice is what only a person can do, by agent.
var advice = map[string]string{
	"claude":  "Claude Code holds the hooks of a repository back until its folder is trusted",
	"codex":   "Codex runs a hook only when it was approved with /hooks, for each path of the file; with --user once for all",
	"copilot": "Copilot CLI holds the hooks of a repository back until its folder is trusted, and with -p skips them without a word",
	"gemini":  "Gemini CLI warns when the hooks of a repository changed, and runs them when its folder is trusted",
	"cursor":  "Cursor runs the hooks of a repository when its workspace is trusted",
}

// changeSettings installs our entries or takes them out.
func (o agentOptions) changeSettings(ctx context.Context, c *call, install bool) (result, error) {
	if _, err := regexp.Compile(o.tools); err != nil {
		return result{}, usagef("--tools is not a regular expression: %v", err)
	}
	files, err := o.files(ctx, c)
	if err != nil {
		return result{}, err
	}
	texts := make([][]byte, len(files))
	for i, f := range files { // all of them or none
		if install {
			texts[i], err = f.Install(f.text, o.tools)
		} else {
			texts[i], err = f.Remove(f.text)
		}
		if err != nil {
			return result{}, err
		}
	}
	changes := make([]changeJSON, 0, len(files))
	for i, f := range files {
		did, err := f.write(texts[i])
		if err != nil {
			return result{}, err
		}
		changes = append(changes, changeJSON{Name: o.host, Path: f.at, Did: did, OK: true})
	}
	if words := advice[o.host]; install && words != "" {
		c.out.note(wire.Advice, "%s", words)
	}
	return result{data: map[string]any{"hooks": changes}, text: func(w io.Writer) {
		fmt.Fprintln(w, "Hooks of the agent")
		for _, c := range changes {
			fmt.Fprintf(w, "  %s: %s (%s)\n", c.Name, c.Did, wire.Printable(c.Path))
		}
	}}, nil
}

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

// inspect looks at the settings files of an agent and, in a trial, runs their
// command lines as the agent does.
func (o agentOptions) inspect(ctx context.Context, c *call, trial time.Duration) (result, error) {
	files, err := o.files(ctx, c)
	if err != nil {
		return result{}, err
	}
	f := firing{hint: "git grite hooks install --agent " + o.host}
	if o.user {
		f.hint += " --user"
	}
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

func explainSettings(e *agent.SettingsError, _ time.Time) failure {
	f := failure{details: map[string]any{"path": e.Path, "add": e.Add}, lines: []string{"Add by hand:"}}
	f.lines = append(f.lines, strings.Split(strings.TrimRight(e.Add, "\n"), "\n")...)
	return f
}
