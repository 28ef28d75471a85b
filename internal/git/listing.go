package git

import (
	"context"
	"strings"

	"github.com/git-grite/git-grite/internal/git/direct"
)

// Symrefs returns which refs of the remote that the pattern names are symbolic,
// and what they point to. Changing such a ref there changes what it points to.
func (m *Remote) Symrefs(ctx context.Context, pattern string) (map[RefName]RefName, error) {
	out, err := m.ask(ctx, "ls-remote", "--symref", "--", m.target, pattern)
	symrefs, _ := parseListing(out)
	return symrefs, m.failed(err)
}

// List lists the refs of the remote that the patterns name, without fetching
// anything. It returns *RemoteError.
func (m *Remote) List(ctx context.Context, patterns ...string) ([]Ref, error) {
	out, err := m.ask(ctx, append([]string{"ls-remote", "--", m.target}, patterns...)...)
	_, refs := parseListing(out)
	return refs, m.failed(err)
}

// parseListing reads the output of "git ls-remote": lines "<oid> TAB <ref>" and,
// before that of a symbolic ref, "ref: <target> TAB <ref>".
func parseListing(out []byte) (symrefs map[RefName]RefName, refs []Ref) {
	symrefs = map[RefName]RefName{}
	for line := range strings.Lines(string(out)) {
		what, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if target, ok := strings.CutPrefix(what, "ref: "); ok {
			symrefs[RefName(name)] = RefName(target)
		} else if direct.IsOID(what) {
			refs = append(refs, Ref{Name: RefName(name), OID: OID(what)})
		}
	}
	return symrefs, refs
}
