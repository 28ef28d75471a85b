package sign_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/sign"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// keygen runs ssh-keygen, which has to succeed.
func keygen(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", append([]string{"-q"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// newKey makes a key and returns its path and its public half.
func newKey(t *testing.T, kind string) (path, public string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key")
	keygen(t, "-t", kind, "-N", "", "-C", "", "-f", path)
	return path, publicKey(t, path)
}

func publicKey(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func parse(t *testing.T, lines ...string) sign.Allowed {
	t.Helper()
	a, err := sign.ParseAllowed([]byte(strings.Join(lines, "\n")), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// gitSigned is a commit that git signed, as an object.
func gitSigned(t *testing.T, r *gittest.Repo, key string) []byte {
	t.Helper()
	oid := r.GitIn("a record\n", "-c", "gpg.format=ssh", "-c", "user.signingKey="+key, "commit-tree", "-S", "HEAD^{tree}")
	return []byte(r.Run("", "git", "cat-file", "commit", oid).Stdout)
}

// unsigned is the bytes of a commit without a signature.
func unsigned(r *gittest.Repo, message string) []byte {
	return []byte(r.Run("", "git", "cat-file", "commit", r.GitIn(message, "commit-tree", "HEAD^{tree}")).Stdout)
}

func TestVerifiesWhatGitSigned(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		r := gittest.New(t, "--object-format="+format)
		for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
			t.Run(format+" "+kind, func(t *testing.T) {
				key, public := newKey(t, kind)
				s, err := sign.Verify(gitSigned(t, r, key), parse(t, "alice@example.com "+public), now)
				if err != nil || !s.Is("alice@example.com") || s.Is("bob@example.com") || !s.Until.IsZero() {
					t.Fatalf("%+v, %v", s, err)
				}
				if want, _ := exec.Command("ssh-keygen", "-l", "-f", key).Output(); !strings.Contains(string(want), s.Key+" ") {
					t.Errorf("fingerprint %s, ssh-keygen says %s", s.Key, want)
				}
			})
		}
	}
}

// TestGitVerifiesWhatWeSigned has git judge our signatures: of a key that is used
// directly, and of those that need ssh-keygen.
func TestGitVerifiesWhatWeSigned(t *testing.T) {
	agent := startAgent(t)
	for _, format := range []string{"sha1", "sha256"} {
		r := gittest.New(t, "--object-format="+format)
		for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
			path, public := newKey(t, kind)
			agent.add(t, path)
			alone := filepath.Join(t.TempDir(), "only.pub")
			if err := os.WriteFile(alone, []byte(public), 0o666); err != nil {
				t.Fatal(err)
			}
			allowed := filepath.Join(t.TempDir(), "allowed")
			if err := os.WriteFile(allowed, []byte("alice "+public+"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			for name, key := range map[string]sign.Key{
				"private": {Setting: path}, "public": {Setting: path + ".pub"},
				"ssh-keygen": {Setting: path, Program: "ssh-keygen"},
				"agent":      {Setting: alone, Environ: agent.env}, "literal": {Setting: "key::" + public, Environ: agent.env},
			} {
				t.Run(strings.Join([]string{format, kind, name}, " "), func(t *testing.T) {
					commit := unsigned(r, "a record")
					signed := signWith(t, key, commit)
					oid := r.GitIn(string(signed), "hash-object", "-w", "-t", "commit", "--stdin")
					r.Git("-c", "gpg.format=ssh", "-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", oid)
					r.Git("fsck", "--strict")
					if _, err := sign.Verify(signed, parse(t, "alice "+public), now); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

func signWith(t *testing.T, key sign.Key, commit []byte) []byte {
	t.Helper()
	s, err := key.Sign()
	if err != nil {
		t.Fatal(err)
	}
	armored, err := s(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := s(t.Context(), commit)
	if string(again) != string(armored) {
		t.Error("the same bytes got another signature")
	}
	return git.AddSignature(commit, armored)
}

func TestWhatIsNoSignature(t *testing.T) {
	r := gittest.New(t)
	key, public := newKey(t, "ed25519")
	_, other := newKey(t, "ed25519")
	signed := gitSigned(t, r, key)
	_, armored, err := sign.SplitSignature(signed)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(file, unsigned(r, "for a file"), 0o666); err != nil {
		t.Fatal(err)
	}
	keygen(t, "-Y", "sign", "-n", "file", "-f", key, file)
	forFile, err := os.ReadFile(file + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	alice := "alice " + public
	for _, c := range []struct {
		name    string
		commit  []byte
		allowed string
		want    error
	}{
		{"unsigned", unsigned(r, "a record"), alice, sign.ErrUnsigned},
		{"openpgp", git.AddSignature(unsigned(r, "x"), []byte("-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n")), alice, sign.ErrUnsigned},
		{"nobody allowed", signed, "", sign.ErrUnknownKey},
		{"wrong key", signed, "alice " + other, sign.ErrUnknownKey},
		{"only as an authority", signed, "alice cert-authority " + public, sign.ErrUnknownKey},
		{"for another purpose in the file", signed, `alice namespaces="file,email" ` + public, sign.ErrUnknownKey},
		{"replayed", git.AddSignature(unsigned(r, "another record"), armored), alice, sign.ErrInvalid},
		{"changed", []byte(strings.Replace(string(signed), "a record", "A record", 1)), alice, sign.ErrInvalid},
		{"made for another purpose", git.AddSignature(unsigned(r, "for a file"), forFile), alice, sign.ErrInvalid},
		{"two", git.AddSignature(signed, armored), alice, sign.ErrInvalid},
		{"cut", []byte(strings.Replace(string(signed), "U1NIU0lH", "U1NIU0lI", 1)), alice, sign.ErrInvalid},
		{"expired", signed, `alice valid-before="20261125" ` + public, sign.ErrNotNow},
		{"not yet", signed, `alice valid-after="202611251201Z" ` + public, sign.ErrNotNow},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s, err := sign.Verify(c.commit, parse(t, c.allowed), now); !errors.Is(err, c.want) {
				t.Errorf("%+v, %v; want %v", s, err, c.want)
			}
		})
	}
	for _, good := range []string{
		`"alice" namespaces="git" ` + public, `a*,!bob namespaces="file,g?t",valid-after="20261124",valid-before="202611251201" ` + public + " a comment",
		"bob " + other + "\nalice " + public,
	} {
		if s, err := sign.Verify(signed, parse(t, good), now); err != nil || !s.Is("alice") || s.Is("bob") {
			t.Errorf("%s: %+v, %v", good, s, err)
		}
	}
	s, err := sign.Verify(signed, parse(t, alice, `alice valid-before="20261126" `+public), now)
	if want := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC); err != nil || !s.Until.Equal(want) {
		t.Errorf("to be verified again at %v, %v", s.Until, err)
	}
}

func TestCertificates(t *testing.T) {
	r := gittest.New(t)
	authority, trusted := newKey(t, "ed25519")
	_, stranger := newKey(t, "ed25519")
	certified := func(args ...string) []byte {
		key, _ := newKey(t, "ed25519")
		keygen(t, append(append([]string{"-s", authority, "-I", "id"}, args...), key+".pub")...)
		return gitSigned(t, r, key+"-cert.pub")
	}
	for _, c := range []struct {
		name    string
		commit  []byte
		allowed string
		want    error
	}{
		{"good", certified("-n", "alice,root"), "al* cert-authority " + trusted, nil},
		{"other authority", certified("-n", "alice"), "* cert-authority " + stranger, sign.ErrUnknownKey},
		{"not as an authority", certified("-n", "alice"), "alice " + trusted, sign.ErrUnknownKey},
		{"other principal", certified("-n", "mallory"), "alice cert-authority " + trusted, sign.ErrUnknownKey},
		{"pattern for a name", certified("-n", "al*"), "al* cert-authority " + trusted, sign.ErrUnknownKey},
		{"no principal", certified(), "* cert-authority " + trusted, sign.ErrUnknownKey},
		{"of a host", certified("-h", "-n", "alice"), "alice cert-authority " + trusted, sign.ErrUnknownKey},
		{"expired", certified("-n", "alice", "-V", "20250101:20250201"), "alice cert-authority " + trusted, sign.ErrNotNow},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := sign.Verify(c.commit, parse(t, c.allowed), now)
			if !errors.Is(err, c.want) || err == nil && (!s.Is("alice") || s.Is("root")) {
				t.Errorf("%+v, %v; want %v", s, err, c.want)
			}
		})
	}
}

func TestKeysThatCannotSign(t *testing.T) {
	locked := filepath.Join(t.TempDir(), "key")
	keygen(t, "-t", "ed25519", "-N", "secret", "-f", locked)
	for name, c := range map[string]struct {
		key  sign.Key
		want string
	}{
		"passphrase, no prompts": {sign.Key{Setting: locked}, "cannot sign with"},
		"no such file":           {sign.Key{Setting: filepath.Join(t.TempDir(), "none")}, "cannot sign with"},
		"no agent":               {sign.Key{Setting: publicKey(t, locked)}, "cannot sign with"},
		"no program":             {sign.Key{Setting: locked, Program: "no-such-keygen"}, sign.ErrNoProgram.Error()},
		"no program there":       {sign.Key{Setting: locked, Program: "/no/such/keygen"}, sign.ErrNoProgram.Error()},
		"nothing set":            {sign.Key{}, "user.signingKey"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := c.key.Sign()
			if err == nil {
				_, err = s(t.Context(), []byte("tree x\n\nmessage\n"))
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}

type agent struct{ env []string }

// startAgent starts an ssh-agent that ends with the test.
func startAgent(t *testing.T) agent {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	for range 1000 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return agent{append(gittest.Scrub(os.Environ()), "SSH_AUTH_SOCK="+socket)}
}

func (a agent) add(t *testing.T, key string) {
	t.Helper()
	cmd := exec.Command("ssh-add", "-q", key)
	cmd.Env = a.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v: %s", err, out)
	}
}

// TestVerifierRemembers: a record is read and verified once, for as long as the
// allowed signers stay as they are and its key is valid.
func TestVerifierRemembers(t *testing.T) {
	key, public := newKey(t, "ed25519")
	r := gittest.New(t)
	r.Git("commit", "-q", "--allow-empty", "-m", "x")
	repo, err := git.Open(t.Context(), r.Dir, r.Env)
	if err != nil {
		t.Fatal(err)
	}
	make, err := sign.Key{Setting: key}.Sign()
	if err != nil {
		t.Fatal(err)
	}
	write := func(s git.Sign) git.OID {
		oid, err := repo.WriteCommit(t.Context(), git.FileCommit{Name: "lock.json", Content: []byte("{}"), Message: "x", Time: now, Sign: s})
		if err != nil {
			t.Fatal(err)
		}
		return oid
	}
	signed, plain := write(make), write(nil)
	dir := t.TempDir()
	v := sign.Verifier{Repo: repo, Signers: filepath.Join(dir, "signers"), Memo: filepath.Join(dir, "memo"), Now: func() time.Time { return now }}
	records := []sign.Record{{Commit: signed, Owner: "a", Label: "alice"}, {Commit: plain, Owner: "b", Label: "bob"}}
	want := func(n int) {
		t.Helper()
		doubts, err := v.Doubts(t.Context(), records)
		if err != nil || len(doubts) != n || n < 2 && doubts[signed] != "" {
			t.Errorf("doubts %v, %v; want %d", doubts, err, n)
		}
	}
	if _, err := v.Doubts(t.Context(), records); !errors.Is(err, sign.ErrNoSigners) {
		t.Errorf("without signers: %v", err)
	}
	allow := func(text string) {
		if err := os.WriteFile(v.Signers, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	allow(`alice valid-before="20261201" ` + public)
	want(1)
	gone := os.Rename(filepath.Join(r.Dir, ".git"), filepath.Join(r.Dir, "away"))
	if want(1); gone != nil { // nothing is read again
		t.Fatal(gone)
	}
	v.Now = func() time.Time { return now.AddDate(0, 1, 0) }
	if _, err := v.Doubts(t.Context(), records); err == nil {
		t.Error("a key that has run out is not looked at again")
	}
	if err := os.Rename(filepath.Join(r.Dir, "away"), filepath.Join(r.Dir, ".git")); err != nil {
		t.Fatal(err)
	}
	want(2)
	v.Now = func() time.Time { return now }
	want(1)
	allow("carol " + public)
	want(2)
}
