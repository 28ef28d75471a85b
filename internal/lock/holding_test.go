package lock

import (
	"testing"
	"time"
)

func TestExtend(t *testing.T) {
	now := time.UnixMilli(1e12)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	h := Holding{Lock: Lock{Resource: resource(t, "path:a"), Expires: in(time.Hour), TTL: time.Hour}, Version: "v"}
	sent := func(version string, d time.Duration) Holding {
		h := h
		h.Pending = append(h.Pending, Pending{Version: version, Expires: in(d), TTL: d})
		return h
	}
	for name, tt := range map[string]struct {
		h       Holding
		ttl     time.Duration
		want    time.Duration
		version string
	}{
		"longer":                         {h, 2 * time.Hour, 2 * time.Hour, ""},
		"never shorter":                  {h, time.Minute, time.Hour, ""},
		"the same request again":         {sent("p", 2*time.Hour), 2 * time.Hour, 2 * time.Hour, "p"},
		"what was sent lasts longer":     {sent("p", 3*time.Hour), 2 * time.Hour, 3 * time.Hour, "p"},
		"what was sent is too short":     {sent("p", 2*time.Hour), 3 * time.Hour, 3 * time.Hour, ""},
		"shorter than what was sent":     {sent("p", 2*time.Hour), time.Minute, 2 * time.Hour, "p"},
		"sent by an older version of us": {Holding{Lock: h.Lock, Version: "v", Pending: []Pending{{Version: "p"}}}, 2 * time.Hour, 2 * time.Hour, ""},
	} {
		longer, version := tt.h.Extend(now, tt.ttl)
		if !longer.Expires.Equal(in(tt.want)) || version != tt.version {
			t.Errorf("%s: %v, %q", name, longer.Expires.Sub(now), version)
		}
	}
}

func TestSettle(t *testing.T) {
	h := Holding{Lock: Lock{Nonce: "n"}, Version: "v", Verify: true, Pending: []Pending{{Version: "p"}, {Version: "q"}}}
	for version, pending := range map[string]int{"v": 2, "p": 0, "q": 0} {
		if !h.Stands(version) {
			t.Errorf("%s is not the lock", version)
		}
		got := h.Settle(Entry{Lock: Lock{Nonce: "n", Reason: version}, Version: version})
		if got.Version != version || len(got.Pending) != pending || !got.Verify || got.Reason != version {
			t.Errorf("%s: %+v", version, got)
		}
	}
	if h.Stands("older") || h.Stands("") || (Holding{}).Stands("") {
		t.Error("a version that was never granted is the lock")
	}
}

// TestGone: a loss has its true cause.
func TestGone(t *testing.T) {
	now := time.UnixMilli(1e12)
	me, other := Owner("me"), Owner("other")
	lost := Lock{Owner: me, Nonce: "n", Resource: resource(t, "path:src/a"), Expires: now.Add(-time.Minute)}
	entry := func(l Lock, name string, d time.Duration) Entry {
		l.Owner, l.Resource, l.Expires = other, resource(t, name), now.Add(d)
		return Entry{Lock: l, Key: Key(name), Version: name}
	}
	tomb := entry(Lock{BrokenOwner: me, BrokenNonce: "n"}, "path:src/a", 0)
	tomb.Expires = time.UnixMilli(0)
	elder := tomb
	elder.BrokenNonce = "older"
	for name, tt := range map[string]struct {
		entries []Entry
		of      Lock
		want    Cause
	}{
		"nothing there":             {nil, lost, Removed},
		"something else":            {[]Entry{entry(Lock{}, "path:docs/", time.Hour)}, lost, Removed},
		"taken":                     {[]Entry{entry(Lock{}, "path:src/", time.Hour)}, lost, Taken},
		"taken, and over again":     {[]Entry{entry(Lock{}, "path:src/", -time.Second)}, lost, Taken},
		"broken":                    {[]Entry{tomb}, lost, Broken},
		"broken, an earlier one":    {[]Entry{elder}, lost, Removed},
		"broken and taken":          {[]Entry{tomb, entry(Lock{}, "path:src/", time.Hour)}, lost, Taken},
		"never held":                {nil, Lock{Resource: lost.Resource}, NotHeld},
		"never held, but by others": {[]Entry{entry(Lock{}, "path:src/", time.Hour)}, Lock{Resource: lost.Resource}, Taken},
	} {
		got := (&Table{Entries: tt.entries}).Gone(me, tt.of, now)
		if got.Cause != tt.want || (got.By.Owner == other) != (tt.want == Taken || tt.want == Broken) || got.Err() == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestRenewEachByItself: what can be renewed is renewed.
func TestRenewEachByItself(t *testing.T) {
	now := time.UnixMilli(1e12)
	me := Owner("me")
	mine := Entry{Lock: Lock{Owner: me, Nonce: "n", Resource: resource(t, "path:a"), Expires: now.Add(time.Minute)}, Key: Key("path:a"), Version: "v"}
	table := &Table{Entries: []Entry{mine}}
	changes, locks, lost := table.Renew(me, []Resource{resource(t, "path:a"), resource(t, "path:b")}, time.Hour, "", now)
	if len(changes) != 1 || len(locks) != 1 || !locks[0].Expires.Equal(now.Add(time.Hour)) || len(lost) != 1 || lost[0].Cause != NotHeld {
		t.Errorf("%+v, %+v, %+v", changes, locks, lost)
	}
}

func TestDoubt(t *testing.T) {
	from := time.UnixMilli(1e12)
	to := from.Add(time.Minute)
	for acquired, want := range map[time.Duration]time.Duration{
		30 * time.Second: 0, -pushTime: 0, -time.Hour: pushTime - time.Hour, time.Hour: time.Hour - time.Minute,
	} {
		e := Entry{Lock: Lock{Acquired: from.Add(acquired), Expires: to.Add(time.Hour)}, Key: "k"}
		table := &Table{Entries: []Entry{e}}
		var got time.Duration
		for _, d := range table.Doubt(nil, from, to) {
			got = d.Ahead
		}
		if got != want {
			t.Errorf("acquired %v after the first look: %v", acquired, got)
		}
		if table.Doubt(map[string]bool{"k": true}, from, to) != nil {
			t.Error("a lock that was there before is doubted")
		}
	}
}
