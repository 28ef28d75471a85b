package cli

import (
	"context"
	"strings"

	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wire"
)

// issues looks at the issue log, where the clone has one.
func (d *diagnosis) issues(ctx context.Context) {
	r, ok, err := tracker.Check(ctx, d.Clone)
	switch {
	case err != nil:
		d.add("issues", checkWarn, "", "%v", err)
		return
	case !ok:
		return
	}
	d.add("issues", checkOK, "", "%s with %s", wire.Count(r.Issues, "issue"), wire.Count(r.Events, "event"))
	var odd []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{r.BadChunks, "malformed chunk"}, {r.BadEvents, "malformed event"},
		{r.Unknown, "unknown event"}, {r.Stray, "stray event"},
	} {
		if c.n > 0 {
			odd = append(odd, wire.Count(c.n, c.what))
		}
	}
	if len(odd) > 0 {
		detail := strings.Join(odd, ", ") + " left out"
		if r.Why != nil {
			detail += "; the first: " + r.Why.Error()
		}
		d.add("issues", checkWarn, "they do no harm; the log is never rewritten", "%s", detail)
	}
	if r.Unsent > 0 {
		d.add("issues", checkWarn, "git grite sync", "%s that only this clone has", wire.Count(r.Unsent, "change"))
	}
}
