#!/bin/sh
# Installs git-grite from this checkout, or removes it again.
#
#   ./install.sh [--prefix DIR] [--uninstall]
#
# The program goes to DIR/bin (~/.local/bin), man pages and completions for bash,
# zsh and fish below DIR/share. A link "grite" is made beside it when no other
# program has that name.
set -eu

usage() {
	echo "usage: ./install.sh [--prefix DIR] [--uninstall]"
}

fail() {
	echo "install.sh: $1" >&2
	exit "${2:-1}"
}

# The files beside the program, as pairs of where they are here and below DIR.
shared() {
	for page in docs/man/*.1; do
		echo "$page share/man/man1/${page##*/}"
	done
	echo "internal/completions/git-grite.bash share/bash-completion/completions/git-grite"
	echo "internal/completions/git-grite.bash share/bash-completion/completions/grite"
	echo "internal/completions/_git-grite share/zsh/site-functions/_git-grite"
	echo "internal/completions/git-grite.fish share/fish/vendor_conf.d/git-grite.fish"
}

uninstall() { # PREFIX
	for file in bin/git-grite bin/git-grite-mcp $(shared | cut -d' ' -f2); do
		if [ -e "$1/$file" ]; then
			rm -f "$1/$file"
			echo "Removed $1/$file"
		fi
	done
	if [ -L "$1/bin/grite" ] && [ "$(readlink "$1/bin/grite")" = git-grite ]; then
		rm -f "$1/bin/grite"
		echo "Removed $1/bin/grite"
	fi
}

build() { # DIRECTORY
	command -v go >/dev/null 2>&1 || fail "Go is needed to build git-grite, and there is no go on PATH: https://go.dev/dl/"
	version=$(git describe --tags --always --dirty 2>/dev/null || echo unreleased)
	echo "Building git-grite $version; the first time this takes a minute or two, for the compiler and the libraries"
	CGO_ENABLED=0 go build -trimpath -tags urfave_cli_no_docs \
		-ldflags "-s -w -X github.com/git-grite/git-grite/internal/cli.version=$version" \
		-o "$1/" ./cmd/git-grite ./cmd/git-grite-mcp || fail "the build failed"
}

install_files() { # PREFIX
	mkdir -p "$1/bin" || fail "cannot make directories below $1; choose another place with --prefix DIR"
	# Built beside its place and renamed, so that no running hook meets half of it.
	new="$1/bin/.git-grite.$$"
	mkdir "$new" || fail "cannot write to $1/bin; choose another place with --prefix DIR"
	trap 'rm -rf "$new"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	build "$new"
	mv -f "$new/git-grite-mcp" "$new/git-grite" "$1/bin/"
	shared | while read -r from to; do
		mkdir -p "$1/${to%/*}"
		cp "$from" "$1/$to"
	done
	echo "Installed $1/bin/git-grite, version $version, with man pages and completions below $1/share"
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
	first=$(command -v git-grite || true)
	if [ -n "$first" ] && ! cmp -s "$first" "$1/bin/git-grite"; then
		echo "Another git-grite comes first on PATH and runs instead: $first ($("$first" version 2>/dev/null | head -n 1))"
	fi
	command -v man >/dev/null 2>&1 || echo "There is no man here, which git grite --help needs; git grite help does without"
	case ${SHELL:-} in
	*/zsh) echo "For zsh, before compinit: fpath=($1/share/zsh/site-functions \$fpath)" ;;
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
