package git

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

var errStuck = errors.New("the remote has everything, and the end of its answer does not come")

// runPush runs a push, and ends it with errStuck when the remote has had all of it
// for a while. Over HTTP an answer that is cut short, but complete as HTTP has it,
// hangs git: git-remote-http waits for what git-push sends next, and git-push for
// the rest (git 2.39). A server may be slow: it is asked ever less often.
func (m *Remote) runPush(ctx context.Context, updates []RefUpdate, args []string) ([]byte, error) {
	if !strings.HasPrefix(m.url, "http") {
		return m.run(ctx, args...)
	}
	ctx, end := context.WithCancelCause(ctx)
	probe := *m
	probe.prompts, probe.env = false, nil // there is one terminal, and the push has it
	var asking sync.WaitGroup
	defer asking.Wait()
	defer end(nil)
	asking.Go(func() {
		for wait := 2 * time.Second; ; wait *= 2 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			if probe.has(ctx, updates) {
				end(errStuck)
				return
			}
		}
	})
	return m.run(ctx, args...)
}

// has reports whether the remote's refs are as the updates would have them.
func (m *Remote) has(ctx context.Context, updates []RefUpdate) bool {
	names, at := []string{}, map[RefName]OID{}
	for _, u := range updates {
		names = append(names, string(u.Name))
	}
	refs, err := m.List(ctx, names...)
	for _, ref := range refs {
		at[ref.Name] = ref.OID
	}
	return err == nil && !slices.ContainsFunc(updates, func(u RefUpdate) bool { return at[u.Name] != u.New })
}
