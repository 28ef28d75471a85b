package issue

import (
	"reflect"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/wal"
)

// FuzzDecodeIndex: whatever is kept between commands is an index that can be
// written again and searched, or none.
func FuzzDecodeIndex(f *testing.F) {
	f.Add([]byte{}, "a")
	f.Add((&Index{heads: wal.Heads{Here: "12", There: "34"}}).encode(), "")
	e, err := Create(wal.ActorID{7}, time.UnixMilli(1_800_000_000_000), Created{Title: "T", Labels: []string{"a"}})
	if err != nil {
		f.Fatal(err)
	}
	is, _ := Fold([]wal.Event{e})
	f.Add((&Index{entries: []entry{{Issue: is, exists: true, chunks: []byte{1, 2, 3}}, {Issue: is}}}).encode(), "00")
	f.Fuzz(func(t *testing.T, data []byte, prefix string) {
		x, err := decodeIndex(data)
		if err != nil {
			return
		}
		again, err := decodeIndex(x.encode())
		if err != nil || !reflect.DeepEqual(x.encode(), again.encode()) {
			t.Fatalf("%+v is read again as %+v, %v", x, again, err)
		}
		for _, is := range x.All() {
			x.Short(is.ID)
		}
		_, _ = x.Find(prefix)
		for _, e := range x.entries {
			refsOf(e.chunks, x.width())
		}
	})
}
