package keep

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// drive runs a schedule on the clock of the bubble until an action in until,
// and answers each renewal by answer. It returns what was asked for and when.
func drive(s *Schedule, clock Clock, answer func() error, until ...Action) (log []string) {
	begin := clock()
	for {
		act, wait := s.Next(clock())
		if act == Wait {
			time.Sleep(wait)
			continue
		}
		log = append(log, fmt.Sprintf("%s %d", clock().Since(begin).Round(10*time.Millisecond), act))
		if slices.Contains(until, act) {
			return log
		}
		if act == Renew {
			asked := clock()
			if answer() == nil {
				s.Good(asked)
			} else {
				s.Failed(clock())
			}
		}
	}
}

func middle() float64 { return 0.5 }

func TestScheduleFailing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ttl  time.Duration
		want []string
	}{
		{15 * time.Minute, []string{
			"5m0s 1", "5m5s 1", "5m15s 1", "5m35s 1", "6m15s 1", "7m30s 2", "7m35s 1", "9m5s 1", "10m0s 3", "10m35s 1", "12m5s 1", "13m35s 1", "14m40s 4", "14m50s 5"}},
		{30 * time.Second, []string{"10s 1", "11s 1", "13s 1", "15s 2", "16s 1", "19s 1", "20s 4", "20s 3", "22s 1", "25s 5"}},
		{15 * time.Second, []string{"5s 1", "5.5s 1", "6.5s 1", "7.5s 2", "8s 1", "9.5s 1", "10s 4", "10s 3", "11s 1", "12.5s 5"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			clock := NewClock(time.Now)
			got := drive(NewSchedule(c.ttl, clock(), middle), clock, func() error { return ErrLost }, Kill)
			if !slices.Equal(got, c.want) {
				t.Errorf("TTL %s:\n got %q\nwant %q", c.ttl, got, c.want)
			}
		})
	}
}

// TestScheduleCountsFromTheStart has renewals that take long: the lease counts
// from when they were sent.
func TestScheduleCountsFromTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock(time.Now)
		n := 0
		got := drive(NewSchedule(time.Minute, clock(), middle), clock, func() error {
			if n++; n > 3 {
				return ErrLost
			}
			time.Sleep(5 * time.Second)
			return nil
		}, Stop)
		want := []string{"20s 1", "40s 1", "1m0s 1", "1m20s 1", "1m22s 1", "1m26s 1", "1m30s 2", "1m32s 1", "1m38s 1", "1m40s 4"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	})
}

func TestScheduleHungRenewal(t *testing.T) {
	t.Parallel()
	start := Reading{Wall: time.Unix(1e9, 0)}
	s := NewSchedule(time.Minute, start, middle)
	at := func(d time.Duration) Reading { return Reading{start.Wall.Add(d), d} }
	for _, c := range []struct {
		at   time.Duration
		want Action
	}{
		{19 * time.Second, Wait}, {20 * time.Second, Renew}, {21 * time.Second, Wait}, {30 * time.Second, Half}, {31 * time.Second, Wait},
		{41 * time.Second, Stop}, {41 * time.Second, Late}, {45 * time.Second, Wait}, {50 * time.Second, Kill}, {time.Hour, Wait},
	} {
		if got, _ := s.Next(at(c.at)); got != c.want {
			t.Errorf("at %s: %d, want %d", c.at, got, c.want)
		}
	}
}

// TestScheduleClocks has a machine that sleeps and clocks that are set.
func TestScheduleClocks(t *testing.T) {
	t.Parallel()
	start := Reading{Wall: time.Unix(1e9, 0), Mono: time.Hour}
	for _, c := range []struct {
		name       string
		wall, mono time.Duration
		want       Action
		left       time.Duration
	}{
		{"awake", 10 * time.Second, 10 * time.Second, Wait, 50 * time.Second},
		{"slept for a part of the lease", 35 * time.Second, time.Second, Renew, 25 * time.Second},
		{"slept past the time to stop", 45 * time.Second, time.Second, Stop, 15 * time.Second},
		{"slept past the lease", 8 * time.Hour, time.Second, Kill, time.Minute - 8*time.Hour},
		{"set back", -time.Hour, 10 * time.Second, Wait, 50 * time.Second},
		{"set back, renewal due", -time.Hour, 20 * time.Second, Renew, 40 * time.Second},
		{"set back, lease over", -time.Hour, 50 * time.Second, Kill, 10 * time.Second},
		{"set forward", time.Hour, time.Second, Kill, time.Minute - time.Hour},
	} {
		s := NewSchedule(time.Minute, start, middle)
		now := Reading{start.Wall.Add(c.wall), start.Mono + c.mono}
		if got, _ := s.Next(now); got != c.want || s.Left(now) != c.left {
			t.Errorf("%s: %d with %s left, want %d with %s", c.name, got, s.Left(now), c.want, c.left)
		}
	}
}

func TestScheduleJitter(t *testing.T) {
	t.Parallel()
	for random, want := range map[float64]time.Duration{0: 270 * time.Second, 0.5: 300 * time.Second, 0.999999: 330 * time.Second} {
		if got := renewAfter(15*time.Minute, random); got.Round(time.Second) != want {
			t.Errorf("%g: %s, want %s", random, got, want)
		}
	}
}

func TestNewClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, set := range []time.Duration{0, time.Hour, -time.Hour} {
			var by time.Duration
			now := func() time.Time { return time.Now().Add(by) }
			clock, steady := NewClock(now), Steady(now)
			a := clock()
			time.Sleep(time.Minute)
			by = set
			if took := steady().Sub(a.Wall); took != max(time.Minute, time.Minute+set) {
				t.Errorf("set by %s: a steady clock went on by %s", set, took)
			}
			if b := clock(); b.Mono-a.Mono != time.Minute || b.Wall.Sub(a.Wall) != time.Minute+set || b.Since(a) != max(time.Minute, time.Minute+set) {
				t.Errorf("set by %s: %+v, %+v", set, a, b)
			}
		}
	})
}
