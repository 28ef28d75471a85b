#!/bin/sh
# Installs git-grite from this checkout, or removes it again.
#
#   ./install.sh [--prefix DIR] [--uninstall]
#
# The program goes to DIR/bin (~/.local/bin), its man page to DIR/share/man/man1.
# A link "grite" is made beside it when no other program has that name.
set -eu

usage() {
	echo "usage: ./install.sh [--prefix DIR] [--uninstall]"
}

fail() {
	echo "install.sh: $1" >&2
	exit "${2:-1}"
}

uninstall() { # PREFIX
	for file in "$1/bin/git-grite" "$1/share/man/man1/git-grite.1"; do
		if [ -e "$file" ]; then
			rm -f "$file"
			echo "Removed $file"
		fi
	done
	if [ -L "$1/bin/grite" ] && [ "$(readlink "$1/bin/grite")" = git-grite ]; then
		rm -f "$1/bin/grite"
		echo "Removed $1/bin/grite"
	fi
}

build() { # OUTPUT
	command -v go >/dev/null 2>&1 || fail "Go is needed to build git-grite, and there is no go on PATH: https://go.dev/dl/"
	version=$(git describe --tags --always --dirty 2>/dev/null || echo unreleased)
	CGO_ENABLED=0 go build -trimpath -tags urfave_cli_no_docs \
		-ldflags "-s -w -X github.com/git-grite/git-grite/internal/cli.version=$version" \
		-o "$1" ./cmd/git-grite || fail "the build failed"
}

install_files() { # PREFIX
	mkdir -p "$1/bin" "$1/share/man/man1" || fail "cannot make directories below $1; choose another place with --prefix DIR"
	# Built beside its place and renamed, so that no running hook meets half of it.
	new="$1/bin/.git-grite.$$"
	trap 'rm -f "$new"' EXIT
	build "$new"
	mv -f "$new" "$1/bin/git-grite"
	cp docs/man/git-grite.1 "$1/share/man/man1/git-grite.1"
	echo "Installed $1/bin/git-grite"
	other=$(command -v grite || true)
	if [ -z "$other" ] && [ ! -e "$1/bin/grite" ] && [ ! -L "$1/bin/grite" ]; then
		ln -s git-grite "$1/bin/grite"
		echo "Linked $1/bin/grite"
	elif [ ! -L "$1/bin/grite" ] || [ "$(readlink "$1/bin/grite")" != git-grite ]; then
		echo "Not linked as grite: that name is taken by ${other:-$1/bin/grite}"
	fi
	case ":$PATH:" in
	*":$1/bin:"*) ;;
	*) echo "$1/bin is not on PATH; add it: export PATH=\"$1/bin:\$PATH\"" ;;
	esac
	echo "Next, in a repository: git grite init"
}

main() {
	prefix=${HOME:-}/.local
	action=install_files
	while [ $# -gt 0 ]; do
		case $1 in
		--prefix)
			[ -n "${2:-}" ] || fail "--prefix needs a directory" 2
			prefix=$2
			shift
			;;
		--prefix=?*) prefix=${1#--prefix=} ;;
		--uninstall) action=uninstall ;;
		-h | --help)
			usage
			exit 0
			;;
		*)
			usage >&2
			fail "unknown argument $1" 2
			;;
		esac
		shift
	done
	case $prefix in
	/*) ;;
	*) prefix=$PWD/$prefix ;;
	esac
	cd "$(dirname "$0")"
	[ -f cmd/git-grite/main.go ] || fail "run it from a checkout of git-grite"
	"$action" "$prefix"
}

main "$@"
