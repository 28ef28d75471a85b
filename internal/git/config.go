package git

import (
	"context"
	"strings"

	"github.com/git-grite/git-grite/internal/git/direct"
)

// settings returns the configuration of all scopes: as it was read when the
// repository was opened or, where that was not possible, as git lists it, which
// is asked once.
func (r *Repo) settings(ctx context.Context) (direct.Config, error) {
	if r.direct != nil && r.direct.Complete {
		return r.direct.Config, nil
	}
	return r.listed(ctx)
}

func (r *Repo) listed(ctx context.Context) (direct.Config, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		out, err := r.read(ctx, "config", "--list", "-z")
		if err != nil {
			return nil, r.Diagnose(ctx, err)
		}
		c := direct.ListedConfig(out)
		r.asked = &c
	}
	return *r.asked, nil
}

// Shown returns the value of a key about colours or the pager. Where only git knows
// it, it is asked if that is worth a process, as it is to a "git -c color.ui=always".
func (r *Repo) Shown(ctx context.Context, key string, ask bool) (string, bool) {
	switch {
	case r.direct != nil && r.direct.Complete && !direct.Overrides(r.env, "color.", "pager"):
		return r.direct.Config.Last(key)
	case !ask && !direct.Overrides(r.env, "always"):
		return "", false
	}
	c, _ := r.listed(ctx) // without, nothing is set
	return c.Last(key)
}

// Config returns the values of the keys that match the extended regular
// expression, the last one where a key has several. Keys are in git's form:
// section and variable in lower case. No match is an empty map.
func (r *Repo) Config(ctx context.Context, regexp string) (map[string]string, error) {
	out, err := r.read(ctx, "config", "-z", "--get-regexp", regexp)
	if No(err) {
		return nil, nil // nothing matches
	}
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, s := range direct.ListedConfig(out) {
		values[s.Key] = s.Value
	}
	return values, nil
}

// UserEmail returns user.email as git resolves it, or "".
func (r *Repo) UserEmail(ctx context.Context) string {
	values, err := r.Config(ctx, `^user\.email$`)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(values["user.email"])
}

// Editor returns the command, for a shell, that git would edit a message with.
// It returns *Error where git finds none: nothing is configured and the terminal
// cannot show one.
func (r *Repo) Editor(ctx context.Context) (string, error) {
	out, err := r.read(ctx, "var", "GIT_EDITOR")
	return strings.TrimSpace(string(out)), err
}

// IgnoreCase reports whether core.ignorecase is set.
func (r *Repo) IgnoreCase(ctx context.Context) bool {
	c, err := r.settings(ctx)
	return err == nil && c.Bool("core.ignorecase")
}
