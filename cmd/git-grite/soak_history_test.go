//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// history is what stood at the ref of each resource, as the arbiter's hook saw it.
func (w *world) history() map[string][]version {
	w.t.Helper()
	type event struct {
		who, new, ref string
		at            time.Time
	}
	prepared := map[string]event{}
	var done []event                 // from when on
	committed := map[int]time.Time{} // and by when
	f, err := os.Open(w.log)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		p := strings.Fields(lines.Text())
		if len(p) != 6 {
			w.t.Fatalf("the hook wrote %q", lines.Text())
		}
		if strings.Trim(p[3]+p[4], "0") == "" { // the part of a deletion that is about packed-refs
			continue
		}
		nanos, _ := strconv.ParseInt(p[2], 10, 64)
		e, key := event{p[1], p[4], p[5], time.Unix(0, nanos)}, p[1]+p[4]+p[5]
		switch p[0] {
		case "prepared":
			prepared[key] = e
		case "committed":
			if from, ok := prepared[key]; ok {
				committed[len(done)] = e.at
				done = append(done, from)
			}
		}
	}
	records := w.records(func(yield func(string) bool) {
		for _, e := range done {
			if !yield(e.new) {
				return
			}
		}
	})
	order := make([]int, len(done))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return done[a].at.Compare(done[b].at) })
	resources := map[string]string{}
	for _, name := range contested {
		resources[gittest.LockRef(name)] = name
	}
	history := map[string][]version{}
	for _, i := range order {
		name := resources[done[i].ref]
		if all := history[name]; len(all) > 0 && all[len(all)-1].until.IsZero() {
			all[len(all)-1].until = committed[i]
		}
		if strings.Trim(done[i].new, "0") != "" {
			r := records[done[i].new]
			history[name] = append(history[name], version{Owner: r.Owner, Nonce: r.Nonce, from: done[i].at, expires: time.UnixMilli(r.Expires)})
		}
	}
	return history
}

// held is a record as JSON has it.
type held struct {
	Resource, Owner, Nonce string
	Expires                int64 `json:"expires_unix_ms"`
}

// records reads the records of commits on the arbiter, in one process.
func (w *world) records(oids func(func(string) bool)) map[string]held {
	w.t.Helper()
	var asked strings.Builder
	var order []string
	for oid := range oids {
		if strings.Trim(oid, "0") != "" {
			fmt.Fprintln(&asked, oid+":lock.json")
			order = append(order, oid)
		}
	}
	found := map[string]held{}
	out := w.arbiter.Run(asked.String(), "git", "cat-file", "--batch").Stdout
	for _, oid := range order {
		head, rest, _ := strings.Cut(out, "\n")
		parts := strings.Fields(head)
		if len(parts) != 3 {
			w.t.Fatalf("cat-file of %s: %s", oid, head)
		}
		size, _ := strconv.Atoi(parts[2])
		var r held
		if err := json.Unmarshal([]byte(rest[:size]), &r); err != nil {
			w.t.Fatal(err)
		}
		found[oid], out = r, rest[size+1:]
	}
	return found
}
