package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/cbor"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/wal"
)

// issues measures the tracker with 10,000 issues and 100,000 events, 1,000 of
// them in a commit.
func (b *bench) issues() {
	const first, kept, comment = "issue list, 10,000 issues, first", "issue list, 10,000 issues, again", "issue comment, 10,000 issues"
	if !b.any(first, kept, comment) {
		return
	}
	dir := b.repo("issues", 1, 0, false)
	b.log(dir)
	list := step{dir: dir, args: []string{"git-grite", "issue", "list", "-q"}}
	again := list
	list.before = func() { check(os.RemoveAll(filepath.Join(dir, ".git/grite/issues"))) }
	objects := step{dir: dir, args: []string{"git", "rev-list", "--objects", string(wal.Ref)}}
	b.row(first, list, objects, "git rev-list --objects; aim 300 ms")
	b.do(dir, again.args...)
	b.row(kept, again, step{args: []string{b.hello}}, "a Go hello-world; aim 30 ms")
	update := step{dir: dir, args: []string{"git", "update-ref", "refs/bench/x", "HEAD"},
		before: func() { b.do(dir, "git", "update-ref", "-d", "refs/bench/x") }}
	b.row(comment, step{dir: dir, args: []string{"git-grite", "issue", "comment", "0001", "--body", "One more", "-q"}}, update, "git update-ref")
}

// log appends the events of 10,000 issues, each with a comment or nine.
func (b *bench) log(dir string) {
	repo, err := git.Open(context.Background(), dir, b.env)
	check(err)
	l := &wal.Log{Repo: repo, Now: time.Now}
	text := func(b []byte, s string, words int) []byte {
		return cbor.AppendText(b, s+strings.Repeat(" word", words))
	}
	var events []wal.Event
	for i := range 100_000 {
		e := wal.Event{Issue: wal.IssueID{byte(i % 10_000 >> 8), byte(i % 10_000), 7}, Actor: wal.ActorID{1}, Time: uint64(1700000000000 + i), Kind: 3}
		if e.Payload = text(cbor.AppendArray(nil, 1), "comment", 12); i < 10_000 {
			e.Kind = 1
			e.Payload = text(text(cbor.AppendArray(nil, 3), fmt.Sprintf("Issue number %d", i), 3), "body", 40)
			e.Payload = text(cbor.AppendArray(e.Payload, 1), "todo", 0)
		}
		_, err := issue.Read(e)
		check(err)
		e.Seal()
		events = append(events, e)
	}
	_, err = l.Append(context.Background(), events, true)
	check(err)
	b.do(dir, "git", "repack", "-adq")
}
