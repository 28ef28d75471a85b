package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
)

// startUp compares doing nothing with doing nothing.
func (b *bench) startUp() {
	b.row("version", step{args: []string{"git-grite", "version"}}, step{args: []string{b.hello}}, "a Go hello-world; aim 1.6x")
}

// repo makes a repository with a number of tracked files and n locks of others,
// as loose refs and objects or all packed. Its like is made once and copied.
func (b *bench) repo(name string, files, n int, packed bool) string {
	dir := filepath.Join(b.work, name)
	template := filepath.Join(b.dir, fmt.Sprintf("template-%d-%d-%v", files, n, packed))
	if _, err := os.Stat(template); err != nil {
		b.make(template, files, n, packed)
	}
	b.do("", "cp", "-a", template, dir)
	b.do(dir, "git", "update-index", "-q", "--refresh")
	b.do(dir, "git-grite", "init", "--no-hooks", "-q")
	return dir
}

func (b *bench) make(dir string, files, n int, packed bool) {
	b.do("", "git", "init", "-q", dir)
	for i := range max(files, 1) {
		path := filepath.Join(dir, fmt.Sprintf("d%d", i%100), fmt.Sprintf("f%d", i))
		check(os.MkdirAll(filepath.Dir(path), 0o777))
		check(os.WriteFile(path, []byte(path), 0o666))
	}
	b.do(dir, "git", "add", ".")
	b.do(dir, "git", "commit", "-q", "-m", "files")
	var stream strings.Builder
	now := time.Now()
	for i := range n {
		resource := fmt.Sprintf("path:locked/d%d/f%d.go", i%100, i)
		text := fmt.Sprintf("{\n  \"owner\": \"%032x\",\n  \"nonce\": \"n%d\",\n  \"expires_unix_ms\": %d,\n  \"resource\": %q,\n  \"label\": \"somebody\"\n}", i%7+1, i, now.Add(24*time.Hour).UnixMilli(), resource)
		fmt.Fprintf(&stream, "commit %s\ncommitter git-grite <git-grite@localhost> %d +0000\ndata <<END\nLock: %s\nEND\nM 100644 inline lock.json\ndata %d\n%s\n",
			gittest.LockRef(resource), now.Unix(), resource, len(text), text)
	}
	b.run(&step{dir: dir, stdin: stream.String(), args: []string{"git", "-c", "fastimport.unpackLimit=1000000", "fast-import", "--quiet"}})
	if packed {
		b.do(dir, "git", "gc", "-q", "--prune=now")
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// locks measures the lock commands beside existing locks of others.
func (b *bench) locks() {
	for _, n := range []int{0, 10, 1000, 10000} {
		for _, packed := range []bool{false, true} {
			kind := "loose"
			if packed {
				kind = "packed"
			}
			name := func(verb string) string { return fmt.Sprintf("%s, %d locks %s", verb, n, kind) }
			if n == 0 && packed || !b.any(name("acquire"), name("renew"), name("release"), name("run true"), name("status"), name("memory of status")) {
				continue
			}
			dir := b.repo(fmt.Sprintf("locks-%d-%s", n, kind), 1, n, packed)
			grite := func(args ...string) step { return step{dir: dir, args: append([]string{"git-grite", "lock"}, args...)} }
			update := step{dir: dir, args: []string{"git", "update-ref", "refs/bench/x", "HEAD"},
				before: func() { b.do(dir, "git", "update-ref", "-d", "refs/bench/x") }}
			list := step{dir: dir, args: []string{"git", "for-each-ref", "--format=%(objectname) %(refname) %(symref)", "refs/grite/locks"}}
			release := func() { b.do(dir, "git-grite", "lock", "release", "--mine") }
			take := func() { b.do(dir, "git-grite", "lock", "acquire", "-r", "path:mine") }
			acquire := grite("acquire", "-r", "path:mine")
			acquire.before = release
			b.row(name("acquire"), acquire, update, "git update-ref; aim 3x")
			take()
			ttl := 0
			renew := step{dir: dir, args: []string{"sh", "-c", ""}}
			renew.before = func() {
				ttl++
				renew.args[2] = fmt.Sprintf("exec git-grite lock renew -r path:mine --ttl %ds", 3600+ttl)
			}
			b.row(name("renew"), renew, update, "git update-ref")
			let := grite("release", "-r", "path:mine")
			let.before = take
			b.row(name("release"), let, update, "git update-ref")
			release()
			b.row(name("run true"), grite("run", "path:mine", "--", "true"), both(dir), "acquire and release; aim 1.5x")
			b.row(name("status"), grite("status"), list, "git for-each-ref; aim 2x from the second time on")
			if n == 10000 {
				b.memory(name("memory of status"), grite("status", "--json"))
			}
		}
	}
}

// both takes and gives up a lock, which "lock run true" does in one command.
func both(dir string) step {
	return step{dir: dir, args: []string{"sh", "-c", "git-grite lock acquire -q path:mine && git-grite lock release -q path:mine"}}
}

// memory prints the peak memory of a command.
func (b *bench) memory(name string, s step) {
	if !b.selected(name) {
		return
	}
	cmd := b.command(s, b.env)
	check(cmd.Run())
	b.single(name, peak(cmd.ProcessState), "MiB at its peak; aim 30")
}

// index measures the question of which of 10,000 locks cover 100,000 paths.
func (b *bench) index() {
	const name = "index, 10,000 locks and 100,000 paths"
	if !b.selected(name) {
		return
	}
	var locks []lock.Lock
	for i := range 10000 {
		text := fmt.Sprintf([]string{"path:d%d/f%d.go", "path:d%d/s%d/", "path:d%d/s%d/**/*.go", "path:d%d/s%d/*.rs", "path:**/n%d-%d*.x"}[i%5], i%100, i)
		r, err := lock.ParseResource(text, "")
		check(err)
		locks = append(locks, lock.Lock{Resource: r})
	}
	paths := make([]string, 100000)
	for i := range paths {
		paths[i] = fmt.Sprintf("d%d/s%d/x%d/f%d.go", i%100, i%997, i%31, i)
	}
	var times []float64
	for range b.turns {
		began := time.Now()
		_, err := lock.NewIndex(locks, false).Covering(context.Background(), paths)
		check(err)
		times = append(times, time.Since(began).Seconds()*1000)
	}
	b.single(name, median(times), "aim 100 ms in one process")
}

// hooks measures whole commits and pushes in a repository of 10,000 files.
func (b *bench) hooks() {
	shell := func(program string) string {
		return "#!/bin/sh\nif command -v " + filepath.Base(program) + " >/dev/null 2>&1; then exec " + filepath.Base(program) + "; fi\n"
	}
	for _, hook := range []string{"pre-commit", "pre-push"} {
		verb := strings.TrimPrefix(hook, "pre-")
		rows := []struct {
			name      string
			ours      string
			locks     int
			base      string
			baseLocks int
			against   string
		}{
			{"empty sh hook", "sh", 0, "none", 0, "no hook"},
			{"sh and an empty Go program", "go", 0, "none", 0, "no hook"},
			{"sh, Go, diff-index, for-each-ref", "floor", 1000, "none", 0, "no hook"},
			{"ours with 0 locks", "ours", 0, "go", 0, "sh and an empty Go program; aim 1.4x"},
			{"ours with 1,000 locks", "ours", 1000, "floor", 1000, "sh, Go, diff-index, for-each-ref; aim 1.3x"},
		}
		texts := map[string]string{"none": "", "sh": "#!/bin/sh\n", "go": shell(b.empty), "floor": shell(b.floor), "ours": ""}
		steps := map[string]step{}
		hooked := func(kind string, n int) step {
			key := fmt.Sprintf("%s-%d", kind, n)
			if s, made := steps[key]; made {
				return s
			}
			dir := b.repo(verb+"-"+key, 10000, n, true)
			path := filepath.Join(dir, ".git/hooks", hook)
			check(os.MkdirAll(filepath.Dir(path), 0o777))
			switch {
			case kind == "ours":
				b.do(dir, "git-grite", "hooks", "install", "-q")
				other := map[string]string{"pre-commit": "pre-push", "pre-push": "pre-commit"}[hook]
				check(os.Remove(filepath.Join(dir, ".git/hooks", other)))
			case texts[kind] != "":
				check(os.WriteFile(path, []byte(texts[kind]), 0o755))
			}
			steps[key] = b.gitStep(verb, dir)
			return steps[key]
		}
		for _, row := range rows {
			if name := verb + ", " + row.name; b.selected(name) {
				b.row(name, hooked(row.ours, row.locks), hooked(row.base, row.baseLocks), row.against)
			}
		}
	}
}

// gitStep is a commit of three changed files, or a push of such a commit.
func (b *bench) gitStep(verb, dir string) step {
	turn := 0
	change := func() {
		turn++
		for i := range 3 {
			check(os.WriteFile(filepath.Join(dir, fmt.Sprintf("d%d/f%d", i, i)), []byte(fmt.Sprint(turn)), 0o666))
		}
		b.do(dir, "git", "add", "d0", "d1", "d2")
	}
	if verb == "commit" {
		return step{dir: dir, before: change, args: []string{"git", "commit", "-q", "-m", "x"}}
	}
	remote := dir + ".git"
	b.do("", "git", "clone", "-q", "--bare", dir, remote)
	b.do(dir, "git", "remote", "add", "origin", remote)
	b.do(dir, "git", "fetch", "-q")
	return step{dir: dir, args: []string{"git", "push", "-q", "origin", "HEAD:main"}, before: func() {
		change()
		b.do(dir, "git", "commit", "-q", "--no-verify", "-m", "x")
	}}
}
