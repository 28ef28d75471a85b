package direct

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWriteWhileGitPrunes takes the directories away that objects are written to,
// as git gc does with empty ones, over and over.
func TestWriteWhileGitPrunes(t *testing.T) {
	o := &Objects{Dir: t.TempDir(), Hash: sha1.New}
	stop, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				dirs, _ := filepath.Glob(filepath.Join(o.Dir, "??"))
				for _, dir := range dirs {
					_ = os.Remove(dir)
				}
			}
		}
	}()
	for i := range 2000 {
		if oid, err := o.Write("blob", []byte{byte(i), byte(i >> 8)}); err != nil {
			t.Fatal(err)
		} else if content, err := o.read(oid, "blob"); err != nil || len(content) != 2 {
			t.Fatalf("%q, error %v", content, err)
		} else {
			os.RemoveAll(filepath.Join(o.Dir, string(oid[:2]), string(oid[2:])))
		}
	}
	close(stop)
	<-ended
	o.Dir = filepath.Join(o.Dir, "missing")
	if _, err := o.Write("blob", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without an object directory: %v", err)
	}
}

// TestStoredBlocks reads what is written in more than one block.
func TestStoredBlocks(t *testing.T) {
	for _, size := range []int{0, 1, 0xffff, 0x10000, 200_000} {
		z, err := zlib.NewReader(bytes.NewReader(stored(make([]byte, size))))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := out.ReadFrom(z); err != nil || out.Len() != size {
			t.Errorf("%d bytes: read %d, error %v", size, out.Len(), err)
		}
	}
}

func TestSharing(t *testing.T) {
	for value, want := range map[string]Sharing{
		"": 0, "umask": 0, "false": 0, "0": 0, "group": 0o660, "true": 0o660, "1": 0o660, "all": 0o664, "world": 0o664, "2": 0o664,
		"0640": -0o640, "0600": -0o600, "junk": 0,
	} {
		if got := ParseSharing(value); got != want {
			t.Errorf("%q: %o, want %o", value, got, want)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	for value, want := range map[string][2]os.FileMode{
		"group": {0o440, os.ModeDir | os.ModeSetgid | 0o770}, "all": {0o444, os.ModeDir | os.ModeSetgid | 0o775},
		"0640": {0o440, os.ModeDir | os.ModeSetgid | 0o750}, "umask": {0o400, os.ModeDir | 0o700},
	} {
		sub := filepath.Join(dir, value)
		os.Remove(file)
		if err := errors.Join(os.WriteFile(file, nil, 0o400), os.Mkdir(sub, 0o700)); err != nil {
			t.Fatal(err)
		}
		ParseSharing(value).Apply(file)
		ParseSharing(value).Apply(sub)
		f, _ := os.Stat(file)
		d, _ := os.Stat(sub)
		if got := [2]os.FileMode{f.Mode(), d.Mode()}; got != want {
			t.Errorf("%s: %v, want %v", value, got, want)
		}
	}
}

// TestPackedOnce counts how often packed-refs is read.
func TestPackedOnce(t *testing.T) {
	dir := t.TempDir()
	write := func(oid string) {
		text := oid + " refs/x/a\n"
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "new"), []byte(text), 0o666), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "packed-refs"))); err != nil {
			t.Fatal(err)
		}
	}
	f := &Refs{Dir: dir}
	for _, oid := range []string{strings.Repeat("1", 40), strings.Repeat("2", 40)} {
		write(oid)
		for range 2 {
			refs, err := f.List("refs/x")
			if err != nil || len(refs) != 1 || string(refs[0].OID) != oid {
				t.Fatalf("%v, error %v", refs, err)
			}
		}
		before := &f.packed[0]
		if _, err := f.List("refs/x"); err != nil || before != &f.packed[0] {
			t.Errorf("packed-refs was read again, error %v", err)
		}
	}
}

func FuzzPackedRefs(f *testing.F) {
	f.Add([]byte("# pack-refs with: peeled fully-peeled sorted \n0123456789012345678901234567890123456789 refs/grite/locks/ab\n^0123456789012345678901234567890123456789\n"), "refs/grite/locks")
	f.Add([]byte("0123456789012345678901234567890123456789 refs/grite/locks\r\n"), "refs/grite/locks")
	f.Fuzz(func(t *testing.T, text []byte, prefix string) {
		if prefix == "" || strings.ContainsAny(prefix, "\n ") {
			return
		}
		refs := map[RefName]Ref{}
		packedRefs(text, prefix, refs)
		for name, ref := range refs {
			if name != ref.Name || !IsOID(string(ref.OID)) || !strings.HasPrefix(string(name), prefix) || strings.Contains(string(name), "\n") {
				t.Fatalf("%q %+v", name, ref)
			}
		}
	})
}

func FuzzLooseObject(f *testing.F) {
	f.Add([]byte("commit 5\x00tree "), true)
	f.Add([]byte("blob 99999999999\x00x"), true)
	f.Add([]byte("blob -1\x00x"), true)
	f.Add([]byte("tree 30\x00100644 f\x0001234567890123456789"), true)
	f.Add([]byte{0x78, 1}, false)
	f.Fuzz(func(t *testing.T, text []byte, compress bool) {
		if compress {
			var b bytes.Buffer
			w := zlib.NewWriter(&b)
			w.Write(text)
			w.Close()
			text = b.Bytes()
		}
		for _, kind := range []string{"commit", "tree", "blob"} {
			content, err := parseLoose(text, kind)
			if err != nil {
				continue
			}
			if len(content) > MaxObject {
				t.Fatalf("%d bytes", len(content))
			}
			if tree, err := CommitTree(content); err == nil && !IsOID(string(tree)) {
				t.Fatalf("tree %q", tree)
			}
			if blob, err := TreeEntry(content, "lock.json", 20); err == nil && !IsOID(string(blob)) {
				t.Fatalf("blob %q", blob)
			}
		}
	})
}

// FuzzConfig compares the plain configuration that is read here with git's reading
// of the same file.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"[remote \"o\"]\n\turl = x\n", "[core]\n\tbare = true\n[remote \"a b\"]\nurl=1\npushurl=2\n", "[remote \"o\"] url = x\n", "[remote.o]\nurl = x\n",
		"[REMOTE \"O\"]\nURL = x ; c\n", "\xef\xbb\xbf[remote \"o\"]\nurl=x\n", "[core]\r\nworktree = ../x\r\n[remote \"o\"]\r\nurl = y\r\n", "[core]\nbare\n",
		"[ core ]\nbare=true\n", "[core \"x\"]\nbare=true\n", "[remote \"o\"]\nurl = x \\\ny\n", "[remotes \"o\"]\nurl=x\n", "[remote \"o\"]\nurl =\n[core]\nworktree=\n",
		"[remote\"o\"]\nurl=x\n", "[remote \"o\" ]\nurl=x\n", "[url \"a\"]\ninsteadOf = b\tc\n", "[core]\nsharedRepository = 0660 # c\n", "[remote \"\"]\nurl=x\n",
		"url = x\n", "[core]\nworktree = a\u00a0\n", "[core]\n\fbare = true\n", "[alias]\nx = \"[core]\n", "[extensions]\n1x = y\n", "[core]\nbare == true\n",
	} {
		f.Add(text)
	}
	path := filepath.Join(f.TempDir(), "config")
	f.Fuzz(func(t *testing.T, text string) {
		var c Config
		if ok, _ := c.parse(text); !ok {
			return
		}
		path := path + strings.ReplaceAll(t.Name(), "/", "_")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "config", "-f", path, "-z", "--list", "--no-includes")
		cmd.Env = []string{"HOME=" + filepath.Dir(path), "GIT_CONFIG_NOSYSTEM=1", "PATH=" + os.Getenv("PATH")}
		out, err := cmd.Output()
		if err != nil {
			return // every git command dies of it
		}
		want := slices.DeleteFunc(ListedConfig(out), func(s Setting) bool {
			section, variable := s.Key[:strings.IndexByte(s.Key, '.')], s.Key[strings.LastIndexByte(s.Key, '.')+1:]
			variables, known := needed[section]
			return !known || variables != nil && !slices.Contains(variables, variable)
		})
		same := func(a, b Setting) bool {
			return a.Key == b.Key && (a.Value == b.Value || strings.HasSuffix(a.Key, "sshcommand"))
		}
		if !slices.EqualFunc(c, want, same) {
			t.Fatalf("%q: %q, git has %q", text, c, want)
		}
	})
}
