// Package hooks holds the shims that git runs: a few lines of sh that start
// git-grite, and the old hook when there is no git-grite.
package hooks

import "embed"

// Names are the hooks that are installed.
var Names = []string{"pre-commit", "pre-push"}

//go:embed pre-commit pre-push
var files embed.FS

// Shim returns the text of the shim with this name.
func Shim(name string) []byte {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // a name that is not in Names
	}
	return text
}
