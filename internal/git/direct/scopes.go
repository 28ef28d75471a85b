package direct

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// userConfig reads the configuration that does not belong to the repository: of
// the system and of the user. It reports false where only git can, or where a
// "git -c" of the caller speaks of what is needed here.
func userConfig(env []string) (c Config, ok bool) {
	if Overrides(env, "remote.", "url.", "include", "core.sharedrepository", "core.ignorecase", "core.sshcommand", "core.hookspath", "hook.") {
		return nil, false
	}
	files, ok := systemConfig(env)
	home := Getenv(env, "HOME")
	switch xdg, global := Getenv(env, "XDG_CONFIG_HOME"), Getenv(env, "GIT_CONFIG_GLOBAL"); {
	case global != "":
		files = append(files, global)
	case xdg != "":
		files = append(files, filepath.Join(xdg, "git", "config"))
	case home != "":
		files = append(files, filepath.Join(home, ".config", "git", "config"))
	}
	if home != "" && Getenv(env, "GIT_CONFIG_GLOBAL") == "" {
		files = append(files, filepath.Join(home, ".gitconfig"))
	}
	for _, file := range files {
		plain, whole := c.readConfig(file)
		ok = ok && plain && whole
	}
	return c, ok
}

// Overrides reports whether a "git -c" of the caller speaks of a key with one of
// these words, in lower case, in it.
func Overrides(env []string, words ...string) bool {
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if name != "GIT_CONFIG_PARAMETERS" && !strings.HasPrefix(name, "GIT_CONFIG_KEY_") {
			continue
		}
		for _, word := range words {
			if strings.Contains(strings.ToLower(value), word) {
				return true
			}
		}
	}
	return false
}

// systemConfig returns the file of the system's configuration. Where it lies was
// decided when git was built: a git of the system has it in /etc, one below a
// prefix of its own has it there, and others have it where only they know. Where
// the place is not certain, files in any of the likely ones make git be asked.
func systemConfig(env []string) (files []string, ok bool) {
	if v := strings.ToLower(Getenv(env, "GIT_CONFIG_NOSYSTEM")); v != "" && v != "0" && v != "false" && v != "no" && v != "off" {
		return nil, true
	}
	if file := Getenv(env, "GIT_CONFIG_SYSTEM"); file != "" {
		return []string{file}, true
	}
	git, err := exec.LookPath("git")
	if err == nil {
		git, err = filepath.EvalSymlinks(git)
	}
	if err != nil || runtime.GOOS == "windows" {
		return nil, false
	}
	prefix := filepath.Dir(filepath.Dir(git))
	if filepath.Base(filepath.Dir(git)) == "git-core" { // first on PATH in what git itself starts
		prefix = filepath.Dir(prefix)
	}
	if prefix == "/usr" {
		return []string{"/etc/gitconfig"}, runtime.GOOS == "linux"
	}
	for _, dir := range []string{"/etc", "/usr/local/etc", "/opt/homebrew/etc", filepath.Join(prefix, "etc"), filepath.Join(prefix, "share/git-core")} {
		if _, err := os.Stat(filepath.Join(dir, "gitconfig")); err == nil {
			return nil, false
		}
	}
	return nil, true
}
