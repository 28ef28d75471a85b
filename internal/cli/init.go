package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

func initCommand() *command {
	return &command{
		name: "init", usage: "set up this clone; safe to repeat",
		flags: []cli.Flag{
			labelFlag(),
			&cli.BoolFlag{Name: "no-hooks", Usage: "leave the git hooks alone"},
			&cli.BoolFlag{Name: "agents-md", Usage: "tell AI agents about locks in AGENTS.md"},
		},
		run: runInit,
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
}

func runInit(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	data := initJSON{Config: config.ClonePath(s.dir)}
	var did []string
	err = s.alone(ctx, func() error {
		a, line, err := s.setUpActor(ctx, cc)
		if err != nil {
			return err
		}
		data.actorJSON, data.Created = newActorJSON(a), line.made
		did = append(did, line.text)
		return nil
	})
	if err != nil {
		return result{}, err
	}
	did = append(did, "Configuration: "+data.Config)
	switch data.Remote, err = s.arbiterName(ctx); {
	case err != nil: // the hooks work without
		out.warn("warning: %s", printable(err.Error()))
	case data.Remote == "":
		did = append(did, "Arbiter: this clone, which has no remote")
	default:
		did = append(did, "Arbiter: remote "+printable(data.Remote))
	}
	if !cc.Bool("no-hooks") {
		changes, err := s.installHooks(ctx)
		data.Hooks = changesJSON(changes)
		for _, c := range changes {
			did = append(did, fmt.Sprintf("Hook %s: %s", c.Name, c.Did))
		}
		if err != nil { // the locks work without
			out.warn("warning: hooks are not installed: %s", printable(err.Error()))
			for _, line := range explain(err, env.Now()).lines {
				out.warn("  %s", line)
			}
		}
	}
	if cc.Bool("agents-md") {
		if data.AgentsMD, err = s.writeAgentsMD(); err != nil {
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

// step is one thing that init did.
type step struct {
	text string
	made bool
}

// setUpActor makes sure that the clone has a default actor, with the label that
// was asked for. The caller holds the clone's file lock.
func (s *session) setUpActor(ctx context.Context, cc *cli.Context) (config.Actor, step, error) {
	a, err := s.actors().Base()
	made := errors.Is(err, config.ErrNoActor)
	label := cc.String("label")
	switch {
	case made:
		if !cc.IsSet("label") {
			label = s.defaultLabel(ctx)
		}
		a, err = s.makeActor(label, "", true)
	case err == nil && cc.IsSet("label") && label != a.Label:
		a, err = s.actors().Relabel(a, label)
	}
	if err == nil && s.config.DefaultActor == "" {
		err = s.setDefault(a.ID)
	}
	verb := "as before"
	if made {
		verb = "made"
	}
	return a, step{fmt.Sprintf("Actor: %s (%s), %s", printable(a.Label), a.ID.Short(), verb), made}, err
}

func deinitCommand() *command {
	return &command{name: "deinit", usage: "give up own locks and remove what init and the locks left in this clone", run: runDeinit}
}

// ours are the files below our directory in the common git directory.
var ours = []string{"config.toml", "log.jsonl", "log.jsonl.1", "git", "hinted", "mirror.lock"}

func runDeinit(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	var broken *config.Error
	if err != nil && !errors.As(err, &broken) { // a broken configuration is no reason to keep it
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	if _, err := os.Stat(s.dir); errors.Is(err, os.ErrNotExist) {
		return result{data: deinitJSON{Released: []lockJSON{}, Removed: []string{}, Kept: []lockJSON{}}, text: func(w io.Writer) {
			fmt.Fprintln(w, "Nothing to remove: git-grite is not set up in this clone")
		}}, nil
	}
	if err := s.connect(ctx); err != nil {
		out.warn("warning: %s; only the locks of this clone are released", printable(err.Error()))
	}
	actors, err := s.actors().List()
	if err != nil {
		return result{}, err
	}
	data := deinitJSON{Removed: []string{}}
	var released, kept []lock.Lock
	for _, a := range actors {
		gone, _, err := s.release(ctx, a, nil, "")
		var unreachable *git.RemoteError
		if errors.As(err, &unreachable) {
			out.warn("warning: %s; locks there end by themselves", printable(err.Error()))
		} else if err != nil {
			return result{}, err
		}
		released = append(released, gone...)
	}
	if _, err := s.offline(config.Actor{}).Collect(ctx); err != nil {
		return result{}, err
	}
	t, err := s.local.Load(ctx, false)
	if err != nil {
		return result{}, err
	}
	if s.remote != nil {
		if err := s.remote.RemoveMirror(ctx); err != nil {
			return result{}, err
		}
	}
	for _, e := range t.Entries {
		if !e.Released() {
			kept = append(kept, e.Lock)
		}
	}
	changes, err := s.uninstallHooks(ctx)
	if err != nil {
		return result{}, err
	}
	data.Released, data.Kept = locksJSON(released), locksJSON(kept)
	if data.Removed, err = s.removeFiles(actors); err != nil {
		return result{}, err
	}
	for _, c := range changes {
		if c.Did == "removed" || c.Did == "restored" {
			data.Removed = append(data.Removed, c.Path)
		}
	}
	return result{data: data, text: func(w io.Writer) {
		for _, l := range released {
			fmt.Fprintf(w, "Released %s\n", printable(l.Resource.String()))
		}
		for _, path := range data.Removed {
			fmt.Fprintf(w, "Removed %s\n", path)
		}
		for _, l := range kept {
			fmt.Fprintf(w, "Kept the lock of %s on %s\n", printable(l.Holder()), printable(l.Resource.String()))
		}
	}}, nil
}

// deinitJSON is the data of deinit.
type deinitJSON struct {
	Released []lockJSON `json:"released"`
	Removed  []string   `json:"removed"`
	Kept     []lockJSON `json:"kept"` // of actors that are not of this clone
}

// removeFiles removes our files and the actors, and the directory when nothing
// of somebody else is in it.
func (s *session) removeFiles(actors []config.Actor) (removed []string, err error) {
	paths := []string{filepath.Join(s.repo.GitDir, "grite", "actor")}
	for _, name := range s.repo.LinkedWorktrees() {
		paths = append(paths, filepath.Join(s.repo.CommonDir, "worktrees", name, "grite"))
	}
	for _, a := range actors {
		if rel, err := filepath.Rel(s.dir, a.DataDir); err == nil && filepath.IsLocal(rel) {
			paths = append(paths, a.DataDir)
		}
	}
	paths = append(paths, filepath.Join(s.dir, "actors"))
	for _, name := range append(ours, "lock") {
		paths = append(paths, filepath.Join(s.dir, name))
	}
	caches, _ := filepath.Glob(filepath.Join(s.dir, "records*")) // the pattern is sound
	paths = append(paths, caches...)
	for _, path := range append(paths, s.dir) {
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		remove := os.RemoveAll
		if path == s.dir || filepath.Base(path) == "actors" {
			remove = os.Remove // only when it is empty
		}
		if err := remove(path); err != nil {
			if remove(path); filepath.Dir(path) == s.dir || path == s.dir {
				continue
			}
			return removed, err
		}
		removed = append(removed, path)
	}
	return removed, nil
}
