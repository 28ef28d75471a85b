package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
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
	if _, ok := agent.Lookup(o.host); !ok {
		return nil, usagef("there is no agent %q; git grite hooks install -h lists those that are known", o.host)
	}
	top := c.home()
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
	return o.filesIn(c, top)
}

// home is the home directory of the user, "" for none.
func (c *call) home() string {
	top := c.getenv("HOME")
	if home, err := os.UserHomeDir(); top == "" && err == nil {
		top = home
	}
	return top
}

// filesIn reads the settings files of an agent in a work tree or a home directory.
func (o agentOptions) filesIn(c *call, top string) ([]settingsFile, error) {
	var files []settingsFile
	host, _ := agent.Lookup(o.host)
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

func explainSettings(e *agent.SettingsError, _ time.Time) failure {
	f := failure{details: map[string]any{"path": e.Path, "add": e.Add}, lines: []string{"Add by hand:"}}
	f.lines = append(f.lines, strings.Split(strings.TrimRight(e.Add, "\n"), "\n")...)
	return f
}
