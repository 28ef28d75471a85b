package gittest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// serveSSH runs the real sshd, once for each connection, for the user who runs
// the tests. The client's ssh command says nothing of prompts, so that it can
// be seen what a program adds to it.
func serveSSH(t testing.TB, bare string) (string, []string) {
	t.Helper()
	sshd := findSSHD(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" {
		// Debian's sshd does not start without its privilege separation directory,
		// which is made by the service that does not run here.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	hostKey, userKey := newKey(t, dir, "host"), newKey(t, dir, "user")
	env := Env(t, "PATH="+os.Getenv("PATH"))
	// sshd gives a session its user's HOME, from which git and the shell would
	// read somebody's settings; SetEnv counts last.
	var session strings.Builder
	for _, name := range []string{"PATH", "HOME", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "LC_ALL", "TZ"} {
		fmt.Fprintf(&session, " %q", name+"="+lookup(env, name))
	}
	config := filepath.Join(dir, "sshd_config")
	writeFile(t, config, fmt.Sprintf(`HostKey %s
AuthorizedKeysFile %s.pub
SetEnv%s
AcceptEnv GIT_PROTOCOL
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
PidFile none
KexAlgorithms curve25519-sha256
`, hostKey, userKey, session.String()))
	addr := listen(t, env, sshd, "-i", "-f", config, "-E", serverLog(t).Name())
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(hostKey + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(dir, "known_hosts")
	writeFile(t, known, fmt.Sprintf("[%s]:%s %s", host, port, public))
	command := fmt.Sprintf("ssh -F none -i %s -o IdentitiesOnly=yes -o UserKnownHostsFile=%s -o GlobalKnownHostsFile=none", quote(userKey), quote(known))
	return fmt.Sprintf("ssh://%s@%s%s", me.Username, addr, bare), []string{"GIT_SSH_COMMAND=" + command}
}

// findSSHD returns an absolute path, without which sshd does not start.
func findSSHD(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("sshd was not found; install the package openssh-server")
	return ""
}

// newKey makes a key without a passphrase and returns its path.
func newKey(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen, of the package openssh-client: %v: %s", err, out)
	}
	return path
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
