package cli

import (
	"fmt"
	"strings"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/wire"
)

// maxAnnotations is how many annotations are written; GitHub shows ten of a kind
// per step and fifty per job.
const maxAnnotations = 50

// annotations are the verdict as workflow commands of GitHub Actions, a line
// each: what stops is an error, the rest a warning.
func annotations(v check.Verdict) string {
	var text strings.Builder
	level := "warning"
	if v.Policy == guard.Require {
		level = "error"
	}
	for i, c := range v.Collisions {
		if i == maxAnnotations {
			fmt.Fprintf(&text, "::%s::and %d more\n", level, len(v.Collisions)-maxAnnotations)
			break
		}
		annotate(&text, level, c.Path, "Locked by "+wire.Holder(c.Lock), says(v, c))
	}
	for i, path := range v.Unheld {
		if i == maxAnnotations {
			fmt.Fprintf(&text, "::warning::and %d more\n", len(v.Unheld)-maxAnnotations)
			break
		}
		annotate(&text, "warning", path, "Not locked", "must be locked before a change: "+wire.Printable(path))
	}
	return text.String()
}

// annotate writes one command. The escaping is that of GitHub's own toolkit
// (packages/core/src/command.ts); without it a file, a label or a reason could
// give the runner commands of its own.
func annotate(text *strings.Builder, level, file, title, message string) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	fmt.Fprintf(text, "::%s file=%s,title=%s::%s\n", level, property.Replace(file), property.Replace(title), data.Replace(message))
}
