package refstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/parts"
)

// A fetch brings all or nothing, so that a first look at very many locks might
// never fit into the time that a commit has for it, and each would begin from
// the start. After one that was cut off the next looks therefore fetch part by
// part, and what a part brought is in the mirror for good. Only a fetch of the
// whole makes a view fresh; at the end of the parts it has little left to bring.

// PartialError is a first look at a remote that did not fit into its time. The
// next one need not begin from the start.
type PartialError struct {
	Remote string
	Done   float64 // how much of it is here, from 0 to 1
}

func (e *PartialError) Error() string {
	if e.Done == 0 {
		return fmt.Sprintf("remote %q: no answer in time; the next look asks for its locks in parts", e.Remote)
	}
	return fmt.Sprintf("remote %q: there was not time enough to read all of its locks; %d%% are here by now, and the next look goes on from there", e.Remote, int(e.Done*100))
}

// pullAll brings the whole mirror up to date and returns when the fetch that did
// began. It returns *PartialError for a look that the next one can go on from.
func (s *Remote) pullAll(ctx context.Context, more ...string) (sent time.Time, err error) {
	p := s.readParts()
	if _, limited := ctx.Deadline(); !limited {
		p.Whole = true
	}
	for first := true; ; first = false {
		sent = s.now()
		if !p.Whole {
			err = s.pull(ctx, p.Beginnings())
		} else if err = s.pull(ctx, []string{""}, more...); err == nil {
			_ = os.Remove(s.partsPath()) // there is one only after a look was cut off
			return sent, nil
		}
		if err != nil {
			if !s.AsOf().IsZero() || !cutOff(ctx, err) {
				return sent, err
			}
			if first {
				p.Narrow()
				s.writeParts(p)
			}
			if p.Lost < 2 { // else it may be dead
				err = &PartialError{Remote: s.Name(), Done: p.Done()}
			}
			return sent, err
		}
		brought, err := s.within(ctx, p)
		if err != nil {
			return sent, err
		}
		p.Next(brought)
		s.writeParts(p)
	}
}

// cutOff reports whether a fetch ended because its time was over.
func cutOff(ctx context.Context, err error) bool {
	var remote *git.RemoteError
	var said *git.Error
	return errors.Is(ctx.Err(), context.DeadlineExceeded) || ctx.Err() == nil && errors.As(err, &remote) && !errors.As(err, &said)
}

// within is how many locks of the mirror are in a part.
func (s *Remote) within(ctx context.Context, p parts.Progress) (n int, err error) {
	refs, err := s.repo.Refs(ctx, s.mirror.prefix)
	for _, ref := range refs {
		if p.Has(refKey(s.mirror.prefix, ref.Name)) {
			n++
		}
	}
	return n, err
}

func (s *Remote) partsPath() string { return filepath.Join(s.dir, "mirror.parts") }

func (s *Remote) readParts() parts.Progress {
	text, _ := os.ReadFile(s.partsPath())
	key, progress, _ := strings.Cut(string(text), " ")
	if key != s.Arbiter().key() {
		return parts.Start
	}
	return parts.Parse(progress)
}

// writeParts remembers how far it got. Failing to means that it is done again.
func (s *Remote) writeParts(p parts.Progress) {
	_ = atomicfile.Write(s.partsPath(), fmt.Appendln(nil, s.Arbiter().key(), p), 0o666)
}
