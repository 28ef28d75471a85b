//go:build unix

package keep

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// The test binary is also the programs that the tests run: a guard, a run, and
// a keeper.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "guard":
			os.Exit(Guard(testClock(os.Getenv("D"), "passed")))
		case "run":
			os.Exit(testRun(os.Args[2], os.Args[3], os.Args[4:]))
		case "keeper":
			os.Exit(testKeeper(os.Args[2]))
		case "detach":
			os.Exit(testDetach(os.Args[2]))
		}
	}
	gittest.HearHangups()
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // they wait for leases to end
		panic(err)
	}
	os.Exit(m.Run())
}

// testLease is a lease whose renewals do what the file "answer" in its directory
// says, and which writes down what is asked of it.
type testLease struct{ dir string }

func (l testLease) Renew(ctx context.Context, yield func(error)) error {
	note(l.dir, "renew")
	answer, _ := os.ReadFile(filepath.Join(l.dir, "answer"))
	switch strings.TrimSpace(string(answer)) {
	case "away":
		return errors.New("the remote is away")
	case "lost":
		return fmt.Errorf("%w: broken by bob", ErrLost)
	case "yield":
		lost := fmt.Errorf("%w: in the way of bob", ErrLost)
		yield(lost)
		note(l.dir, "removed")
		return lost
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (l testLease) Release(context.Context) error {
	note(l.dir, "release")
	return nil
}

func note(dir, line string) {
	f, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err == nil {
		fmt.Fprintln(f, line)
		f.Close()
	}
}

// testClock is the clock of a machine that slept for as long as a file in dir
// says.
func testClock(dir, name string) Clock {
	real := NewClock(time.Now)
	return func() Reading {
		r := real()
		text, _ := os.ReadFile(filepath.Join(dir, name))
		slept, _ := time.ParseDuration(string(text))
		r.Wall = r.Wall.Add(slept)
		return r
	}
}

// testRun runs a command under a lease and exits as the program would.
func testRun(dir, ttl string, args []string) int {
	d, err := time.ParseDuration(ttl)
	if err != nil {
		return 2
	}
	clock := testClock(dir, "slept")
	granted := clock()
	res := Command{
		Args: args, Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Guard: []string{os.Args[0], "guard"},
		Lease: testLease{dir}, TTL: d, Granted: granted, Clock: clock, Random: middle, Warn: os.Getenv("TEST_WARN") != "",
		Tell: func(n Notice) { note(dir, fmt.Sprintf("event %d", n.Event)) },
	}.Run(context.Background())
	left := fmt.Sprintf("left %v", (d-clock().Since(granted)) > 0)
	text, _ := json.Marshal(map[string]any{"code": res.Code, "lost": fmt.Sprint(res.Lost), "fault": fmt.Sprint(res.Fault), "left": left})
	note(dir, "result "+string(text))
	if res.Lost != nil {
		return 6
	}
	return res.Code
}
