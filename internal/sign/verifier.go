package sign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/git"
)

// Verifier finds out which records their owners vouch for. Each is verified once:
// what came of it is remembered by the id of its commit, for as long as the
// allowed signers stay as they are and the key is valid.
type Verifier struct {
	Repo    *git.Repo
	Signers string // the allowed-signers file
	Memo    string // the file that remembers
	Now     func() time.Time
}

// Record is the commit of a record and what that says of its owner.
type Record struct {
	Commit       git.OID
	Owner, Label string
}

// ErrNoSigners is a clone without an allowed-signers file: nobody vouches for
// anything then, which nobody can have meant.
var ErrNoSigners = errors.New("there are no allowed signers")

// memo is what the file that remembers holds.
type memo struct {
	Allowed string             `json:"allowed"` // their ID
	Seen    map[git.OID]memory `json:"seen"`
}

// memory is who signed a record, or why nobody did.
type memory struct {
	Signer
	Fault string `json:"fault,omitempty"`
}

// Doubts returns, for each record that its owner does not vouch for, why. The
// error is ErrNoSigners, wrapped, or that of reading: nothing is known then.
func (v Verifier) Doubts(ctx context.Context, records []Record) (map[git.OID]string, error) {
	text, err := os.ReadFile(v.Signers)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrNoSigners, v.Signers)
	}
	if err != nil {
		return nil, err
	}
	allowed, _ := ParseAllowed(text, time.Local) // doctor names the lines that are none; the others count
	now := v.Now()
	known := v.recall(allowed.ID)
	seen := make(map[git.OID]memory, len(records))
	var unknown []git.OID
	for _, r := range records {
		m, ok := known[r.Commit]
		if ok && (m.Until.IsZero() || now.Before(m.Until)) {
			seen[r.Commit] = m
		} else {
			unknown = append(unknown, r.Commit)
		}
	}
	files, err := v.Repo.ReadOneFiles(ctx, unknown)
	if err != nil {
		return nil, err
	}
	passing := map[git.OID]bool{}
	for _, oid := range unknown {
		m := memory{}
		err := files[oid].Err
		if err == nil {
			m.Signer, err = Verify(files[oid].Commit, allowed, now)
		} else {
			passing[oid] = true
		}
		if err != nil {
			m.Fault = err.Error()
			if errors.Is(err, ErrNotNow) {
				passing[oid] = true
			}
		}
		seen[oid] = m
	}
	doubts := map[git.OID]string{}
	for _, r := range records {
		switch m := seen[r.Commit]; {
		case m.Fault != "":
			doubts[r.Commit] = m.Fault
		case !m.VouchesFor(r.Owner, r.Label):
			doubts[r.Commit] = "it is signed by somebody else"
		}
	}
	if len(unknown) > len(passing) {
		for oid := range passing {
			delete(seen, oid)
		}
		v.remember(memo{allowed.ID, seen})
	}
	return doubts, nil
}

func (v Verifier) recall(id string) map[git.OID]memory {
	var m memo
	text, err := os.ReadFile(v.Memo)
	if err != nil || json.Unmarshal(text, &m) != nil || m.Allowed != id {
		return nil
	}
	return m.Seen
}

// remember writes down what was seen. Failing to costs a second look.
func (v Verifier) remember(m memo) {
	if text, err := json.Marshal(m); err == nil {
		_ = atomicfile.Write(v.Memo, text, 0o666)
	}
}
