# Completes git grite in bash, beside git's own completion, which looks for a
# function of this name and, where bash-completion is installed, for a file
# called git-grite among its completions.
# shellcheck shell=bash disable=SC2154 # cur, cword and words are set by the caller

_git_grite () {
	local first=${__git_cmd_idx-} i mode value quoted end breaks='' before='' dequoted_word
	local -a typed=()
	if [ -z "$first" ]; then # git before 2.30
		for ((first = 1; first < cword; first++)); do
			[ "${words[first]}" != grite ] || break
		done
	fi
	for ((i = first + 1; i <= cword; i++)); do
		__git_dequote "${words[i]}"
		typed+=("$dequoted_word")
	done
	# Readline replaces only what stands behind the last of its breaks.
	case $cur in
	[\'\"]*) ;;
	*)
		case $COMP_WORDBREAKS in *:*) breaks=: ;; esac
		case $COMP_WORDBREAKS in *=*) breaks+='=' ;; esac
		[ -z "$breaks" ] || before=${dequoted_word%"${dequoted_word##*["$breaks"]}"}
		;;
	esac
	COMPREPLY=()
	{
		read -r mode
		[ "$mode" = files ] || compopt +o default +o bashdefault 2>/dev/null
		while IFS=$'\t' read -r value _; do
			end=' ' quoted=${value#"$before"}
			case $value in *[/:=]) end='' ;; esac
			case $cur in
			[\'\"]*) end='' ;; # Readline ends the quotes
			*) [ -z "$quoted" ] || printf -v quoted %q "$quoted" ;;
			esac
			COMPREPLY+=("$quoted$end")
		done
	} < <(__git grite complete -- "${typed[@]}")
}

if ! declare -F __git_complete >/dev/null && declare -F _completion_loader >/dev/null; then
	_completion_loader git
fi
if declare -F __git_complete >/dev/null; then
	__git_complete git-grite _git_grite
	__git_complete grite _git_grite
fi
