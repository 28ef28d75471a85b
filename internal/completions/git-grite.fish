# Completes git grite in fish. It is read when a shell starts, from conf.d: of the
# files that fish reads when it completes git, none is ours.

# The words behind git grite, with each -C before it; fails where something else
# is being typed.
function __git_grite_words
    set -l words (commandline -opc)
    set -l there
    if string match -q -r '(^|/)git$' -- $words[1]
        set -e words[1]
        while set -q words[1]; and test "$words[1]" != grite
            switch $words[1]
                case -C
                    set -a there $words[1..2]
                    set -e words[1..2]
                case -c --git-dir --work-tree --namespace
                    set -e words[1..2]
                case '-*'
                    set -e words[1]
                case '*'
                    return 1
            end
        end
        set -q words[1]
        or return 1
    end
    string join \n -- $there $words[2..]
    return 0
end

function __git_grite_complete
    set -l current (commandline -ct)
    set -l lines (git grite complete -- (__git_grite_words) "$current" 2>/dev/null)
    if test "$lines[1]" = files
        __fish_complete_path "$current"
    else
        string join \n -- $lines[2..]
    end
end

complete -c git -n __git_grite_words -f -a '(__git_grite_complete)'
complete -c git-grite -f -a '(__git_grite_complete)'
complete -c grite -f -a '(__git_grite_complete)'
