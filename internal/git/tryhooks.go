package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Trial lets git run the hooks of a work tree for commands that cannot succeed
// in changing anything. Scratch is an empty directory of the caller's, Env is
// added to the environment that the hooks see.
type Trial struct {
	Repo    *Repo
	Scratch string
	Env     []string
	// Stage has something staged even where the user has nothing staged: there
	// are programs that run no hook for an empty commit (lefthook 1.13).
	Stage bool
}

// author is who commits in a trial where git does not know who the user is; git
// would refuse before it runs a hook.
var author = []string{
	"GIT_AUTHOR_NAME=git-grite", "GIT_AUTHOR_EMAIL=git-grite@localhost", "GIT_COMMITTER_NAME=git-grite", "GIT_COMMITTER_EMAIL=git-grite@localhost",
}

// Commit runs a "git commit" that gets as far as the pre-commit hook and no
// further: its message is to come from a file that does not exist, which git
// finds out only when the hook is done (seen with git 2.39). So there is no commit, no message hook, no editor and no signature
// whatever the hook answers. The index is a copy; all that may be left are the
// trees of what is staged, which the next commit would write. It returns what git and the
// hooks printed; an error is that of the trial, not of the hook.
func (t Trial) Commit(ctx context.Context) (output string, err error) {
	index := filepath.Join(t.Scratch, "index")
	text, err := os.ReadFile(t.Repo.indexFile())
	if err == nil {
		err = os.WriteFile(index, text, 0o666)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	env := []string{"GIT_INDEX_FILE=" + index}
	unmerged, err := t.Repo.run(ctx, command{args: []string{"ls-files", "--unmerged", ":/"}, env: env})
	if err != nil {
		return "", err
	}
	if len(unmerged) > 0 { // git would refuse before it runs the hook
		if _, err := t.Repo.run(ctx, command{args: []string{"read-tree", "HEAD"}, env: env}); err != nil {
			return "", err
		}
	}
	if t.Stage {
		if err := t.stage(ctx, env); err != nil {
			return "", err
		}
	}
	if _, err := t.Repo.read(ctx, "var", "GIT_COMMITTER_IDENT"); err != nil {
		env = append(env, author...)
	} else if _, err := t.Repo.read(ctx, "var", "GIT_AUTHOR_IDENT"); err != nil {
		env = append(env, author...)
	}
	return t.run(ctx, env, "commit", "-q", "--allow-empty", "-F", filepath.Join(t.Scratch, "no-message"))
}

// stage removes one file from the scratch index when nothing is staged in it.
func (t Trial) stage(ctx context.Context, env []string) error {
	if _, err := t.Repo.run(ctx, command{args: []string{"diff-index", "--cached", "--quiet", "HEAD"}, env: env}); err != nil {
		return nil // something is staged, or there is no HEAD and all of the index is
	}
	files, err := t.Repo.run(ctx, command{args: []string{"ls-files", "-z", "--full-name", ":/"}, env: env})
	if err != nil || len(files) == 0 {
		return err
	}
	first, _, _ := strings.Cut(string(files), "\x00")
	empty, err := t.Repo.emptyTree(ctx)
	if err != nil {
		return err
	}
	removal := fmt.Sprintf("0 %s\t%s\x00", strings.Repeat("0", len(empty)), first)
	_, err = t.Repo.run(ctx, command{args: []string{"update-index", "-z", "--index-info"}, env: env, stdin: []byte(removal)})
	return err
}

// indexFile is the index of this work tree.
func (r *Repo) indexFile() string {
	if file := lookup(r.env, "GIT_INDEX_FILE"); file != "" {
		return below(r.dir, file)
	}
	return filepath.Join(r.GitDir, "index")
}

// Push runs a "git push" to a bare repository below Scratch: of one commit on
// top of HEAD that changes nothing, which only the scratch repository has. In an
// unborn repository it is a first, empty one. Nothing is left here even where
// no hook stops it. The results are as those of Commit.
func (t Trial) Push(ctx context.Context) (output string, err error) {
	remote := filepath.Join(t.Scratch, "remote.git")
	beside := &Repo{dir: t.Scratch, env: append(Elsewhere(t.Repo.env), author...)}
	aside := func(args ...string) (string, error) {
		out, err := beside.run(ctx, command{args: args, stdin: []byte{}})
		return strings.TrimSpace(string(out)), err
	}
	format, err := t.Repo.ObjectFormat(ctx)
	if err != nil {
		return "", err
	}
	if _, err := aside("init", "-q", "--bare", "--template=", "--object-format="+format, remote); err != nil {
		return "", err
	}
	here, err := t.Repo.read(ctx, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(remote, "objects", "info", "alternates"), here, 0o666); err != nil {
		return "", err
	}
	const branch = "refs/heads/git-grite-hooks-test"
	build := []string{"--git-dir=" + remote, "commit-tree", "-m", "hooks test"}
	if base, none := t.Repo.CommitOf(ctx, "HEAD"); none == nil {
		build = append(build, "-p", string(base), string(base)+"^{tree}")
		_, err = aside("--git-dir="+remote, "update-ref", branch, string(base))
	} else {
		var tree string
		tree, err = aside("--git-dir="+remote, "hash-object", "-t", "tree", "-w", "--stdin")
		build = append(build, tree)
	}
	if err != nil {
		return "", err
	}
	commit, err := aside(build...)
	if err != nil {
		return "", err
	}
	objects := filepath.Join(remote, "objects")
	if more := lookup(t.Repo.raw, "GIT_ALTERNATE_OBJECT_DIRECTORIES"); more != "" {
		objects += string(os.PathListSeparator) + more
	}
	// git-lfs would copy what it stores to the scratch repository.
	env := []string{"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + objects, "GIT_LFS_SKIP_PUSH=1"}
	return t.run(ctx, env, "-c", "push.pushOption=", "-c", "protocol.file.allow=always",
		"push", "--no-signed", "--no-follow-tags", "--recurse-submodules=no", remote, commit+":"+branch)
}

// run runs a git that runs hooks: in the user's own environment, without a
// terminal that something could ask on, in a session that is gone with it.
func (t Trial) run(ctx context.Context, env []string, args ...string) (string, error) {
	out, err := os.Create(filepath.Join(t.Scratch, "output"))
	if err != nil {
		return "", err
	}
	defer out.Close()
	raw := t.Repo.raw
	cmd := t.Repo.prepare(ctx, command{args: args, detached: true})
	cmd.WaitDelay = killDelay
	cmd.Env = append(append(append(raw[:len(raw):len(raw)], "GIT_TERMINAL_PROMPT=0", "GIT_EDITOR=false"), env...), t.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	if cmd.Process != nil {
		killSession(cmd.Process)
	}
	text, readErr := os.ReadFile(out.Name())
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		err = ErrNoGit
	case cmd.ProcessState != nil:
		err = readErr // git failed, as it had to
	}
	return string(text), err
}
