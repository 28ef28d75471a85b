package note

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// Box is where notes are read: refs of this clone, which are the notes themselves
// or a copy of those of a remote.
type Box struct {
	Repo   *git.Repo
	Prefix string
}

// maxRead is how many notes are read at a time, of all authors: a person is
// asked by few. It is also how many refs one collection removes.
const maxRead = 200

// Damage is a ref among the notes that holds none, by its name below the prefix.
type Damage struct {
	Name string
	OID  git.OID
}

// Read reads the notes that pick chooses by the keys of their resource and their
// asker, the oldest question first. Refs that are no notes are passed to pick with
// an empty key.
func (b Box) Read(ctx context.Context, pick func(key, asker string) bool) (notes []Note, damaged []Damage, err error) {
	refs, err := b.Repo.Refs(ctx, b.Prefix)
	if err != nil {
		return nil, nil, err
	}
	names := map[git.OID][]string{}
	var oids []git.OID
	read := 0
	for _, ref := range refs {
		name := strings.TrimPrefix(strings.TrimPrefix(string(ref.Name), b.Prefix), "/")
		key, asker, _ := strings.Cut(name, "/")
		sound := Named(name) && !ref.Broken && ref.Symref == ""
		if !sound {
			key = ""
		}
		if read == maxRead || !pick(key, asker) {
			continue
		}
		if read++; !sound {
			damaged = append(damaged, Damage{name, ref.OID})
			continue
		}
		if names[ref.OID] == nil {
			oids = append(oids, ref.OID)
		}
		names[ref.OID] = append(names[ref.OID], name)
	}
	contents, _, err := b.Repo.ReadFiles(ctx, oids, File)
	if err != nil {
		return nil, nil, err
	}
	for _, oid := range oids {
		for _, name := range names[oid] {
			n, err := Parse(name, contents[oid].Content)
			if err != nil || contents[oid].Err != nil {
				damaged = append(damaged, Damage{name, oid})
				continue
			}
			n.Version = string(oid)
			notes = append(notes, n)
		}
	}
	slices.SortStableFunc(notes, func(a, b Note) int { return cmp.Or(a.Asked.Compare(b.Asked), cmp.Compare(a.Name(), b.Name())) })
	return notes, damaged, nil
}

// fresh is how old a note is that may be about a lock which the same look was too
// early to see.
const fresh = time.Minute

// Over reports whether a note's lock is gone, so that anybody may remove it.
func (n Note) Over(locks []lock.Lock, now time.Time) bool {
	if age := now.Sub(n.Asked); age > -fresh && age < fresh {
		return false
	}
	return !slices.ContainsFunc(locks, func(l lock.Lock) bool { return n.About(l) && l.Live(now) })
}
