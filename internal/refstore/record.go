package refstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/lock"
)

// RecordFile is the one file in the tree of a lock's commit.
const RecordFile = "lock.json"

// record is lock.json. Other programs read and write it: the first four keys
// come first, in this order, and are all that a reader may demand.
type record struct {
	Owner         string `json:"owner"`
	Nonce         string `json:"nonce"`
	ExpiresUnixMS int64  `json:"expires_unix_ms"`
	Resource      string `json:"resource"`

	Label          string `json:"label,omitempty"`
	Reason         string `json:"reason,omitempty"`
	AcquiredUnixMS int64  `json:"acquired_unix_ms,omitempty"`
	TTLMS          int64  `json:"ttl_ms,omitempty"`
	Ticket         int64  `json:"ticket,omitempty"`
	BrokenNonce    string `json:"broken_nonce,omitempty"`
	BrokenOwner    string `json:"broken_owner,omitempty"`
}

// Encode writes a lock as lock.json: indented by two spaces, no final newline.
func Encode(l lock.Lock) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	// A struct of strings and integers cannot fail to encode.
	_ = e.Encode(record{
		Owner: string(l.Owner), Nonce: l.Nonce, ExpiresUnixMS: l.Expires.UnixMilli(), Resource: l.Resource.String(),
		Label: l.Label, Reason: l.Reason, AcquiredUnixMS: unixMS(l.Acquired), TTLMS: l.TTL.Milliseconds(),
		Ticket: unixMS(l.Ticket), BrokenNonce: l.BrokenNonce, BrokenOwner: string(l.BrokenOwner),
	})
	return bytes.TrimRight(out.Bytes(), "\n")
}

// The bounds of a record; what exceeds them is damaged. A lease may be renewed to
// MaxTTL from now; the day beyond is for clocks that differ.
const (
	maxRecord = 16 << 10 // bytes
	maxText   = 200      // bytes, of owner, nonce, label and reason
	maxLease  = lock.MaxTTL + 24*time.Hour
)

// Decode reads lock.json. It ignores keys that it does not know, and optional
// ones of a wrong type. key is that of the resource as the record spells it.
func Decode(text []byte) (l lock.Lock, key string, err error) {
	if len(text) > maxRecord {
		return l, "", fmt.Errorf("its %s is larger than %d bytes", RecordFile, maxRecord)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return l, "", fmt.Errorf("its %s is not a JSON object: %w", RecordFile, err)
	}
	owner, nonce, resource := stringField(fields, "owner"), stringField(fields, "nonce"), stringField(fields, "resource")
	for name, value := range map[string]string{"owner": owner, "nonce": nonce, "resource": resource} {
		if value == "" {
			return l, "", fmt.Errorf("its %s has no %q", RecordFile, name)
		}
	}
	// Only an integer literal will do: 1.7e12 would pass through a float.
	expires, err := strconv.ParseInt(string(fields["expires_unix_ms"]), 10, 64)
	if err != nil {
		return l, "", fmt.Errorf("its %s has no integer %q", RecordFile, "expires_unix_ms")
	}
	r, err := lock.ParseRecorded(resource)
	if err != nil {
		return l, "", err
	}
	l = lock.Lock{
		Owner: lock.Owner(owner), Nonce: nonce, Expires: time.UnixMilli(expires), Resource: r,
		Label: stringField(fields, "label"), Reason: stringField(fields, "reason"),
		Acquired: timeField(fields, "acquired_unix_ms"), TTL: ttlField(fields), Ticket: timeField(fields, "ticket"),
		BrokenNonce: stringField(fields, "broken_nonce"), BrokenOwner: lock.Owner(stringField(fields, "broken_owner")),
	}
	return l, lock.Key(resource), checkTexts(l)
}

// checkTexts refuses what does not fit on a line of output.
func checkTexts(l lock.Lock) error {
	for _, f := range []struct{ name, text string }{
		{"owner", string(l.Owner)}, {"nonce", l.Nonce}, {"label", l.Label}, {"reason", l.Reason},
		{"broken_nonce", l.BrokenNonce}, {"broken_owner", string(l.BrokenOwner)},
	} {
		switch {
		case len(f.text) > maxText:
			return fmt.Errorf("its %q is longer than %d bytes", f.name, maxText)
		case strings.ContainsFunc(f.text, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(f.text):
			return fmt.Errorf("its %q has unprintable characters", f.name)
		}
	}
	return nil
}

func stringField(fields map[string]json.RawMessage, name string) string {
	var s string
	if json.Unmarshal(fields[name], &s) != nil {
		return ""
	}
	return s
}

func integerField(fields map[string]json.RawMessage, name string) int64 {
	n, err := strconv.ParseInt(string(fields[name]), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func timeField(fields map[string]json.RawMessage, name string) time.Time {
	return fromUnixMS(integerField(fields, name))
}

func ttlField(fields map[string]json.RawMessage) time.Duration {
	ms := integerField(fields, "ttl_ms")
	if ms > int64(10*365*24*time.Hour/time.Millisecond) {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// unixMS is t in milliseconds since the epoch, 0 for the zero time.
func unixMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromUnixMS(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// DamagedError is a ref among the locks that is no lock.
type DamagedError struct {
	Ref string
	Err error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.Ref, e.Err) }
func (e *DamagedError) Unwrap() error { return e.Err }

// The kinds of damage that are seen without reading the record.
var (
	errSymref = errors.New("it is a symbolic ref")
	errBroken = errors.New("git cannot read the ref itself")
	errPlace  = errors.New("its resource belongs to another ref")
	errFuture = errors.New("its lease ends later than any lease can")
)
