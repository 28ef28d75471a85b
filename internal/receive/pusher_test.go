package receive_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/receive"
)

func TestPusherOf(t *testing.T) {
	session := filepath.Join(t.TempDir(), "auth")
	if err := os.WriteFile(session, []byte("hostbased x\npublickey ssh-ed25519 KEY\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	keys := func(key string) []string {
		if key == "ssh-ed25519 KEY" {
			return []string{"*", "keyholder,other"}
		}
		return nil
	}
	cert := "GIT_PUSH_CERT_SIGNER=signer GIT_PUSH_CERT_STATUS=G GIT_PUSH_CERT_NONCE_STATUS=OK"
	option := "GIT_PUSH_OPTION_COUNT=2 GIT_PUSH_OPTION_0=ci.skip GIT_PUSH_OPTION_1=grite.actor=" + alice
	for _, c := range []struct {
		env  string
		want receive.Pusher
	}{
		{"", receive.Pusher{}},
		{"GL_USERNAME=root " + cert + " SSH_USER_AUTH=" + session, receive.Pusher{Login: "root", GitLab: true}},
		{"GL_REPOSITORY=p-1", receive.Pusher{GitLab: true}},
		{"GITHUB_USER_LOGIN=octo", receive.Pusher{Login: "octo"}},
		{"SSH_USER_AUTH=" + session + " " + cert, receive.Pusher{Login: "keyholder"}},
		{"SSH_USER_AUTH=/no/such/file " + cert, receive.Pusher{Login: "signer"}},
		{strings.Replace(cert, "=OK", "=SLOP", 1), receive.Pusher{Login: "signer"}},
		{strings.Replace(cert, "=OK", "=BAD", 1) + " " + option, receive.Pusher{Actor: "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"}},
		{strings.Replace(cert, "=G", "=U", 1), receive.Pusher{}},
		{"GIT_PUSH_OPTION_COUNT=1 GIT_PUSH_OPTION_0=grite.actor=x", receive.Pusher{}},
		{"GITEA_PUSHER_NAME=g " + option, receive.Pusher{Login: "g"}},
	} {
		env := map[string]string{}
		for kv := range strings.FieldsSeq(c.env) {
			k, v, _ := strings.Cut(kv, "=")
			env[k] = v
		}
		if got := receive.PusherOf(func(name string) string { return env[name] }, keys); got != c.want {
			t.Errorf("%s: %+v", c.env, got)
		}
	}
}

func FuzzReadUpdates(f *testing.F) {
	f.Add("0000 11 refs/heads/main\n11 0000 refs/x y\n")
	f.Fuzz(func(t *testing.T, text string) {
		updates, err := receive.ReadUpdates(strings.NewReader(text))
		if n := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1; err == nil && len(updates) > n {
			t.Errorf("%d updates in %d lines", len(updates), n)
		}
	})
}

// TestPushCertificate: where the server names nobody, a signed push says who it is.
func TestPushCertificate(t *testing.T) {
	w := newWorld(t, require+"trust = \"listed\"\n[receive.actors]\n\"alice@example.com\" = [\""+alice+"\"]\n")
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(dir, "allowed")
	if err := os.WriteFile(allowed, append([]byte("alice@example.com "), public...), 0o666); err != nil {
		t.Fatal(err)
	}
	w.server.Git("config", "receive.certNonceSeed", "seed")
	w.server.Git("config", "gpg.ssh.allowedSignersFile", allowed)
	w.clone.Git("config", "gpg.format", "ssh")
	w.clone.Git("config", "user.signingKey", key)
	w.put(false, "", "is not an actor of somebody without a login", "path:a", record(alice, "path:a", hour, ""))
	spec := "+" + w.write(record(alice, "path:a", hour, "")) + ":" + gittest.LockRef("path:a")
	w.want(true, "", "", "--signed=if-asked", spec)
	w.want(false, "", "is not an actor of alice@example.com", "--signed", "+"+w.write(record(bob, "path:b", hour, ""))+":"+gittest.LockRef("path:b"))
	w.commit("a", "edit")
	w.want(false, "", "locked by others", "HEAD:main")
	w.want(true, "", "", "--signed", "HEAD:main")
}
