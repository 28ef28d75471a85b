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

// Setting returns the last value of a key, which is in git's form.
func (r *Repo) Setting(ctx context.Context, key string) (string, bool) {
	c, err := r.settings(ctx)
	if err != nil {
		return "", false
	}
	return c.Last(key)
}

// Config returns the values of the keys that match the extended regular
// expression, the last one where a key has several. Keys are in git's form:
// section and variable in lower case. No match is an empty map.
func (r *Repo) Config(ctx context.Context, regexp string) (map[string]string, error) {
	out, err := r.read(ctx, "config", "-z", "--get-regexp", regexp)
	if e, ok := err.(*Error); ok && e.ExitCode == 1 {
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
