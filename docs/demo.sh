#!/bin/sh
# The main job on a scratch repository: a bare remote, two clones, two actors.
# Everything happens below a temporary directory that is removed at the end.
set -eu
exec 2>&1

top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
for name in $(git rev-parse --local-env-vars) GRITE_ACTOR GRITE_HOME GRITE_LOCK_POLICY; do
	unset "$name"
done
export HOME="$top" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL="$top/gitconfig"
git config --global init.defaultBranch main
git config --global advice.detachedHead false

show() { # what a person would type
	printf '\n$ %s\n' "$*"
	"$@"
}
must_fail() {
	printf '\n$ %s\n' "$*"
	if "$@"; then
		echo "demo: that should have failed" >&2
		exit 1
	fi
}

git init -q --bare "$top/remote.git"
git clone -q "$top/remote.git" "$top/alice" 2>/dev/null
cd "$top/alice"
git config user.name Alice
git config user.email alice@example.com
mkdir src
echo 'package src' >src/auth.go
git add src
git commit -qm 'first'
git push -q origin main
git clone -q -c user.name=Bob -c user.email=bob@example.com "$top/remote.git" "$top/bob"

echo "== Alice and Bob have a clone each; the remote they share is the arbiter"
show git grite init --label alice
# One machine, one clock: an expired lock need not be left alone for longer.
printf 'lock_policy = "require"\n[lock]\nclock_skew = "0s"\n' >>.git/grite/config.toml
show git grite lock acquire src --ttl 4s --reason "rework the login"

echo
echo "== In Bob's clone an overlapping lock is refused"
cd "$top/bob"
git grite init -q --label bob
printf 'lock_policy = "require"\n[lock]\nclock_skew = "0s"\n' >>.git/grite/config.toml
must_fail git grite lock acquire src/auth.go --ttl 15m

echo
echo "== Bob edits the file all the same; git stops his commit"
echo '// bob was here' >>src/auth.go
must_fail git commit -qam 'touch the login'

echo
echo "== Alice is gone and her lease ends; Bob waits for it, takes over, commits and pushes"
show git grite lock acquire src/auth.go --ttl 15m --wait 10s
show git commit -qam 'touch the login'
show git push -q origin main

echo
echo "== Alice is told who has it now"
cd "$top/alice"
show git grite lock status

echo
echo "== Bob is done"
cd "$top/bob"
show git grite lock release --mine
