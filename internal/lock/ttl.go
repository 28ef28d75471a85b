package lock

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// The bounds of a TTL.
const (
	MinTTL = time.Second
	MaxTTL = 30 * 24 * time.Hour
)

// ParseTTL reads how long a lease lasts: 30s, 15m, 1h, 2d, 1h30m, from one
// second to thirty days. The error is one sentence that shows a right one.
func ParseTTL(text string) (time.Duration, error) {
	d, err := ParseDuration(text)
	if err == nil && (d < MinTTL || d > MaxTTL) {
		err = fmt.Errorf("%q is out of range: from 1s to 30d, such as 15m or 1h30m", clip(text))
	}
	return d, err
}

// durations is compiled when it is needed: package initialisation runs before
// each commit.
var durations = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?$`)
})

// ParseDuration reads a duration in days, hours, minutes and seconds, in this
// order, of at most 365 days. A number without a unit, a sign, a fraction and
// an overflow are errors, each one sentence.
func ParseDuration(text string) (time.Duration, error) {
	parts := durations().FindStringSubmatch(text)
	if parts == nil || text == "" {
		return 0, fmt.Errorf("%q is not a duration: write a number with its unit, such as 30s, 15m, 1h, 2d or 1h30m", clip(text))
	}
	var seconds int64
	for i, unit := range []int64{24 * 3600, 3600, 60, 1} {
		if parts[i+1] != "" {
			n, _ := strconv.ParseInt(parts[i+1], 10, 64) // nine digits fit
			seconds += n * unit
		}
	}
	if seconds > 365*24*3600 {
		return 0, fmt.Errorf("%q is too long: write something like 15m, 1h30m or 2d", clip(text))
	}
	return time.Duration(seconds) * time.Second, nil
}
