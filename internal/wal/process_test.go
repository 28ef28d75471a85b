package wal

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

// TestAppender is a process of TestProcesses: it appends until it has appended
// enough or is killed, and prints each event once it is in the log.
func TestAppender(t *testing.T) {
	number, err := strconv.Atoi(os.Getenv("WAL_APPENDER"))
	if err != nil {
		t.Skip("a process of TestProcesses")
	}
	dir, _ := os.Getwd()
	repo, err := git.Open(t.Context(), dir, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	l := &Log{Repo: repo, Actor: ActorID{byte(number), byte(os.Getpid()), byte(os.Getpid() >> 8)}, Now: time.Now}
	if l.Remote, err = repo.OpenRemote(t.Context(), "origin", false); err != nil {
		t.Fatal(err)
	}
	m := &member{Log: l, t: t}
	for i := range 5 {
		e := m.event()
		if _, err := l.Append(context.Background(), []Event{e}, i%3 == 2); err != nil {
			t.Fatal(err)
		}
		fmt.Println("appended", e.ID)
	}
}

// TestProcesses: processes of two clones append, and some are killed meanwhile.
// What a process was told to be in the log stays there.
func TestProcesses(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	clones := []*gittest.Repo{remote.Clone(t, remote.Dir), remote.Clone(t, remote.Dir)}
	var running []*gittest.Running
	for i := range 6 {
		clone := clones[i%2].With(fmt.Sprint("WAL_APPENDER=", i+1))
		running = append(running, clone.Start(os.Args[0], "-test.run=^TestAppender$", "-test.count=1"))
	}
	time.Sleep(300 * time.Millisecond)
	var appended []string
	for i, p := range running {
		if i < 2 {
			p.Kill()
		}
		r := p.Wait()
		if i >= 2 && (r.Code != 0 || strings.Count(r.Stdout, "appended ") != 5) {
			t.Errorf("process %d: %d, %s%s", i, r.Code, r.Stdout, r.Stderr)
		}
		for line := range strings.Lines(r.Stdout) {
			if id, ok := strings.CutPrefix(strings.TrimSpace(line), "appended "); ok {
				appended = append(appended, id)
			}
		}
	}
	// A killed git leaves the lock files of refs, which it tells people to remove.
	for _, clone := range clones {
		clone.Run("", "find", ".git/refs", "-name", "*.lock", "-delete")
	}
	members := []*member{join(t, clones[0], 100), join(t, clones[1], 101)}
	for range 2 {
		for _, m := range members {
			m.mustSync()
		}
	}
	first, _ := members[0].ids()
	if second, _ := members[1].ids(); !slices.Equal(first, second) {
		t.Errorf("%d events here, %d there", len(first), len(second))
	}
	for _, id := range appended {
		if !slices.ContainsFunc(first, func(e EventID) bool { return e.String() == id }) {
			t.Errorf("%s is lost", id)
		}
	}
}
