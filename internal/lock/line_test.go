package lock

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func waiter(n int, ticket int64, resources ...string) Waiter {
	w := Waiter{
		Owner: Owner(fmt.Sprintf("%032x", n)), Nonce: fmt.Sprintf("%08x-0000-4000-8000-000000000000", n),
		Ticket: time.UnixMilli(ticket), Until: time.UnixMilli(ticket + 60_000),
	}
	for _, text := range resources {
		r, err := ParseRecorded(text)
		if err != nil {
			panic(err)
		}
		w.Resources = append(w.Resources, r)
	}
	return w
}

func TestWaiterRoundTrip(t *testing.T) {
	t.Parallel()
	w := waiter(1, 1700000000000, "path:src/", "issue:7")
	w.Exclusive = true
	if want := Key("path:src/") + "-1700000000000-00000001-0000-4000-8000-000000000000"; w.Name() != want {
		t.Errorf("name %s, want %s", w.Name(), want)
	}
	got, err := ParseWaiter(w.Name(), w.Encode())
	if err != nil || got.Name() != w.Name() || string(got.Encode()) != string(w.Encode()) || !got.Exclusive || len(got.Resources) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWaiterDamaged(t *testing.T) {
	t.Parallel()
	w := waiter(1, 1700000000000, "path:src/")
	name, text := w.Name(), string(w.Encode())
	key := Key("path:src/")
	for what, entry := range map[string][2]string{
		"no parts":        {key, text},
		"short key":       {name[1:], text},
		"upper-case key":  {strings.ToUpper(key) + name[16:], text},
		"no ticket":       {key + "--" + w.Nonce, text},
		"zero ticket":     {key + "-0-" + w.Nonce, text},
		"signed ticket":   {key + "-+1700000000000-" + w.Nonce, text},
		"padded ticket":   {key + "-01700000000000-" + w.Nonce, text},
		"endless ticket":  {key + "-9223372036854775807-" + w.Nonce, text},
		"no nonce":        {key + "-1700000000000-", text},
		"nonce of a path": {key + "-1700000000000-../x", text},
		"long nonce":      {name + strings.Repeat("a", 64), text},
		"no text":         {name, ""},
		"no JSON":         {name, "{"},
		"another key":     {Key("path:doc/") + name[16:], text},
		"no owner":        {name, strings.Replace(text, string(w.Owner), "x", 1)},
		"no resources":    {name, strings.Replace(text, `["path:src/"]`, `[]`, 1)},
		"bad resource":    {name, strings.Replace(text, `["path:src/"]`, `["path:src/","what"]`, 1)},
		"ends early":      {name, strings.Replace(text, "1700000060000", "1600000000000", 1)},
		"ends never":      {name, strings.Replace(text, "1700000060000", "1800000000000", 1)},
		"too long":        {name, text + strings.Repeat(" ", maxWaiter)},
		"many":            {name, strings.Replace(text, `["path:src/"]`, `["path:src/"`+strings.Repeat(`,"issue:1"`, maxWaiterResources)+`]`, 1)},
	} {
		if got, err := ParseWaiter(entry[0], []byte(entry[1])); err == nil {
			t.Errorf("%s: accepted as %+v", what, got)
		}
	}
}

func FuzzParseWaiter(f *testing.F) {
	w := waiter(1, 1700000000000, "path:src/*.go")
	f.Add(w.Name(), w.Encode())
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		w, err := ParseWaiter(name, text)
		if err != nil {
			return
		}
		again, err := ParseWaiter(w.Name(), w.Encode())
		if err != nil || again.Name() != w.Name() {
			t.Errorf("%q, %q is read as %+v, and that as %+v, %v", name, text, w, again, err)
		}
		w.Turn([]Waiter{again}, w.Ticket, w.Ticket, time.Second, time.Second)
	})
}

func TestTurn(t *testing.T) {
	t.Parallel()
	const start = 1700000000000
	now := time.UnixMilli(start + 10_000)
	me := waiter(9, start+5000, "path:src/a.go")
	mine := me
	mine.Nonce = "0"
	mine.Ticket = time.UnixMilli(start)
	exclusive := mine
	exclusive.Exclusive = true
	ended := waiter(1, start, "path:src/")
	ended.Until = now.Add(-31 * time.Second)
	barely := ended
	barely.Until = now.Add(-30 * time.Second)
	for _, c := range []struct {
		name string
		line []Waiter
		want int
	}{
		{"nobody", nil, 0},
		{"me alone", []Waiter{me}, 0},
		{"one before on the same", []Waiter{waiter(1, start, "path:src/a.go"), me}, 1},
		{"one behind", []Waiter{me, waiter(1, start+6000, "path:src/a.go")}, 0},
		{"same ticket, lower nonce", []Waiter{waiter(8, start+5000, "path:src/a.go")}, 1},
		{"same ticket, higher nonce", []Waiter{waiter(10, start+5000, "path:src/a.go")}, 0},
		{"overlapping", []Waiter{waiter(1, start, "path:src/"), waiter(2, start, "path:**/*.go"), waiter(3, start, "repo:global")}, 3},
		{"something else", []Waiter{waiter(1, start, "path:doc/"), waiter(2, start, "issue:7")}, 0},
		{"one of several", []Waiter{waiter(1, start, "path:doc/", "path:src/")}, 1},
		{"past its end", []Waiter{ended}, 0},
		{"past its end within the skew", []Waiter{barely}, 1},
		{"another request of mine", []Waiter{mine}, 0},
		{"another exclusive request of mine", []Waiter{exclusive}, 1},
	} {
		if got := me.Ahead(c.line, now, 30*time.Second); got != c.want {
			t.Errorf("%s: %d ahead, want %d", c.name, got, c.want)
		}
		if got, want := me.Turn(c.line, now, now, 2*time.Second, 30*time.Second), now.Add(time.Duration(c.want)*2*time.Second); !got.Equal(want) {
			t.Errorf("%s: turn at %s, want %s", c.name, got, want)
		}
	}
}

// TestLineKeepsOrder has waiters that look at random moments take a resource
// that is released again and again. With a slot as long as the longest pause
// between two looks nobody goes before one who stands ahead; with a slot of a
// look and a push, most do.
func TestLineKeepsOrder(t *testing.T) {
	t.Parallel()
	const pause, step = 7500 * time.Millisecond, 100 * time.Millisecond // the longest pause; a look and a push
	outOfOrder := func(seed uint64, slot time.Duration) (n int) {
		random := rand.New(rand.NewPCG(seed, 1))
		clock := time.UnixMilli(1700000000000)
		var line []Waiter
		for i := range 16 {
			w := waiter(i, clock.UnixMilli()+int64(i)*20_000, "path:src/")
			w.Until = clock.Add(time.Hour)
			line = append(line, w)
		}
		dead := line[5].Nonce // it never looks again
		clock = clock.Add(16 * 20 * time.Second)
		for len(line) > 1 {
			released := clock
			next, first := Waiter{}, time.Time{}
			for _, w := range line {
				if w.Nonce == dead {
					continue
				}
				seen := released.Add(time.Duration(random.Int64N(int64(pause - step))))
				at := w.Turn(line, seen, released, slot, 0).Add(step)
				if first.IsZero() || at.Before(first) {
					next, first = w, at
				}
			}
			ahead := next.Ahead(line, released, 0)
			if slices.ContainsFunc(line, func(w Waiter) bool { return w.Nonce == dead && w.Before(next) }) {
				ahead--
			}
			if ahead > 0 {
				n++
			}
			line = slices.DeleteFunc(line, func(w Waiter) bool { return w.Nonce == next.Nonce })
			clock = first.Add(time.Second)
		}
		return n
	}
	for seed := range uint64(20) {
		if n := outOfOrder(seed, pause); n > 0 {
			t.Errorf("seed %d: %d went before one who stood ahead", seed, n)
		}
		if outOfOrder(seed, step) == 0 {
			t.Errorf("seed %d: the control keeps the order, too", seed)
		}
	}
}
