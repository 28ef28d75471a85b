// Package vouch signs the records of a clone and decides what the signatures of
// others count, as the settings lock.sign and lock.vouch ask. Keys and signatures
// are sign's.
package vouch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/sign"
)

// Rules are what a clone makes of signatures.
type Rules struct {
	Sign, Vouch string // the settings
	Repo        *git.Repo
	Dir         string   // our directory in the common git directory
	Environ     []string // for ssh-keygen
	Prompts     bool     // a passphrase may be asked for
	Now         func() time.Time
}

// The files of a clone below its Dir.
const (
	signersFile = "allowed_signers" // who may sign as whom
	memoFile    = "vouched"         // which records somebody vouches for
)

// SignError is a record that could not be signed, where it has to be.
type SignError struct{ Err error }

func (e *SignError) Error() string { return fmt.Sprintf("lock.sign is \"always\": %v", e.Err) }
func (e *SignError) Unwrap() error { return e.Err }

// Signer signs records as lock.sign says, nil for not at all. Git's settings are
// read when the first record is written.
func (r Rules) Signer() git.Sign {
	if r.Sign == "off" {
		return nil
	}
	var one sync.Mutex
	var key git.Sign
	var keyErr error
	asked := false
	return func(ctx context.Context, commit []byte) (armored []byte, err error) {
		one.Lock()
		if !asked {
			key, keyErr = r.signingKey(ctx)
			asked = ctx.Err() == nil
		}
		one.Unlock()
		if err = keyErr; err == nil {
			armored, err = key(ctx, commit)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && r.Sign == "always":
			return nil, &SignError{err}
		case err != nil:
			return nil, nil
		}
		return armored, nil
	}
}

// signingKey is the key that git would sign with under gpg.format = ssh.
func (r Rules) signingKey(ctx context.Context) (git.Sign, error) {
	set, err := r.Repo.Config(ctx, `^(gpg\.format|gpg\.ssh\.program|user\.signingkey)$`)
	if err != nil {
		return nil, err
	}
	if set["gpg.format"] != "ssh" {
		return nil, errors.New(`git signs by ssh keys only when gpg.format is "ssh"`)
	}
	path := func(s string) string { // as git expands it
		if rest, ok := strings.CutPrefix(s, "~/"); ok {
			for _, kv := range slices.Backward(r.Environ) {
				if home, ok := strings.CutPrefix(kv, "HOME="); ok {
					return filepath.Join(home, rest)
				}
			}
		}
		return s
	}
	key := sign.Key{Setting: path(set["user.signingkey"]), Program: path(set["gpg.ssh.program"]), Environ: r.Environ,
		Prompts: r.Prompts && r.Sign == "always"}
	return key.Sign()
}

// Mark notes in the locks that others have on a remote why nobody vouches for
// them, as lock.vouch asks.
func (r Rules) Mark(ctx context.Context, me lock.Owner, v *lock.View) error {
	if r.Vouch == "off" {
		return nil
	}
	var records []sign.Record
	lists := [][]lock.Entry{v.Entries, v.Beside}
	for _, e := range slices.Concat(lists...) {
		if e.Owner != me && e.Remote != "" {
			records = append(records, sign.Record{Commit: git.OID(e.Version), Owner: string(e.Owner), Label: e.Label})
		}
	}
	if len(records) == 0 {
		return nil
	}
	doubts, err := sign.Verifier{Repo: r.Repo, Signers: r.signers(), Memo: filepath.Join(r.Dir, memoFile), Now: r.Now}.Doubts(ctx, records)
	if err != nil {
		return err
	}
	for _, list := range lists {
		for i, e := range list {
			if e.Owner != me && e.Remote != "" {
				list[i].Doubt = doubts[git.OID(e.Version)]
			}
		}
	}
	return nil
}

// vouching is a store in which records that nobody vouches for count as damaged,
// which are in nobody's way, or are marked.
type vouching struct {
	protocol.Store
	rules Rules
	me    lock.Owner
}

// Store is a store as lock.vouch asks.
func (r Rules) Store(s protocol.Store, me lock.Owner) protocol.Store {
	if r.Vouch == "off" {
		return s
	}
	return &vouching{s, r, me}
}

func (s *vouching) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	v, err := s.Store.Load(ctx, fresh)
	if err != nil {
		return nil, err
	}
	if err := s.rules.Mark(ctx, s.me, v); err != nil || s.rules.Vouch != "require" {
		return v, err
	}
	v.Entries = slices.DeleteFunc(v.Entries, func(e lock.Entry) bool {
		if e.Doubt != "" {
			v.Damaged = append(v.Damaged, lock.Damage{Key: e.Key, Version: e.Version, Err: errors.New(e.Doubt)})
		}
		return e.Doubt != ""
	})
	v.Beside = slices.DeleteFunc(v.Beside, func(e lock.Entry) bool { return e.Doubt != "" })
	return v, nil
}

// Faults reports what keeps lock.sign and lock.vouch from working.
func (r Rules) Faults(ctx context.Context) (faults []error) {
	if r.Sign != "off" {
		if _, err := r.signingKey(ctx); err != nil {
			faults = append(faults, err)
		}
	}
	if r.Vouch != "off" {
		text, err := os.ReadFile(r.signers())
		if err == nil {
			_, err = sign.ParseAllowed(text, time.Local)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

func (r Rules) signers() string { return filepath.Join(r.Dir, signersFile) }
