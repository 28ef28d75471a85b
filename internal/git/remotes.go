package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/git/direct"
)

// RemoteConfig is what is configured of one remote.
type RemoteConfig struct {
	Name           string
	URLs, PushURLs []string // as configured, before url.*.insteadOf
}

// Remotes returns the remotes of this repository that have a URL: of the
// configuration in every scope and, as git still reads them, of the files below
// .git/remotes and .git/branches.
func (r *Repo) Remotes(ctx context.Context) ([]RemoteConfig, error) {
	c, err := r.settings(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.remotes == nil {
		r.remotes, err = r.readRemotes(c)
	}
	return slices.Clone(r.remotes), err
}

func (r *Repo) readRemotes(c direct.Config) ([]RemoteConfig, error) {
	var remotes []RemoteConfig
	for _, s := range c {
		name, ok := strings.CutPrefix(s.Key, "remote.")
		dot := strings.LastIndexByte(name, '.')
		if !ok || dot < 0 {
			continue
		}
		key := name[dot+1:]
		if name = name[:dot]; key != "url" && key != "pushurl" {
			continue
		}
		at := slices.IndexFunc(remotes, func(r RemoteConfig) bool { return r.Name == name })
		if at < 0 {
			at = len(remotes)
			remotes = append(remotes, RemoteConfig{Name: name})
		}
		urls := &remotes[at].URLs
		if key == "pushurl" {
			urls = &remotes[at].PushURLs
		}
		if *urls = append(*urls, s.Value); s.Value == "" {
			*urls = nil // takes back what came before (git 2.46)
		}
	}
	remotes = slices.DeleteFunc(remotes, func(c RemoteConfig) bool { return len(c.URLs)+len(c.PushURLs) == 0 })
	for _, dir := range []string{"remotes", "branches"} {
		files, err := r.remoteFiles(dir)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if !slices.ContainsFunc(remotes, func(c RemoteConfig) bool { return c.Name == f.Name }) {
				remotes = append(remotes, f)
			}
		}
	}
	return remotes, nil
}

// remoteFiles reads remotes that are files of their own (gitrepository-layout(5)).
func (r *Repo) remoteFiles(dir string) ([]RemoteConfig, error) {
	entries, err := os.ReadDir(filepath.Join(r.CommonDir, dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var remotes []RemoteConfig
	for _, e := range entries {
		text, readErr := os.ReadFile(filepath.Join(r.CommonDir, dir, e.Name()))
		if readErr != nil {
			continue // a directory: git calls no remote so
		}
		remote := RemoteConfig{Name: e.Name()}
		for line := range strings.Lines(string(text)) {
			url, ok := strings.CutPrefix(line, "URL:")
			if dir == "branches" {
				url, _, _ = strings.Cut(line, "#")
				ok = len(remote.URLs) == 0
			}
			if url = strings.TrimSpace(url); ok && url != "" {
				remote.URLs = append(remote.URLs, url)
			}
		}
		if len(remote.URLs) > 0 {
			remotes = append(remotes, remote)
		}
	}
	return remotes, err
}

// effective returns the places that git fetches from and pushes to for a remote,
// the first of each: what url.*.insteadOf and url.*.pushInsteadOf make of what is
// configured (git 2.39, remote.c). Fetching goes to the first URL only, pushing
// to all of them; several reports that there are more.
func (c RemoteConfig) effective(settings direct.Config) (fetch, push string, several bool) {
	for _, url := range c.URLs {
		if fetch == "" {
			fetch = rewrite(url, settings, ".insteadof")
		}
	}
	var pushes []string
	for _, url := range c.PushURLs {
		pushes = append(pushes, rewrite(url, settings, ".insteadof"))
	}
	if len(c.PushURLs) == 0 {
		for _, url := range c.URLs {
			if to := rewrite(url, settings, ".pushinsteadof"); to != url {
				pushes = append(pushes, to)
			}
		}
	}
	if len(pushes) == 0 {
		for _, url := range c.URLs {
			pushes = append(pushes, rewrite(url, settings, ".insteadof"))
		}
	}
	if fetch == "" { // only pushURLs: git takes the name for a path
		fetch = pushes[0]
	}
	return fetch, pushes[0], len(pushes) > 1
}

// rewrite replaces the longest beginning of url that a setting url.BASE.KEY
// names by BASE.
func rewrite(url string, settings direct.Config, key string) string {
	base, longest := "", ""
	for _, s := range settings {
		to, ok := strings.CutPrefix(s.Key, "url.")
		if !ok || !strings.HasSuffix(to, key) || !strings.HasPrefix(url, s.Value) || len(s.Value) <= len(longest) {
			continue
		}
		base, longest = to[:len(to)-len(key)], s.Value
	}
	if longest == "" {
		return url
	}
	return base + url[len(longest):]
}

// disabled reports whether a push URL is there in order to keep pushes from going
// anywhere, as "git remote set-url --push origin DISABLED" makes it: it is
// neither a URL nor a path to anything.
func disabled(url, dir string) bool {
	path := strings.TrimPrefix(url, "file://")
	if path == os.DevNull || path == "/dev/null" || strings.HasSuffix(url, "://") {
		return true
	}
	return !strings.ContainsAny(url, `/\:`) && !exists(filepath.Join(dir, url))
}

// alias stands for a URL that git must take as it is. As the URL itself it would
// be rewritten once more: what insteadOf makes of a URL git leaves alone, and no
// other setting names this one.
const alias = "git-grite-alias:/"

// aliased is the setting that makes alias stand for url.
func aliased(url string) [2]string { return [2]string{"url." + url + ".insteadOf", alias} }
