package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/config"
)

func TestLoadReceive(t *testing.T) {
	dir := t.TempDir()
	defaults, err := config.LoadReceive(dir)
	if err != nil || defaults.Policy != "warn" || defaults.Fail != "open" || defaults.Timeout != 4*time.Second || defaults.Trust != "first-use" {
		t.Fatalf("%+v, %v", defaults, err)
	}
	load := func(text string) (config.Receive, error) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "receive.toml"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return config.LoadReceive(dir)
	}
	got, err := load(`[receive]
policy = "require"
branches = ["main", "release/*"]
max_ttl = "1d"
max_locks = 5
clock_skew = "10s"
allow = []
timeout = "2s"
fail = "closed"
trust = "listed"
unknown = 1
[receive.actors]
alice = ["a1", "alice@example.com"]
`)
	want := config.Receive{Policy: "require", Branches: []string{"main", "release/*"}, MaxTTL: 24 * time.Hour, MaxLocks: 5, ClockSkew: 10 * time.Second,
		Allow: []string{}, Timeout: 2 * time.Second, Fail: "closed", Trust: "listed", Actors: map[string][]string{"alice": {"a1", "alice@example.com"}},
		Warnings: []string{filepath.Join(dir, "receive.toml") + ": unknown key receive.unknown"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for text, line := range map[string]int{
		"[receive]\npolicy = \"maybe\"": 2, "[receive]\n\nmax_locks = \"5\"": 3, "[receive]\nmax_locks = 0": 2, "[receive]\nfail = \"half\"": 2,
		"[receive]\ntrust = 1": 2, "[receive]\nallow = \"x\"": 2, "[receive]\nallow = [1]": 2, "[receive]\nactors = 1": 2, "[receive": 1,
		"[receive]\ntimeout = 5": 2, "[receive]\nmax_ttl = \"31d\"": 2,
	} {
		got, err := load(text)
		var fault *config.Error
		if !errors.As(err, &fault) || fault.Line != line || !reflect.DeepEqual(got, defaults) {
			t.Errorf("%q: %v, %+v", text, err, got)
		}
	}
}
