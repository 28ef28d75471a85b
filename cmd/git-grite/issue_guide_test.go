package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// guideScript is the bash block below a heading of the users' guide, as it
// stands there.
func guideScript(t *testing.T, heading string) string {
	t.Helper()
	text := readFile(t, "testdata/guide/distributed-locks.md")
	_, below, ok := strings.Cut(text, "\n### "+heading+"\n")
	_, below, fenced := strings.Cut(below, "```bash\n")
	script, _, closed := strings.Cut(below, "```\n")
	if !ok || !fenced || !closed {
		t.Fatalf("the guide has no script below %q", heading)
	}
	return script
}

// bash runs a script in a clone, with what it takes for granted before it.
func bash(t *testing.T, r *gittest.Repo, before, script string) outcome {
	t.Helper()
	return came(t, "bash", r.Run(before+"\n"+script, "bash", "-s"))
}

// issueCreated opens an issue and returns its id.
func issueCreated(t *testing.T, r *gittest.Repo, args ...string) string {
	t.Helper()
	res := grite(t, r, append([]string{"issue", "create", "--json"}, args...)...)
	id := regexp.MustCompile(`"issue_id":"([0-9a-f]{32})"`).FindStringSubmatch(res.Stdout)
	if id == nil {
		t.Fatalf("no id in %s", res.Stdout)
	}
	return id[1]
}

// colleagues are clones of one remote, or actors of one clone.
func colleagues(t *testing.T, clones bool, names ...string) (all []*gittest.Repo) {
	t.Helper()
	remote, alone := gittest.NewRemote(t), gittest.New(t)
	for _, name := range names {
		if clones {
			r := remote.Clone(t, remote.Dir)
			grite(t, r, "init", "--no-hooks", "--label", name)
			all = append(all, r)
			continue
		}
		grite(t, alone, "actor", "init", "--label", name)
		all = append(all, alone.With("GRITE_ACTOR="+name))
	}
	return all
}

// eachWay runs a test among the actors of one clone, and between clones.
func eachWay(t *testing.T, f func(t *testing.T, clones bool)) {
	t.Parallel()
	for name, clones := range map[string]bool{"one clone": false, "clones": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, clones)
		})
	}
}

func TestGuideClaimingAnIssue(t *testing.T) {
	eachWay(t, func(t *testing.T, clones bool) {
		script := guideScript(t, "Claiming an Issue")
		all := colleagues(t, clones, "alice", "bob")
		alice, bob := all[0], all[1]
		id := issueCreated(t, alice, "--title", "Fix the login")
		// By the whole id, and by its beginning, which needs a clone that knows it.
		for _, name := range []string{id, id[:8]} {
			grite(t, bob, "issue", "list")
			grite(t, alice, "issue", "reopen", id)
			grite(t, alice, "lock", "acquire", "-r", "issue:"+name)
			bash(t, bob, "ID="+name, script).exits(0, "Issue already claimed").lacks("Claimed issue")
			grite(t, alice, "lock", "release", "--mine")
			bash(t, bob, "ID="+name, script).exits(0, "Claimed issue "+name).lacks("already")
			try(t, alice, "issue", "show", id).exits(0, "State: closed", "Working on this").lacks("Claimed by")
			try(t, alice, "lock", "status").exits(0, "No active locks")
		}
	})
}

func TestGuideCoordinatorPattern(t *testing.T) {
	eachWay(t, func(t *testing.T, clones bool) {
		script := guideScript(t, "Coordinator Pattern")
		coordinate, work, ok := strings.Cut(script, "# Worker agent")
		create, assign, both := strings.Cut(coordinate, "grite lock")
		if !ok || !both {
			t.Fatalf("the script is another one: %s", script)
		}
		all := colleagues(t, clones, "coordinator", "w1", "w2")
		coordinator, workers := all[0], all[1:]
		var ids []string
		for range 3 {
			res := bash(t, coordinator, "", create).exits(0)
			ids = append(ids, regexp.MustCompile(`"issue_id":"([0-9a-f]{32})"`).FindStringSubmatch(res.Stdout)[1])
		}
		// The coordinator keeps one for itself; each worker gets one of the others,
		// and does it for as long as the other one has not got his.
		bash(t, coordinator, "ID="+ids[0], "grite lock"+assign).exits(0, "Lock acquired")
		dir := t.TempDir()
		process := fmt.Sprintf(`process_issue() {
			: >%[1]s/"$1"
			for _ in $(seq 600); do [ "$(ls %[1]s | wc -l)" -ge 2 ] && break; sleep 0.1; done
			grite issue close "$1"
		}`, dir)
		outcomes := make([]outcome, len(workers))
		var fs []func()
		for i, w := range workers {
			fs = append(fs, func() { outcomes[i] = bash(t, w, process, "# Worker agent"+work) })
		}
		together(fs...)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var done []string
		for _, e := range entries {
			done = append(done, e.Name())
		}
		want := slices.Sorted(slices.Values(ids[1:]))
		if !slices.Equal(done, want) {
			t.Errorf("done is %v, not %v", done, want)
		}
		for _, o := range outcomes {
			o.exits(0, "Lock acquired", "Issue closed", "Lock released")
		}
		try(t, coordinator, "issue", "list", "--claimed").exits(0, ids[0][:8], "claimed by coordinator")
		try(t, coordinator, "issue", "list", "--state", "closed").exits(0, ids[1][:8], ids[2][:8]).lacks(ids[0][:8])

		// Whole, as one script: the coordinator is a worker, too.
		bash(t, coordinator, "process_issue() { echo \"processed $1\"; }\nID="+ids[0], script).exits(0, "Lock already held", "processed ")
	})
}

func TestGuideWorkStealing(t *testing.T) {
	eachWay(t, func(t *testing.T, clones bool) {
		script := guideScript(t, "Work Stealing")
		all := colleagues(t, clones, "alice", "bob")
		alice, bob := all[0], all[1]
		id := issueCreated(t, alice, "--title", "Fix the login")
		grite(t, alice, "issue", "claim", id, "--ttl", "10m")
		bash(t, bob, "RESOURCE=issue:"+id, script).exits(0, `"alice"`).lacks("Lock acquired")
		late := bob.With("GRITE_TEST_SHIFT=11m")
		bash(t, late, "RESOURCE=issue:"+id, script).exits(0, "Lock acquired", "Taken over from: alice")
		try(t, late, "issue", "list", "--mine").exits(0, id[:8], "claimed by bob")
	})
}

// ourLoop is the worker's loop of docs/guide.md.
func ourLoop(t *testing.T) string {
	t.Helper()
	_, below, ok := strings.Cut(readFile(t, "../../docs/guide.md"), "```bash\nwhile ")
	loop, _, closed := strings.Cut(below, "```\n")
	if !ok || !closed {
		t.Fatal("docs/guide.md has no loop")
	}
	return "while " + loop
}

// TestIssueFleet: workers take issues from one list until none is left. Whatever
// way they choose, each issue is processed exactly once.
func TestIssueFleet(t *testing.T) {
	ways := map[string]string{
		"claim": "process_issue() { echo \"$1\" >>\"$DONE\"; }\n" + ourLoop(t) + `jq -e '.error.code == "not_found"' <<<"$out"`,
		"list": `while ids=$(grite issue list --unclaimed --label todo --json | jq -r '.data.issues[].issue_id') && [ -n "$ids" ]; do
			for id in $ids; do
				grite lock acquire -q -r "issue:$id" 2>/dev/null || continue
				if [ "$(grite issue show "$id" --json | jq -r .data.issue.state)" = open ]; then
					echo "$id" >>"$DONE"
					grite issue close -q "$id" || exit 1
				fi
				grite lock release -q -r "issue:$id" || exit 1
			done
		done`,
	}
	eachWay(t, func(t *testing.T, clones bool) {
		workers, issues := 8, rounds(100)
		if clones && issues < 100 {
			workers = 3
		}
		for name, script := range ways {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				names := make([]string, workers)
				for i := range names {
					names[i] = fmt.Sprintf("worker-%d", i)
				}
				all := colleagues(t, clones, names...)
				var ids []string
				for i := range issues {
					ids = append(ids, issueCreated(t, all[0], "--title", fmt.Sprintf("Task %d", i), "--label", "todo"))
				}
				file := filepath.Join(t.TempDir(), "done")
				var fs []func()
				for _, w := range all {
					fs = append(fs, func() { bash(t, w.With("DONE="+file), "", script).exits(0) })
				}
				together(fs...)
				done := strings.Fields(readFile(t, file))
				slices.Sort(done)
				slices.Sort(ids)
				if !slices.Equal(done, ids) {
					t.Errorf("%d were processed, %d different ones, of %d", len(done), len(slices.Compact(done)), len(ids))
				}
				try(t, all[workers-1], "issue", "list").exits(0, "No issues")
				try(t, all[0], "lock", "status").exits(0, "No active locks")
			})
		}
	})
}
