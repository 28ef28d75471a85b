package sign

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Allowed is an allowed-signers file as ssh-keygen(1) describes it: who may sign
// with which key, or whose certificates count.
type Allowed struct {
	// ID changes with every change of the file, so that results that were
	// remembered under another one are not used.
	ID      string
	entries []entry
}

// entry is one line of the file.
type entry struct {
	principals    string // a list of patterns
	authority     bool   // the key signs certificates
	namespaces    string // a list of patterns; "" for all
	after, before time.Time
	key           ssh.PublicKey
}

// ParseAllowed reads an allowed-signers file. Times without a zone are those of
// zone. The error names each line that is no entry; the others are usable.
func ParseAllowed(text []byte, zone *time.Location) (Allowed, error) {
	sum := sha256.Sum256(text)
	a := Allowed{ID: hex.EncodeToString(sum[:8])}
	var faults []error
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		e, err := parseEntry(line, zone)
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", n+1, err))
			continue
		}
		a.entries = append(a.entries, e)
	}
	return a, errors.Join(faults...)
}

func parseEntry(line string, zone *time.Location) (e entry, err error) {
	rest := ""
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		e.principals, rest, ok = strings.Cut(quoted, `"`)
		if !ok {
			return e, errors.New("the principals have no closing quote")
		}
	} else if at := strings.IndexAny(line, " \t"); at > 0 {
		e.principals, rest = line[:at], line[at:]
	}
	if e.principals == "" {
		return e, errors.New("there is no principal")
	}
	key, _, options, trailing, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil || len(trailing) > 0 {
		return e, errors.New("there is no public key after the principals")
	}
	e.key = key
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "cert-authority":
			e.authority = true
		case "namespaces":
			e.namespaces = value
		case "valid-after":
			e.after, err = parseTime(value, zone)
		case "valid-before":
			e.before, err = parseTime(value, zone)
		default: // one that restricts the key must not be overlooked
			err = fmt.Errorf("unknown option %q", name)
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

// parseTime reads YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with a final Z for UTC.
func parseTime(text string, zone *time.Location) (time.Time, error) {
	digits, utc := strings.CutSuffix(text, "Z")
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(digits) == len(layout) {
			return time.ParseInLocation(layout, digits, zone)
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 20260131 or 202601311200Z", text)
}

// current reports whether the entry counts at a time.
func (e entry) current(now time.Time) bool {
	return !now.Before(e.after) && (e.before.IsZero() || now.Before(e.before))
}

// PrincipalsOf returns the patterns of those who may use a plain public key now,
// in the form of an authorized_keys line, for whatever purpose.
func (a Allowed) PrincipalsOf(authorizedKey string, now time.Time) []string {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(authorizedKey))
	if err != nil {
		return nil
	}
	var principals []string
	for _, e := range a.entries {
		if !e.authority && e.current(now) && bytes.Equal(e.key.Marshal(), key.Marshal()) {
			principals = append(principals, e.principals)
		}
	}
	return principals
}

// matchList reports whether a list of patterns matches a name by the rules of
// ssh: * and ? are wildcards, and a pattern behind ! that matches excludes it.
func matchList(patterns, name string) bool {
	matched := false
	for pattern := range strings.SplitSeq(patterns, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if match(pattern, name) {
			if negated {
				return false
			}
			matched = true
		}
	}
	return matched
}

// match tries each * once, from where the last one matched: linear in the product
// of the lengths.
func match(pattern, name string) bool {
	p, n, star, from := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
