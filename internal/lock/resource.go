package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/glob"
)

// Namespace is what stands before the colon of a resource.
type Namespace string

// The namespaces of resources.
const (
	Path  Namespace = "path"  // files, directories and patterns of them
	Issue Namespace = "issue" // an issue of whatever tracker is in use
	Repo  Namespace = "repo"  // stop-the-world operations on the repository
)

// maxResource is the longest resource in bytes.
const maxResource = 4096

// Resource names what a lock is about, in its stored form: slashes, no "." or
// "..", no doubled slash. The zero Resource is none.
type Resource struct {
	text    string        // such as "path:src/", kept whole because it is what is compared
	colon   int           // its position in text
	pattern *glob.Pattern // of a path
}

// ResourceError is a resource that cannot be one. Its text is one sentence
// with the fault and, where there is one, the way on.
type ResourceError struct {
	Text  string // what was given
	Fault string
	err   error
}

func (e *ResourceError) Error() string { return fmt.Sprintf("resource %q %s", clip(e.Text), e.Fault) }
func (e *ResourceError) Unwrap() error { return e.err }

// ErrMalformed is wrapped by the ResourceError of a pattern that is no pattern,
// such as an unclosed bracket. Such a name may still be that of a file.
var ErrMalformed = glob.ErrMalformed

// ParseResource reads a resource as a person writes it. A path that starts
// with "./" or "../" is relative to prefix, the directory the person stands in
// seen from the top of the repository ("" or "src/"); any other is relative to
// the top. It returns *ResourceError, wrapping ErrMalformed for a bad pattern.
func ParseResource(text, prefix string) (Resource, error) {
	r, err := parse(text, prefix)
	if err != nil {
		return Resource{}, err
	}
	if r.Namespace() == Path {
		if r.pattern, err = glob.Compile(r.Name()); err != nil {
			fault := "has a bad pattern: " + err.Error()
			if errors.Is(err, ErrMalformed) {
				fault = `has a bad pattern: close each [ and {, or write \[ and \{ for the characters themselves`
			}
			return Resource{}, &ResourceError{Text: text, Fault: fault, err: err}
		}
	}
	return r, nil
}

// ParseRecorded reads a resource from a record. It differs from ParseResource
// in what it makes of a malformed pattern: the name of one path, because a file
// may be called so. It returns *ResourceError.
func ParseRecorded(text string) (Resource, error) {
	r, err := ParseResource(text, "")
	if errors.Is(err, ErrMalformed) {
		return ParseLiteral(text, "")
	}
	return r, err
}

// ParseLiteral is ParseResource for the path of a file that exists and whose
// name is a malformed pattern.
func ParseLiteral(text, prefix string) (Resource, error) {
	r, err := parse(text, prefix)
	if err == nil && r.Namespace() == Path {
		r.pattern = glob.Literal(r.Name())
	}
	return r, err
}

func parse(text, prefix string) (Resource, error) {
	fault := func(format string, args ...any) (Resource, error) {
		return Resource{}, &ResourceError{Text: text, Fault: fmt.Sprintf(format, args...)}
	}
	if text == "" {
		return fault("is empty; name a path:, an issue: or a repo: resource, such as path:src/")
	}
	if len(text) > maxResource {
		return fault("is %d bytes long; %d are allowed", len(text), maxResource)
	}
	plain := true // ASCII without control characters
	for i := 0; i < len(text) && plain; i++ {
		plain = ' ' <= text[i] && text[i] < 0x7f
	}
	if !plain && !utf8.ValidString(text) {
		return fault("is not valid UTF-8; lock its directory instead")
	}
	if !plain && strings.ContainsFunc(text, unicode.IsControl) {
		return fault("has a control character in it; a pattern with ? in its place covers such a path")
	}
	space, name, ok := strings.Cut(text, ":")
	if !ok {
		return fault("has no namespace; write path:%s, issue:ID or repo:NAME", clip(text))
	}
	r := Resource{text: text, colon: len(space)}
	switch r.Namespace() {
	case Path:
		return r.clean(prefix)
	case Issue, Repo:
		if strings.TrimSpace(name) == "" {
			return fault("has no name after %s:", space)
		}
		return r, nil
	}
	return fault("has the unknown namespace %q; there are path:, issue: and repo:", clip(space))
}

// clean brings the path of r into its stored form.
func (r Resource) clean(prefix string) (Resource, error) {
	fault := func(s string) (Resource, error) { return Resource{}, &ResourceError{Text: r.text, Fault: s} }
	path := r.Name()
	if strings.HasPrefix(path, "/") {
		return fault("is an absolute path; write it from the top of the repository, or with ./ from here")
	}
	if first, _, _ := strings.Cut(path, "/"); first == "." || first == ".." {
		path = prefix + path
	}
	if stored(path) {
		return r.named(path), nil
	}
	var parts []string
	for _, part := range strings.Split(path, "/") {
		switch part {
		case "", ".":
		case "..":
			if len(parts) == 0 {
				return fault("lies outside the repository")
			}
			parts = parts[:len(parts)-1]
		default:
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return fault("is the whole repository; lock repo:NAME to stop all work, or path:** for all paths")
	}
	name := strings.Join(parts, "/")
	if last := path[strings.LastIndexByte(path, '/')+1:]; last == "" || last == "." || last == ".." {
		name += "/"
	}
	if len(name) > maxResource {
		return fault(fmt.Sprintf("is longer than %d bytes from the top of the repository", maxResource))
	}
	return r.named(name), nil
}

// named is the resource of another name in the same namespace.
func (r Resource) named(name string) Resource {
	if name != r.Name() {
		r.text = r.text[:r.colon+1] + name
	}
	return r
}

// stored reports whether a path surely is in its stored form already, as those of
// records are.
func stored(path string) bool {
	start := 0 // of the component
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			if i == start || path[start] == '.' {
				return false
			}
			start = i + 1
		}
	}
	return len(path) > 0 && len(path) <= maxResource && (start == len(path) || path[start] != '.')
}

// String is the stored form, such as "path:src/".
func (r Resource) String() string { return r.text }

// Namespace is what stands before the colon.
func (r Resource) Namespace() Namespace { return Namespace(r.text[:r.colon]) }

// Name is what stands after the colon.
func (r Resource) Name() string { return r.text[min(r.colon+1, len(r.text)):] }

// AsDirectory is the same path with a trailing slash. Other resources are
// returned as they are.
func (r Resource) AsDirectory() Resource {
	if r.Namespace() != Path || strings.HasSuffix(r.text, "/") {
		return r
	}
	r.text += "/"
	literal := r.pattern != nil && r.pattern.Plain()
	if p, err := glob.Compile(r.Name()); err == nil && !literal {
		r.pattern = p
	} else {
		r.pattern = glob.Literal(r.Name())
	}
	return r
}

// SameAs reports whether two resources are one for release, renew and status:
// a directory may be spelled with or without its slash.
func (r Resource) SameAs(o Resource) bool {
	return strings.TrimSuffix(r.text, "/") == strings.TrimSuffix(o.text, "/")
}

// Conflicts reports whether locks of two owners on r and o exclude each other:
// overlapping paths, the same issue, and a repo: resource with everything.
func (r Resource) Conflicts(o Resource) bool {
	switch {
	case r.Namespace() == Repo || o.Namespace() == Repo:
		return true
	case r.Namespace() != o.Namespace():
		return false
	case r.Namespace() == Issue:
		return r.text == o.text
	}
	return r.pattern.Overlaps(o.pattern)
}

// Covers reports whether a lock on r covers a path of the repository: exactly,
// or case-folded as repositories with core.ignorecase need it. Issues cover no
// path and repo: resources every one.
func (r Resource) Covers(path string, fold bool) bool {
	switch {
	case r.Namespace() == Repo:
		return true
	case r.Namespace() != Path:
		return false
	case fold:
		return r.pattern.CoversFold(path)
	}
	return r.pattern.Covers(path)
}

// Key is the first 16 hex digits of the SHA-256 of a resource's bytes as they
// stand in a record: the last part of the name of its ref.
func Key(resource string) string {
	sum := sha256.Sum256([]byte(resource))
	return hex.EncodeToString(sum[:8])
}

// Key is the last part of the name of the resource's ref.
func (r Resource) Key() string { return Key(r.String()) }

// clip shortens hostile text for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
