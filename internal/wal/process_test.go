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

// TestMain lets the test's own program be a process of TestProcesses.
func TestMain(m *testing.M) {
	number, err := strconv.Atoi(os.Getenv("WAL_APPENDER"))
	if err != nil {
		os.Exit(m.Run())
	}
	if err := appender(byte(number)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// appender appends until it has appended enough or is killed, and prints each
// event once it is in the log.
func appender(number byte) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	ctx := context.Background()
	repo, err := git.Open(ctx, dir, os.Environ())
	if err != nil {
		return err
	}
	m := &member{Log: &Log{Repo: repo, Actor: ActorID{number, byte(os.Getpid()), byte(os.Getpid() >> 8)}, Now: time.Now}}
	if m.Remote, err = repo.OpenRemote(ctx, "origin", false); err != nil {
		return err
	}
	for i := range 5 {
		e := m.event()
		if _, err := m.Append(ctx, []Event{e}, i%3 == 2); err != nil {
			return err
		}
		fmt.Println("appended", e.ID)
	}
	return nil
}

// TestProcesses: processes of three clones append, and those of one are killed
// meanwhile: in a clone of its own and over HTTP, because a killed git leaves the
// lock files of refs, which stop others until somebody removes them.
// What a process was told to be in the log stays there.
func TestProcesses(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	url, env := gittest.Transports(t)[3].Serve(t, remote.Dir)
	clones := []*gittest.Repo{remote.Clone(t, remote.Dir), remote.Clone(t, remote.Dir), remote.With(env...).Clone(t, url)}
	var running []*gittest.Running
	for i := range 6 {
		clone := clones[(i+2)%3].With(fmt.Sprint("WAL_APPENDER=", i+1))
		running = append(running, clone.Start(os.Args[0]))
	}
	time.Sleep(300 * time.Millisecond)
	var appended []string
	for i, p := range running {
		kill := i%3 == 0
		if kill {
			p.Kill()
		}
		r := p.Wait()
		if !kill && (r.Code != 0 || strings.Count(r.Stdout, "appended ") != 5) {
			t.Errorf("process %d: %d, %s%s", i, r.Code, r.Stdout, r.Stderr)
		}
		for line := range strings.Lines(r.Stdout) {
			if id, ok := strings.CutPrefix(strings.TrimSpace(line), "appended "); ok {
				appended = append(appended, id)
			}
		}
	}
	clones[2].Run("", "find", ".git", "-name", "*.lock", "-delete")
	members := []*member{join(t, clones[0], 100), join(t, clones[1], 101), join(t, clones[2], 102)}
	for range 2 {
		for _, m := range members {
			m.mustSync()
		}
	}
	first, _ := members[0].ids()
	for _, m := range members[1:] {
		if other, _ := m.ids(); !slices.Equal(first, other) {
			t.Errorf("%d events here, %d there", len(first), len(other))
		}
	}
	for _, id := range appended {
		if !slices.ContainsFunc(first, func(e EventID) bool { return e.String() == id }) {
			t.Errorf("%s is lost", id)
		}
	}
}
