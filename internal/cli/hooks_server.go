package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
	"github.com/git-grite/git-grite/internal/wire"
)

func serverFlag(to *bool) []cli.Flag {
	return []cli.Flag{boolFlag(to, "server", "the pre-receive hook of this repository, for what others push to it")}
}

// serverHook changes the hook of a repository that is pushed to.
func serverHook(ctx context.Context, repo *git.Repo, change func(gitDir, hooksDir string) (hook.Change, error)) (result, error) {
	dir, err := repo.HooksDir(ctx)
	if err != nil {
		return result{}, err
	}
	done, err := change(repo.CommonDir, dir)
	if err != nil {
		return result{}, err
	}
	return changesResult("Hook of this server", []hook.Change{done}), nil
}

// serverStatus shows the hook of a bare repository, which is missing only where
// there is a configuration for it.
func serverStatus(ctx context.Context, repo *git.Repo) (h hookJSON, shown bool, err error) {
	if repo.WorkTree != "" {
		return h, false, nil
	}
	dir, err := repo.HooksDir(ctx)
	if err != nil {
		return h, false, err
	}
	h = newHookJSON(repo, hook.Place{}, hook.InspectServer(repo.CommonDir, dir))
	_, err = os.Lstat(config.ReceivePath(filepath.Join(repo.CommonDir, "grite")))
	h.OK = h.OK || err != nil
	return h, true, nil
}

// serverTrialJSON is what the hook of a server did, as programs see it.
type serverTrialJSON struct {
	Name          string `json:"name"`
	WorkTree      string `json:"worktree"` // the bare repository
	Path          string `json:"path"`
	Fired         bool   `json:"fired"`
	TakesGood     bool   `json:"takes_good"`
	RefusesForged bool   `json:"refuses_forged"`
	Output        string `json:"output"`
	OK            bool   `json:"ok"`
}

func (t serverTrialJSON) String() string {
	says := func(ok bool, good, bad string) string {
		if ok {
			return good
		}
		return bad
	}
	line := fmt.Sprintf("%s: %s, %s, %s (%s)", t.Name, says(t.Fired, "fired", "did not fire"), says(t.TakesGood, "takes a lock", "takes no lock"),
		says(t.RefusesForged, "refuses a forged one", "takes a forged one"), wire.Printable(t.Path))
	for said := range strings.Lines(t.Output) {
		if said = strings.TrimSpace(said); strings.HasPrefix(said, "remote: ") {
			line += "\n    " + wire.Printable(said)
		}
	}
	return line
}

// runHooksTestServer has git run the hook between two scratch repositories.
func runHooksTestServer(ctx context.Context, c *call, timeout time.Duration) (result, error) {
	cl, err := c.open(ctx)
	if err != nil {
		return result{}, err
	}
	dir, err := cl.Repo.HooksDir(ctx)
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it was ended after %s", timeout))
	defer cancel()
	server, _ := newServer(cl.Repo, c.Now) // hooks status and doctor tell of mistakes
	path, _ := hook.ServerPlace(cl.Repo.CommonDir, dir)
	t := serverTrialJSON{Name: "pre-receive", WorkTree: treePath(cl.Repo), Path: path}
	f := hookFindings{}
	if hook.InspectServer(cl.Repo.CommonDir, dir).OK() {
		resource, err := lock.ParseResource("issue:hooks-test", "")
		if err != nil {
			return result{}, err
		}
		good := lock.Lock{Owner: lock.Owner(strings.Repeat("0", 32)), Nonce: config.NewNonce(), Expires: c.Now().Add(time.Second), Resource: resource}
		forged := good
		if forged.Resource, err = lock.ParseResource("issue:of-another-ref", ""); err != nil {
			return result{}, err
		}
		ref := git.RefName(refstore.Namespace + "/" + resource.Key())
		done, err := hook.TryServer(ctx, cl.Repo, path, server.Dir, ref, refstore.Encode(good), refstore.Encode(forged), c.Now())
		if err != nil {
			return result{}, err
		}
		t.Fired, t.TakesGood, t.RefusesForged, t.Output = done.Fired, done.TakesGood, done.RefusesForged, done.Said
	}
	t.OK = t.Fired && t.RefusesForged && (t.TakesGood || server.Rules.Trust == "listed")
	f.add(t.WorkTree, t, t.OK)
	return f.result("The server's hook judges pushes", "the server's hook does not judge pushes as it should")
}

// doctor's look at a server: its hook and its configuration.
func (d *diagnosis) server(ctx context.Context) {
	h, shown, err := serverStatus(ctx, d.Repo)
	if err != nil || !shown {
		return
	}
	for _, fault := range checkServer(d.Repo, d.Env.Now) {
		d.add("server", checkWarn, "the defaults apply meanwhile; docs/server.md", "%s", fault)
	}
	hint := ""
	if !h.OK || h.State == hook.Missing {
		hint = "git grite hooks install --server"
	}
	status := checkOK
	if !h.OK {
		status = checkWarn
	}
	d.add("server", status, hint, "%s", h.what())
}
