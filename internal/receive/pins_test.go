package receive

import (
	"os"
	"reflect"
	"testing"

	"github.com/git-grite/git-grite/internal/lock"
)

func TestPins(t *testing.T) {
	dir := t.TempDir() + "/grite"
	p, err := readPins(dir)
	if err != nil || len(p) > 0 {
		t.Fatalf("%v, %v", p, err)
	}
	strange := lock.Owner("a \"b\\ é")
	for _, login := range []string{"first", "second one\n"} { // each from a view without pins, as two pushes at a time
		if err := p.add(dir, login, map[lock.Owner]bool{strange: true, lock.Owner("only " + login): true}); err != nil {
			t.Fatal(err)
		}
	}
	want := pins{strange: "first", "only first": "first", "only second one\n": "second one\n"}
	if got, err := readPins(dir); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzReadPins(f *testing.F) {
	dir := f.TempDir()
	f.Add("\"a\" \"b\"\n\"a\" \"c\"\nno\n")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(pinsPath(dir), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := readPins(dir); err != nil {
			t.Fatal(err)
		}
	})
}
