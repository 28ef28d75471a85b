package gittest

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Tmpfs mounts a file system of a few bytes for the length of the test. It
// needs root.
func Tmpfs(t testing.TB, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v; run the tests as root", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	return dir
}

// RunAsNobody is Run as a user who owns nothing, so that permissions count even
// when the tests run as root; elsewhere it is Run.
func (r *Repo) RunAsNobody(name string, args ...string) Result {
	if os.Getuid() != 0 {
		return r.Run("", name, args...)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return Result{Code: -1, Stderr: err.Error()}
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = r.Dir, append(r.Env[:len(r.Env):len(r.Env)], "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*", "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		return Result{Code: -1, Stderr: err.Error()}
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// ReadOnly is the repository as it looks where it is mounted for reading only, for
// the length of the test. It needs root, whom permissions do not bind.
func ReadOnly(t testing.TB, r *Repo) *Repo {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount(r.Dir, dir, "", syscall.MS_BIND, "")
	if err == nil {
		t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
		err = syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	}
	if err != nil {
		t.Skipf("cannot mount anything here: %v; run the tests as root", err)
	}
	return r.At(dir)
}
