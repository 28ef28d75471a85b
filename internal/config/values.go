package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

type (
	actorValue    string
	policyValue   string
	patternsValue []string
	remoteValue   string
	ttlValue      time.Duration
	offlineValue  string
	signValue     string
	vouchValue    string
	fetchValue    string
	identityValue string
	boolValue     bool
	timeoutValue  time.Duration
	durationValue struct {
		d     time.Duration
		given bool
	}
)

func (v *actorValue) UnmarshalTOML(value any) error {
	s, err := text(value, `an actor's id of 32 hex digits`)
	if err == nil && !lock.Owner(s).Valid() {
		err = fmt.Errorf("%q is not an actor's id of 32 lowercase hex digits", s)
	}
	*v = actorValue(s)
	return err
}

func (v *policyValue) UnmarshalTOML(value any) error {
	s, err := text(value, `"off", "warn" or "require"`)
	if err != nil {
		return err
	}
	p, err := guard.ParsePolicy(s)
	*v = policyValue(p)
	return err
}

func (v *patternsValue) UnmarshalTOML(value any) error {
	items, ok := value.([]any)
	if !ok {
		return fmt.Errorf(`must be a list of patterns such as ["*.psd", "assets/**"]`)
	}
	*v = patternsValue{}
	for _, item := range items {
		s, err := text(item, `a list of patterns such as ["*.psd", "assets/**"]`)
		if err != nil {
			return err
		}
		if _, err := lock.ParseResource("path:"+s, ""); err != nil {
			return err
		}
		*v = append(*v, s)
	}
	return nil
}

func (v *remoteValue) UnmarshalTOML(value any) error {
	s, err := text(value, `"auto", "none" or the name of a remote`)
	if err == nil && (s == "" || strings.ContainsAny(s, ":\\ ") || strings.ContainsAny(s[:1], "-/.~")) {
		err = fmt.Errorf(`%q is not "auto", "none" or the name of a remote (never a URL)`, s)
	}
	*v = remoteValue(s)
	return err
}

func (v *ttlValue) UnmarshalTOML(value any) error {
	s, err := text(value, `a duration such as "15m"`)
	if err != nil {
		return err
	}
	d, err := lock.ParseTTL(s)
	*v = ttlValue(d)
	return err
}

func (v *durationValue) UnmarshalTOML(value any) error {
	s, err := text(value, `a duration such as "30s"`)
	if err != nil {
		return err
	}
	v.d, err = parseDuration(s)
	v.given = true
	return err
}

func (v durationValue) set(to *time.Duration) {
	if v.given {
		*to = v.d
	}
}

func (v *timeoutValue) UnmarshalTOML(value any) error {
	var d durationValue
	err := d.UnmarshalTOML(value)
	if err == nil && d.d == 0 {
		err = errors.New("must be more than nothing, such as \"10s\"")
	}
	*v = timeoutValue(d.d)
	return err
}

// parseDuration is lock.ParseDuration with milliseconds at the end: 1500ms, 1s500ms.
func parseDuration(s string) (time.Duration, error) {
	rest, ok := strings.CutSuffix(s, "ms")
	if !ok {
		return lock.ParseDuration(s)
	}
	whole := strings.TrimRight(rest, "0123456789")
	n, err := strconv.ParseUint(rest[len(whole):], 10, 31)
	if err != nil {
		return lock.ParseDuration(s) // which says what is wrong
	}
	ms := time.Duration(n) * time.Millisecond
	if whole == "" {
		return ms, nil
	}
	d, err := lock.ParseDuration(whole)
	return d + ms, err
}

// FormatDuration writes a duration, of whole milliseconds, as it is read.
func FormatDuration(d time.Duration) string {
	if d%time.Second != 0 {
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	var out strings.Builder
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if n := d / unit.length; n > 0 {
			fmt.Fprintf(&out, "%d%s", n, unit.letter)
			d %= unit.length
		}
	}
	if out.Len() == 0 {
		return "0s"
	}
	return out.String()
}

func (v *offlineValue) UnmarshalTOML(value any) error {
	s, err := oneOf(value, "refuse", "allow")
	*v = offlineValue(s)
	return err
}

func (v *signValue) UnmarshalTOML(value any) error {
	s, err := oneOf(value, "off", "auto", "always")
	*v = signValue(s)
	return err
}

func (v *vouchValue) UnmarshalTOML(value any) error {
	s, err := oneOf(value, "off", "mark", "require")
	*v = vouchValue(s)
	return err
}

func (v *fetchValue) UnmarshalTOML(value any) error {
	s, err := oneOf(value, "never", "push", "auto", "commit")
	*v = fetchValue(s)
	return err
}

func (v *identityValue) UnmarshalTOML(value any) error {
	s, err := oneOf(value, "auto", "off")
	*v = identityValue(s)
	return err
}

func (v *boolValue) UnmarshalTOML(value any) error {
	b, ok := value.(bool)
	if !ok {
		return fmt.Errorf("must be true or false, without quotes, not %v", value)
	}
	*v = boolValue(b)
	return nil
}

func oneOf(value any, allowed ...string) (string, error) {
	words := `"` + strings.Join(allowed, `", "`) + `"`
	s, err := text(value, "one of "+words)
	if err != nil {
		return "", err
	}
	for _, a := range allowed {
		if s == a {
			return s, nil
		}
	}
	return "", fmt.Errorf("%q is not allowed; allowed are %s", s, words)
}

func text(value any, want string) (string, error) {
	s, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("must be %s in quotes, not %v", want, value)
	}
	return s, nil
}
