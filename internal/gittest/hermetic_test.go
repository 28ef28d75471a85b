package gittest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHermetic makes a world in the environment of a hook in somebody's
// repository, with settings that nothing would work with. Nothing of it is seen.
func TestHermetic(t *testing.T) {
	victim := New(t)
	before := victim.Git("for-each-ref") + victim.Git("status", "--porcelain") + victim.Git("config", "--list", "--local")
	dir := filepath.Join(victim.Dir, ".git")
	bad := filepath.Join(t.TempDir(), "bad")
	writeFile(t, bad, "[core]\n\tpager = false\n[commit]\n\tgpgSign = true\n[url \"nowhere:\"]\n\tinsteadOf = /\n")
	for _, name := range strings.Fields(victim.Git("rev-parse", "--local-env-vars")) {
		t.Setenv(name, dir)
	}
	for name, value := range map[string]string{
		"GIT_WORK_TREE": victim.Dir, "GIT_CONFIG_GLOBAL": bad, "GIT_CONFIG_SYSTEM": bad, "GIT_CONFIG_PARAMETERS": "'commit.gpgsign=true'", "GIT_CONFIG_COUNT": "1",
		"GIT_CONFIG_KEY_0": "commit.gpgsign", "GIT_CONFIG_VALUE_0": "true", "GIT_AUTHOR_DATE": "never", "GIT_TEMPLATE_DIR": "/nonexistent", "GIT_TRACE2_EVENT": "/nonexistent/x",
		"GIT_SSH_COMMAND": "false", "GIT_DEFAULT_HASH": "sha256", "GIT_CEILING_DIRECTORIES": "/", "GRITE_ACTOR": "x", "XDG_CONFIG_HOME": filepath.Dir(bad), "http_proxy": "http://127.0.0.1:1",
	} {
		t.Setenv(name, value)
	}
	for _, kv := range Env(t) {
		if name, _, _ := strings.Cut(kv, "="); os.Getenv(name) == dir || strings.HasPrefix(name, "GRITE_") {
			t.Errorf("%s reaches the tests", kv)
		}
	}
	_, r, _ := proxied(t)
	r.Git("commit", "-q", "--allow-empty", "-m", "x")
	r.Git("push", "-q", "origin", "HEAD:refs/heads/main")
	r.pushed("", r.lock("x"))
	r.Healthy()
	r.Worktree("linked").Healthy()
	if after := victim.Git("for-each-ref") + victim.Git("status", "--porcelain") + victim.Git("config", "--list", "--local"); after != before {
		t.Errorf("somebody's repository is not as it was: %s", after)
	}
}
