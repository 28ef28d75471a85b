package git

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LogCommit is one commit of a log: a ref whose commits each hold only what
// they add.
type LogCommit struct {
	Files   map[string][]byte // by path, with slashes
	Parent  OID               // "" for the first
	Author  string            // "Name <address>", of the committer too
	Message string
	Time    time.Time
}

// WriteLogCommit writes the loose objects of c and returns the id of the commit.
func (r *Repo) WriteLogCommit(ctx context.Context, c LogCommit) (OID, error) {
	write, err := r.writer(ctx)
	if err != nil {
		return "", err
	}
	tree, err := write.tree(c.Files)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("tree %s\n", tree)
	if c.Parent != "" {
		text += fmt.Sprintf("parent %s\n", c.Parent)
	}
	text += fmt.Sprintf("author %s %d +0000\ncommitter %[1]s %[2]d +0000\n\n%s\n", c.Author, c.Time.Unix(), c.Message)
	return write("commit", []byte(text))
}

// tree writes the files and their directories.
func (write objectWriter) tree(files map[string][]byte) (OID, error) {
	below := map[string]map[string][]byte{}
	var entries []string // "<mode> <name>", sorted as git sorts them
	for path := range files {
		if dir, rest, nested := strings.Cut(path, "/"); nested {
			if below[dir] == nil {
				below[dir] = map[string][]byte{}
				entries = append(entries, "40000 "+dir)
			}
			below[dir][rest] = files[path]
		} else {
			entries = append(entries, "100644 "+path)
		}
	}
	order := func(entry string) string {
		mode, name, _ := strings.Cut(entry, " ")
		if mode == "40000" {
			name += "/"
		}
		return name
	}
	slices.SortFunc(entries, func(a, b string) int { return strings.Compare(order(a), order(b)) })
	var content []byte
	for _, entry := range entries {
		mode, name, _ := strings.Cut(entry, " ")
		oid, err := OID(""), error(nil)
		if mode == "40000" {
			oid, err = write.tree(below[name])
		} else {
			oid, err = write("blob", files[name])
		}
		if err != nil {
			return "", err
		}
		raw, err := hex.DecodeString(string(oid))
		if err != nil {
			return "", fmt.Errorf("%q is no object id: %w", oid, err)
		}
		content = append(append(content, entry+"\x00"...), raw...)
	}
	return write("tree", content)
}

// Divergence counts the commits that only a, and that only b, has in its
// history. It returns *Error where one of them is not a commit or is incomplete.
func (r *Repo) Divergence(ctx context.Context, a, b OID) (onlyA, onlyB int, err error) {
	out, err := r.read(ctx, "--no-replace-objects", "rev-list", "--count", "--left-right", string(a)+"..."+string(b), "--")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(string(out), &onlyA, &onlyB)
	return onlyA, onlyB, err
}

// Lacks reports whether a commit among oids, each named once, is not here; nobody is asked for it.
func (r *Repo) Lacks(ctx context.Context, oids ...OID) bool {
	here, _, err := r.listCommits(ctx, lines("", oids), len(oids), "--no-walk", "--ignore-missing", "--missing=allow-any", "--stdin")
	return err != nil || len(here) < len(oids)
}

// LogFile is a file of a log.
type LogFile struct {
	OID  OID
	Path string // "" when it is not known
}

// Bounds on what is read of a log in one go.
const maxLogFiles = 1 << 20

// LogFiles lists the files whose names end in suffix that the histories of tips
// have and those of known have not, each once, newest first. Those of limit
// bytes or more are in large, without their paths and whatever their names. It
// returns *Error when a tip is not there; objects that are missing further down
// are left out.
func (r *Repo) LogFiles(ctx context.Context, tips, known []OID, suffix string, limit int) (files, large []LogFile, err error) {
	c := command{stdin: append(lines("", tips), lines("^", known)...), args: []string{"--no-replace-objects", "rev-list", "--objects", "--stdin", "--ignore-missing",
		"--missing=allow-any", "--filter=blob:limit=" + strconv.Itoa(limit), "--filter-print-omitted"}}
	err = r.stream(ctx, c, func(out *bufio.Reader) error {
		for {
			line, err := out.ReadString('\n')
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			oid, path, named := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			switch {
			case strings.HasPrefix(oid, "~"):
				large = append(large, LogFile{OID: OID(oid[1:])})
			case named && strings.HasSuffix(path, suffix):
				files = append(files, LogFile{OID: OID(oid), Path: path})
			}
			if len(files)+len(large) > maxLogFiles {
				return fmt.Errorf("a log of more than %d files", maxLogFiles)
			}
		}
	})
	return files, large, err
}

// ReadLogFiles calls see with the content of each file, in their order, or with
// the reason why there is none: it is missing, larger than limit bytes, or not a
// file. One git process reads all of them, and one more for each object that
// makes it die; one file is in memory at a time.
func (r *Repo) ReadLogFiles(ctx context.Context, files []LogFile, limit int, see func(LogFile, []byte, error)) error {
	for len(files) > 0 {
		done := 0
		err := r.catLogFiles(ctx, files, limit, func(f LogFile, content []byte, err error) {
			done++
			see(f, content, err)
		})
		var failed *Error
		if err != nil && (done == len(files) || !errors.As(err, &failed) || failed.ExitCode < 0) {
			return err
		}
		if err != nil {
			see(files[done], nil, fmt.Errorf("git cannot read it: %s", failed.Stderr))
			done++
		}
		files = files[done:]
	}
	return nil
}

func (r *Repo) catLogFiles(ctx context.Context, files []LogFile, limit int, see func(LogFile, []byte, error)) error {
	var in bytes.Buffer
	for _, f := range files {
		fmt.Fprintln(&in, f.OID)
	}
	c := command{stdin: in.Bytes(), args: []string{"--no-replace-objects", "cat-file", "--batch", "--buffer"}}
	return r.stream(ctx, c, func(out *bufio.Reader) error {
		for _, f := range files {
			a, err := readAnswer(out, false)
			if err != nil {
				return err
			}
			if a.kind == "" {
				see(f, nil, errors.New("its object is missing"))
				continue
			}
			if a.kind != "blob" || a.size > limit {
				if _, err := io.CopyN(io.Discard, out, int64(a.size)+1); err != nil {
					return err
				}
				see(f, nil, fmt.Errorf("it is a %s of %d bytes, not a file of at most %d", a.kind, a.size, limit))
				continue
			}
			content := make([]byte, a.size+1)
			if _, err := io.ReadFull(out, content); err != nil {
				return err
			}
			see(f, content[:a.size], nil)
		}
		return nil
	})
}

// stream runs a git command that changes nothing and hands its output to read as
// it comes. When read fails the command is stopped and that error returned,
// unless git itself has failed.
func (r *Repo) stream(ctx context.Context, c command, read func(*bufio.Reader) error) error {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.env = append(c.env, "GIT_NO_LAZY_FETCH=1") // damage must not reach for the network (git 2.44)
	cmd := r.prepare(ctx, c)
	cmd.Stdin = bytes.NewReader(c.stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = failure(ctx, c.args, cmd.Start(), "")
	}
	if err != nil {
		return err
	}
	readErr := read(bufio.NewReaderSize(out, 64<<10))
	stopped := readErr != nil && readErr != io.EOF && readErr != io.ErrUnexpectedEOF
	if stopped {
		cancel()
	}
	err = failure(outer, c.args, cmd.Wait(), stderr.String())
	if err == nil && readErr == nil {
		return outer.Err() // git may have written all of it before it was stopped
	}
	if err == nil || stopped && outer.Err() == nil || readErr == nil && errors.Is(err, exec.ErrWaitDelay) {
		return readErr
	}
	return err
}

// FetchRef makes the ref to in this clone what the ref from is on the remote,
// and reports whether there is one; if not, to is left alone. have are commits
// of its history that are here, so that only what came after them is sent. It
// changes nothing else, as Fetch, and returns *RemoteError.
func (m *Remote) FetchRef(ctx context.Context, from, to RefName, have []OID) (found bool, err error) {
	args := []string{"-c", "fetch.writeCommitGraph=false", "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
		"--no-recurse-submodules", "--no-filter", "--no-prune"}
	for _, oid := range have {
		args = append(args, "--negotiation-tip="+string(oid))
	}
	if len(have) == 0 {
		args = slices.Insert(args, 0, "-c", "fetch.negotiationAlgorithm=noop") // it shares no history with branches
	}
	_, err = m.ask(ctx, append(args, "--", m.target, "+"+string(from)+":"+string(to))...)
	var failed *Error
	if errors.As(err, &failed) && failed.ExitCode == 128 {
		// Git fails in the same way when the remote has no such ref.
		if there, askErr := m.Ref(ctx, from); askErr == nil && there == "" {
			return false, nil
		}
	}
	return err == nil, m.failed(err)
}
