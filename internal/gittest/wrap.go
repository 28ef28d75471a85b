package gittest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// prelude is what scripts of WrapGit, ReceivePack and UploadPack start with.
// The number of a call is claimed by making a file that must not exist yet, so
// that no two calls have the same.
const prelude = `
is() { # SUBCOMMAND [NUMBER]: is this such a call (and the NUMBERth)?
	[ "$SUBCOMMAND" = "$1" ] && [ "${2:-$NUMBER}" = "$NUMBER" ]
}
nth() { # SUBCOMMAND: the number of this call among those, else how many there were
	if is "$1"; then
		echo "$NUMBER"
		return
	fi
	set -- "$COUNTS/$1".*
	if [ -e "$1" ]; then echo $#; else echo 0; fi
}
await() { # FILE: sleep until FILE exists, or the test is over
	until [ -e "$1" ]; do
		[ -d "$COUNTS" ] || exit 70
		sleep 0.01
	done
}
subcommand() {
	while [ $# -gt 1 ]; do
		case $1 in
		-C | -c | --git-dir | --work-tree | --namespace | --config-env) shift 2 ;;
		-*) shift ;;
		*) break ;;
		esac
	done
	SUBCOMMAND=${1:-}
}
[ -n "${SUBCOMMAND:=}" ] || subcommand "$@"
NUMBER=1
set -C
until { true >"$COUNTS/$SUBCOMMAND.$NUMBER"; } 2>/dev/null; do
	[ -e "$COUNTS/$SUBCOMMAND.$NUMBER" ] || exit 70
	NUMBER=$((NUMBER + 1))
done
set +C
`

// WrapGit puts a git of the test's own in front of PATH: a POSIX sh script that
// runs script and then, unless that has exited, the real git with the same
// arguments. script sees the real git as $GIT_REAL, who started it as $PPID,
// and has
//
//	is push       is this call a push, whatever options come before the word?
//	is push 2     is it the second one?
//	nth push      prints the number of this push, or in other calls how many there were
//	await FILE    sleeps until FILE exists
//
// The numbers go by the order in which the calls started. Calls that git itself
// makes are not seen: it starts git by its exec path, also in hooks and below
// "git grite", so start git-grite directly.
func WrapGit(t testing.TB, script string) (env []string) {
	t.Helper()
	bin := t.TempDir()
	writeWrapper(t, filepath.Join(bin, "git"), "", script)
	return []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
}

// ReceivePack sets a program that serves the pushes of r to origin in place of
// git receive-pack, over the path, file and ssh transports. It runs script, a
// POSIX sh script as in WrapGit with the repository as $1, and then git
// receive-pack, unless script has exited.
func (r *Repo) ReceivePack(script string) { r.t.Helper(); r.serve("receive-pack", script) }

// UploadPack is ReceivePack for what r fetches.
func (r *Repo) UploadPack(script string) { r.t.Helper(); r.serve("upload-pack", script) }

// SlowFetch has origin never end an answer with more than most of what was asked
// for: the time that servers take grows with it. As UploadPack.
func (r *Repo) SlowFetch(most int) {
	r.t.Helper()
	hook := filepath.Join(r.t.TempDir(), "pack-objects")
	Executable(r.t, hook, fmt.Sprintf(`#!/bin/sh
wants=$(cat)
[ "$(echo "$wants" | grep -c '^[0-9a-f]')" -le %d ] || exec sleep 600
echo "$wants" | exec "$@"
`, most))
	r.UploadPack(`exec "$GIT_REAL" -c uploadpack.packObjectsHook=` + quote(hook) + ` upload-pack "$@"`)
}

func (r *Repo) serve(service, script string) {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "git-"+service)
	writeWrapper(r.t, path, service, script)
	r.Git("config", "remote.origin."+strings.ReplaceAll(service, "-", ""), quote(path))
}

// writeWrapper writes a wrapper of git, or of one subcommand of it.
func writeWrapper(t testing.TB, path, subcommand, script string) {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	Executable(t, path, "#!/bin/sh\nGIT_REAL="+quote(git)+"\nCOUNTS="+quote(t.TempDir())+"\nSUBCOMMAND="+subcommand+"\n"+
		prelude+script+"\nexec \"$GIT_REAL\" "+subcommand+" \"$@\"\n")
}

// Executable writes a program. No process is forked meanwhile: it would
// have the file open for writing until its exec, and running the program would
// fail with "text file busy".
func Executable(t testing.TB, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
}

// quote makes one word of s for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
