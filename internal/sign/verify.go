// Package sign makes and verifies the signatures of records: git's own ssh
// signatures over a commit, in its gpgsig header, which leave the file in the
// commit byte for byte what it was. It knows keys and principals; who may hold
// which lock is for others to say.
package sign

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// namespace is what git signs under; a signature over the same bytes that was
// made for another purpose does not count.
const namespace = "git"

// Why a commit has no valid signature.
var (
	// ErrUnsigned is a commit without an ssh signature.
	ErrUnsigned = errors.New("it is not signed")
	// ErrInvalid is wrapped for a signature that is malformed, of an unsafe kind,
	// or over other bytes than those of the commit.
	ErrInvalid = errors.New("its signature is not valid")
	// ErrUnknownKey is wrapped for a valid signature by a key that nobody may sign with.
	ErrUnknownKey = errors.New("it is signed with an unknown key")
	// ErrNotNow is wrapped for a key that is no longer, or not yet, valid. Unlike
	// the others it must not be remembered: time changes it.
	ErrNotNow = errors.New("the key that it is signed with is not valid now")
)

// Signer is who made a valid signature. Its fields can be stored as they are.
type Signer struct {
	Key        string    `json:"key"`        // the fingerprint, as ssh-keygen -l shows it
	Principals []string  `json:"principals"` // each a list of patterns, as in the file
	Until      time.Time `json:"until"`      // when it has to be verified again; zero for never
}

// Is reports whether the signer may sign in a name, such as an actor's id or an
// e-mail address.
func (s Signer) Is(name string) bool {
	return slices.ContainsFunc(s.Principals, func(list string) bool { return matchList(list, name) })
}

// VouchesFor reports whether the signer may sign the record of an owner: in the
// name of its id, or of its label, which in a work tree has the work tree's name
// behind a slash. What is vouched for is the name that is shown to people:
// an id belongs to its label only as far as the record says.
func (s Signer) VouchesFor(owner, label string) bool {
	if s.Is(owner) || label != "" && s.Is(label) {
		return true
	}
	for i, c := range label {
		if c == '/' && i > 0 && s.Is(label[:i]) {
			return true
		}
	}
	return false
}

// signature is the content of an armored ssh signature behind its magic bytes
// (PROTOCOL.sshsig of OpenSSH).
type signature struct {
	Version                   uint32
	Key                       []byte
	Namespace, Reserved, Hash string
	Signature                 []byte
}

var magic = []byte("SSHSIG")

// signedData is what is signed instead of the message itself.
func signedData(hash string, message []byte) ([]byte, error) {
	var sum []byte
	switch hash {
	case "sha512":
		h := sha512.Sum512(message)
		sum = h[:]
	case "sha256":
		h := sha256.Sum256(message)
		sum = h[:]
	default:
		return nil, fmt.Errorf("%w: unknown hash %q", ErrInvalid, hash)
	}
	return slices.Concat(magic, ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Sum                       []byte
	}{namespace, "", hash, sum})), nil
}

// Verify finds out who signed a commit, which is given as its whole object. The
// key has to be valid now: the date in a commit is what its maker wrote.
// It returns ErrUnsigned, and wraps ErrInvalid, ErrUnknownKey and ErrNotNow.
//
// The bytes are bound to the commit's id by the caller who read them from git, so that
// the result can be remembered by that id together with Allowed.ID.
func Verify(commit []byte, allowed Allowed, now time.Time) (Signer, error) {
	message, armored, err := SplitSignature(commit)
	if err != nil {
		return Signer{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	block, rest := pem.Decode(armored)
	if block == nil || block.Type != "SSH SIGNATURE" {
		return Signer{}, ErrUnsigned
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return Signer{}, fmt.Errorf("%w: there is text after it", ErrInvalid)
	}
	key, err := check(message, block.Bytes)
	if err != nil {
		return Signer{}, err
	}
	return allowed.signer(key, now)
}

// check verifies a signature over a message and returns its key.
func check(message, content []byte) (ssh.PublicKey, error) {
	invalid := func(why any) (ssh.PublicKey, error) { return nil, fmt.Errorf("%w: %v", ErrInvalid, why) }
	content, ok := bytes.CutPrefix(content, magic)
	var sig signature
	if err := ssh.Unmarshal(content, &sig); !ok || err != nil {
		return invalid("it is malformed")
	}
	if sig.Version != 1 || sig.Namespace != namespace {
		return invalid(fmt.Sprintf("it was made for %q, version %d", sig.Namespace, sig.Version))
	}
	key, err := ssh.ParsePublicKey(sig.Key)
	if err != nil {
		return invalid(err)
	}
	var proof ssh.Signature
	if err := ssh.Unmarshal(sig.Signature, &proof); err != nil {
		return invalid("it is malformed")
	}
	switch proof.Format {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
	default: // ssh-rsa is SHA-1, and ssh-dss is no better
		return invalid(fmt.Sprintf("%q is not a safe algorithm", proof.Format))
	}
	data, err := signedData(sig.Hash, message)
	if err != nil {
		return nil, err
	}
	if err := key.Verify(data, &proof); err != nil {
		return invalid("it is over something else, or damaged")
	}
	return key, nil
}

// signer finds the principals of a key, or of a certificate.
func (a Allowed) signer(key ssh.PublicKey, now time.Time) (Signer, error) {
	cert, certified := key.(*ssh.Certificate)
	wanted := key
	if certified {
		wanted, key = cert.SignatureKey, cert.Key
	}
	s := Signer{Key: ssh.FingerprintSHA256(key)}
	outdated := false
	for _, e := range a.entries {
		if e.authority != certified || !bytes.Equal(e.key.Marshal(), wanted.Marshal()) ||
			e.namespaces != "" && !matchList(e.namespaces, namespace) {
			continue
		}
		if !e.current(now) {
			outdated = true
			continue
		}
		if !certified {
			s.Principals = append(s.Principals, e.principals)
			s.until(e.before)
			continue
		}
		names, err := certifiedNames(cert, e.principals, now)
		outdated = outdated || errors.Is(err, ErrNotNow)
		if len(names) > 0 {
			s.Principals = append(s.Principals, names...)
			s.until(e.before)
			if cert.ValidBefore != ssh.CertTimeInfinity {
				s.until(time.Unix(int64(cert.ValidBefore), 0))
			}
		}
	}
	switch {
	case len(s.Principals) > 0:
		return s, nil
	case outdated:
		return Signer{}, fmt.Errorf("%w: %s", ErrNotNow, s.Key)
	}
	return Signer{}, fmt.Errorf("%w: %s", ErrUnknownKey, s.Key)
}

func (s *Signer) until(end time.Time) {
	if !end.IsZero() && (s.Until.IsZero() || end.Before(s.Until)) {
		s.Until = end
	}
}

// certifiedNames returns the names that a user certificate was made for and that
// the entry of its authority allows.
func certifiedNames(cert *ssh.Certificate, patterns string, now time.Time) (names []string, err error) {
	if cert.CertType != ssh.UserCert {
		return nil, ErrUnknownKey
	}
	if unix := uint64(max(now.Unix(), 0)); unix < cert.ValidAfter || unix >= cert.ValidBefore {
		return nil, ErrNotNow
	}
	checker := ssh.CertChecker{Clock: func() time.Time { return now }}
	for _, name := range cert.ValidPrincipals {
		// A certified name is a name and no list of patterns.
		if matchList(patterns, name) && checker.CheckCert(name, cert) == nil && plain(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func plain(name string) bool { return name != "" && !bytes.ContainsAny([]byte(name), "*?!,") }
