// Package completions has the scripts with which shells complete git grite. They
// ask "git grite complete", which knows the commands and what there is to name.
package completions

import _ "embed"

//go:embed git-grite.bash
var bash string

//go:embed _git-grite
var zsh string

//go:embed git-grite.fish
var fish string

// Scripts are the scripts by the name of their shell.
var Scripts = map[string]string{"bash": bash, "zsh": zsh, "fish": fish}
