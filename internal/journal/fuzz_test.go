package journal

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// FuzzLines: whatever stands in the journal, an actor is told of a loss of its own
// once, and a new loss is told beside it.
func FuzzLines(f *testing.F) {
	for _, text := range []string{
		`{"time_unix_ms":1800000000000,"event":"lost","actor":"` + string(alice) + `","nonce":"n1","resource":"path:x","cause":"removed","other":"b","other_resource":"path:["}`,
		`{"time_unix_ms":-9223372036854775808,"event":"expired","actor":"` + string(alice) + `","resource":"path:x","cause":"ended","expires_unix_ms":9223372036854775807}`,
		`{"event":"told","actor":"` + string(alice) + `","nonce":"n1","resource":"path:x","form":"text"}` + "\nnull\n[]\n\x00\xff\n{",
	} {
		f.Add([]byte(text))
	}
	j := New(filepath.Join(f.TempDir(), "log.jsonl"), func() time.Time { return noon })
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(j.path, append(text, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, e := range j.Events() {
			if e.Event == "" || e.Event == told {
				t.Fatalf("%+v", e)
			}
		}
		fresh := gone(t, "fresh nonce", "path:fresh")
		first, _ := j.Tell(alice, "alice", JSON, []lock.Lost{fresh})
		again, _ := j.Tell(alice, "alice", JSON, []lock.Lost{fresh})
		if !slices.ContainsFunc(first, func(l lock.Lost) bool { return keyOf(l) == keyOf(fresh) }) || len(again) > 0 {
			t.Errorf("told %v, then %v", first, again)
		}
	})
}
