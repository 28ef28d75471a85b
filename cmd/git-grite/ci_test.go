package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// steps returns the shell lines of the job below a heading of docs/ci.md: of
// "run: |" for GitHub, of "script:" for GitLab.
func steps(t *testing.T, heading, key string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	_, yaml, isYAML := strings.Cut(section, "```yaml\n")
	yaml, _, _ = strings.Cut(yaml, "```")
	before, lines, hasKey := strings.Cut(yaml, key+"\n")
	if !found || !isYAML || !hasKey {
		t.Fatalf("docs/ci.md has no job for %s", heading)
	}
	indent := len(before) - strings.LastIndexByte(before, '\n') - 1
	var script []string
	for line := range strings.Lines(lines) {
		step := strings.TrimLeft(line, " ")
		if len(line)-len(step) <= indent {
			break
		}
		script = append(script, strings.TrimPrefix(step, "- "))
	}
	return strings.Join(script, "")
}

// github is the environment of the job for GitHub, for an event: the value of an
// expression is the first of its alternatives that the event has.
func github(t *testing.T, event map[string]string) (env []string) {
	t.Helper()
	page := readFile(t, "../../docs/ci.md")
	for _, name := range []string{"BASE", "HEAD", "ref"} {
		line := regexp.MustCompile(` ` + name + `: \$\{\{ (.*) \}\}\n`).FindStringSubmatch(page)
		if line == nil {
			t.Fatalf("docs/ci.md does not set %s", name)
		}
		for _, alternative := range strings.Split(line[1], " || ") {
			if value := event[strings.TrimPrefix(alternative, "github.event.")]; value != "" {
				env = append(env, name+"="+value)
				break
			}
		}
	}
	if len(env) != 3 || strings.TrimPrefix(env[1], "HEAD") != strings.TrimPrefix(env[2], "ref") {
		t.Errorf("the event %v leads to %v", event, env)
	}
	return env
}

// TestJobs runs the jobs of docs/ci.md as the services would: in a fresh clone
// with nothing set up, with the variables that the document names.
func TestJobs(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	base := alice.Git("rev-parse", "HEAD")
	change(bob, "src/a.go")
	bob.Git("push", "-q", "origin", "HEAD:refs/heads/topic")
	topic := bob.Git("rev-parse", "HEAD")
	bobs := bob.Git("config", "user.email")
	for name, job := range map[string]struct {
		key       string
		variables []string
		shell     []string
		annotated bool
	}{
		"GitHub Actions, pull_request": {"run: |", github(t, map[string]string{"pull_request.base.sha": base, "pull_request.head.sha": topic}), []string{"bash", "-e"}, true},
		"GitHub Actions, merge_group":  {"run: |", github(t, map[string]string{"merge_group.base_sha": base, "merge_group.head_sha": topic}), []string{"bash", "-e"}, true},
		"GitLab CI":                    {"script:", []string{"CI_MERGE_REQUEST_DIFF_BASE_SHA=" + base, "CI_COMMIT_SHA=" + topic}, []string{"bash", "-eo", "pipefail"}, false},
	} {
		run := func(what string, code int) gittest.Result {
			t.Helper()
			ci := remote.Clone(t, remote.Dir, "-b", "topic").With(job.variables...)
			heading, _, _ := strings.Cut(name, ",")
			script := steps(t, heading, job.key)
			ci.Write("../step.sh", script)
			res := ci.Run("", job.shell[0], append(job.shell[1:len(job.shell):len(job.shell)], "../step.sh")...)
			if res.Code != code {
				t.Errorf("%s, %s: exit %d instead of %d, %s%s\n%s", name, what, res.Code, code, res.Stdout, res.Stderr, script)
			}
			return res
		}
		run("no lock", 0)
		grite(t, alice, "lock", "acquire", "-r", "path:src/", "--reason", "rework")
		res := run("alice has a lock", 4)
		if job.annotated {
			if !strings.Contains(res.Stdout, "::error file=src/a.go,title=Locked by alice (") || !strings.Contains(res.Stdout, "left: rework\n") {
				t.Errorf("%s: %s", name, res.Stdout)
			}
		} else if !strings.Contains(res.Stderr, "src/a.go") || !strings.Contains(res.Stderr, "held by alice (") {
			t.Errorf("%s: %s", name, res.Stderr)
		}
		grite(t, alice, "lock", "release", "--mine")
		author := bob.With("GRITE_ACTOR=" + bobs)
		grite(t, author, "lock", "acquire", "-r", "path:src/")
		run("the author has the lock", 0)
		grite(t, author, "lock", "release", "--mine")
	}
}
