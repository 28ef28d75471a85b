// Package fence pushes commits under the guard of locks: one atomic git push that
// moves the caller's refs and, by compare-and-swap, the ref of each lock, so that
// the commits land only while the locks are still held. It knows git push and its
// command line; which locks guard a push and what they become is its caller's.
package fence

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
)

// Plan is what a command line of git push does, with all that it leaves to
// settings made explicit, so that refspecs can be added to it.
type Plan struct {
	Repository string   // a remote's name or a URL
	Refspecs   []string // never empty
	DryRun     bool
	options    []string
	on         map[string]bool // which of them are, by name; see command
}

// Read makes the plan of a command line of git push, which is given without "git
// push". It returns *ModeError for what cannot be fenced.
func Read(ctx context.Context, repo *git.Repo, argv []string) (*Plan, error) {
	config, branch, err := repo.PushConfig(ctx)
	if err != nil {
		return nil, err
	}
	return plan(argv, config, branch)
}

func plan(argv []string, config map[string][]string, branch string) (*Plan, error) {
	c, err := parse(argv)
	if err != nil {
		return nil, err
	}
	s := settings{config, branch}
	p := &Plan{Repository: c.repo, DryRun: c.on["dry-run"], options: c.kept, on: c.on}
	var names []string
	if len(c.positionals) > 0 {
		p.Repository, names = c.positionals[0], c.positionals[1:]
	}
	if p.Repository == "" {
		p.Repository = s.remote()
	}
	urls := s.config["remote."+p.Repository+".pushurl"]
	if len(urls) == 0 {
		urls = s.config["remote."+p.Repository+".url"]
	}
	if len(urls) > 1 {
		return nil, &ModeError{"", fmt.Sprintf("the remote %q has %d push URLs, which git changes one after the other", p.Repository, len(urls))}
	}
	if s.isTrue("remote." + p.Repository + ".mirror") {
		return nil, &ModeError{"", fmt.Sprintf("the remote %q is a mirror, and takes no refspecs", p.Repository)}
	}
	if p.Refspecs, err = c.explicit(names); err != nil {
		return nil, err
	}
	if c.on["force"] && s.maps(p.Repository) {
		for _, name := range names {
			if !strings.Contains(name, ":") && !c.on["delete"] {
				return nil, &ModeError{"--force", fmt.Sprintf("the settings say where %q goes; write it as +SOURCE:DESTINATION", name)}
			}
		}
	}
	if len(p.Refspecs) == 0 {
		upstream := false
		if p.Refspecs, upstream, err = s.defaults(p.Repository); err != nil {
			return nil, err
		}
		if upstream {
			p.options, p.on["set-upstream"] = append(p.options, "--set-upstream"), true
		}
	}
	if c.on["force"] {
		p.Refspecs = forced(p.Refspecs)
	}
	return p, nil
}

// Sources returns what the plan would push, as revisions or, with a final "*", as
// patterns of refs; ":" stands for the branches that both sides have.
func (p *Plan) Sources() []string {
	var sources []string
	for _, spec := range p.Refspecs {
		spec = strings.TrimPrefix(spec, "+")
		source, _, _ := strings.Cut(spec, ":")
		if spec == ":" {
			source = spec
		}
		if source != "" && !slices.Contains(sources, source) && spec[0] != '^' {
			sources = append(sources, source)
		}
	}
	return sources
}

// settings are those of git that a push goes by.
type settings struct {
	config map[string][]string
	branch string // the current one; "" when HEAD is detached
}

func (s settings) last(key string) string {
	if values := s.config[key]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

func (s settings) isTrue(key string) bool {
	switch strings.ToLower(s.last(key)) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}

// remote is where git pushes to when it is not told.
func (s settings) remote() string {
	for _, key := range []string{"branch." + s.branch + ".pushremote", "remote.pushdefault"} {
		if name := s.last(key); name != "" {
			return name
		}
	}
	return s.upstreamRemote()
}

func (s settings) upstreamRemote() string {
	if name := s.last("branch." + s.branch + ".remote"); name != "" {
		return name
	}
	return "origin"
}

// maps reports whether settings say where a plain name of a branch goes.
func (s settings) maps(remote string) bool {
	return len(s.config["remote."+remote+".push"]) > 0 || s.mode() == "upstream"
}

func (s settings) mode() string {
	switch mode := strings.ToLower(s.last("push.default")); mode {
	case "":
		return "simple"
	case "tracking":
		return "upstream"
	default:
		return mode
	}
}

// defaults are the refspecs of a push that names none (git 2.39,
// setup_default_push_refspecs), and whether the upstream gets set.
func (s settings) defaults(remote string) (specs []string, upstream bool, err error) {
	refuse := func(format string, args ...any) ([]string, bool, error) {
		return nil, false, &ModeError{"", fmt.Sprintf(format, args...)}
	}
	if specs := s.config["remote."+remote+".push"]; len(specs) > 0 {
		return specs, false, nil
	}
	mode := s.mode() // git itself ends at a value that it does not know
	switch mode {
	case "matching":
		return []string{":"}, false, nil
	case "nothing":
		return refuse("no refspec is given, and push.default is \"nothing\"")
	}
	if s.branch == "" {
		return refuse("no refspec is given, and HEAD is on no branch")
	}
	source := "refs/heads/" + s.branch
	target := source
	merges := s.config["branch."+s.branch+".merge"]
	setup := s.isTrue("push.autosetupremote") && len(merges) == 0
	central := remote == s.upstreamRemote()
	switch {
	case mode == "upstream" && !central:
		return refuse("%q is not the upstream of the branch %s, and push.default is \"upstream\"", remote, s.branch)
	case mode != "current" && central && !setup:
		if len(merges) != 1 || s.last("branch."+s.branch+".remote") == "" {
			return refuse("the branch %s has no upstream branch, or several", s.branch)
		}
		target = merges[0]
		if mode == "simple" && target != source {
			return refuse("the upstream branch of %s has another name; name what to push", s.branch)
		}
	}
	return []string{source + ":" + target}, setup, nil
}
