package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/agent"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wire"
)

// value completes what stands for kind in a synopsis. Nothing here asks a remote:
// the last view is what somebody sees who types.
func (k *completion) value(ctx context.Context, kind string) {
	for _, word := range strings.Fields(fixed[kind]) {
		k.add(word, "")
	}
	switch kind {
	case "FILE", "DIR", "COMMAND", "ARG", "ARGUMENT":
		k.files = true
		return
	case "HOST":
		for _, h := range agent.Hosts() {
			k.add(h.Name, h.Title)
		}
		return
	case "KEY":
		for _, key := range config.Keys() {
			k.add(key.Name, key.Help)
		}
		return
	case "VALUE":
		if key, err := config.FindKey(k.args[0]); err == nil {
			for _, word := range key.Allowed {
				k.add(word, "")
			}
		}
		return
	}
	cl, err := k.open(ctx)
	if err != nil {
		k.files = kind == "PATH"
		return
	}
	switch {
	case kind == "ID|LABEL" || kind == "ID" && k.path[0].name == "actor":
		k.actors(cl)
	case kind == "ID":
		k.issues(ctx, cl, "")
	case kind == "RESOURCE" || kind == "PATH":
		k.resources(ctx, cl, kind == "PATH")
	case kind == "NONCE":
		for _, l := range k.locks(ctx, cl) {
			if len(k.values) == 0 || slices.Contains(k.values, l.Resource.String()) {
				k.add(l.Nonce, wire.Name(l))
			}
		}
	case kind == "NAME" && k.path[0].name != "init" && k.path[0].name != "actor":
		remotes, _ := cl.Repo.Remotes(ctx)
		for _, r := range remotes {
			k.add(r.Name, "")
		}
	}
}

func (k *completion) actors(cl *clone.Clone) {
	list, _ := cl.Actors().List()
	for _, a := range list {
		k.add(a.Label, string(a.ID))
	}
}

// issues adds the issues that a command can be about, behind a prefix.
func (k *completion) issues(ctx context.Context, cl *clone.Clone, prefix string) {
	v, err := tracker.Look(ctx, cl, clone.Ask{})
	if err != nil {
		return
	}
	closed := k.last.name == "reopen"
	for _, is := range v.All() {
		if (is.State != issue.Open) == closed || k.last.name == "show" {
			k.add(prefix+v.Short(is.ID), wire.Printable(is.Title))
		}
	}
}

// locks are those that the command may be about: own ones, those of others, or
// all of them.
func (k *completion) locks(ctx context.Context, cl *clone.Clone) []lock.Lock {
	v, err := cl.Look(ctx, clone.Ask{})
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(v.Locks, func(l lock.Lock) bool {
		own := l.Owner == v.Actor.ID && !l.Released()
		switch k.last.name {
		case "release", "renew", "start", "push", "answer":
			return !own
		case "break", "ask":
			return own || !l.Live(k.Now())
		}
		return !l.Live(k.Now())
	})
}

// resources completes a resource, or an argument that may be a path as well.
func (k *completion) resources(ctx context.Context, cl *clone.Clone, path bool) {
	switch k.last.name {
	case "release", "renew", "start", "push", "answer", "break", "ask", "status", "log":
		for _, l := range k.locks(ctx, cl) {
			name, text := l.Resource.String(), "ended"
			if path {
				name = k.relative(cl, name)
			}
			if l.Live(k.Now()) {
				text = "expires in " + wire.Span(l.Expires.Sub(k.Now()))
			}
			k.add(name, wire.Holder(l)+", "+text)
		}
		return
	}
	space, rest, named := strings.Cut(k.cur, ":")
	switch {
	case named && space == "issue":
		k.issues(ctx, cl, "issue:")
	case named && space == "path":
		k.directory(cl.Repo.WorkTree, rest)
	case path:
		k.files = true
	default:
		k.add("path:", "a file, a directory or a pattern, from the top")
		k.add("issue:", "an issue")
		k.add("repo:", "everything, under a name")
	}
}

// relative is how a path that is locked is written here. One that is not below
// the current directory stays a resource, and so does what somebody is typing as
// one.
func (k *completion) relative(cl *clone.Clone, name string) string {
	path, ok := strings.CutPrefix(name, "path:"+cl.Repo.Prefix)
	if !ok || path == "" || strings.HasPrefix(k.cur, "path:") {
		return name
	}
	return path
}

// directory completes a path: resource, seen from the top or, with ./, from here.
func (k *completion) directory(top, typed string) {
	base := top
	if strings.HasPrefix(typed, "./") {
		base = k.Dir
	}
	in := typed[:strings.LastIndexByte(typed, '/')+1]
	entries, _ := os.ReadDir(filepath.Join(base, in))
	for _, e := range entries {
		switch {
		case e.Name() == ".git":
		case e.IsDir():
			k.add("path:"+in+e.Name()+"/", "")
		default:
			k.add("path:"+in+e.Name(), "")
		}
	}
}
