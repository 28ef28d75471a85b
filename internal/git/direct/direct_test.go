package direct

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"errors"
	"maps"
	"math/rand/v2"
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
	for i := range 500 {
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
		refs := packedRefs(text, prefix)
		for _, ref := range refs {
			if name := string(ref.Name); !IsOID(string(ref.OID)) || !strings.HasPrefix(name, prefix) || strings.Contains(name, "\n") {
				t.Fatalf("%+v", ref)
			}
		}
		if !slices.IsSortedFunc(refs, byName) {
			t.Fatalf("%v is not in order", refs)
		}
	})
}

// TestPackedRefsInOrder compares what is found by searching in sorted lines with
// what reading all of them finds.
func TestPackedRefsInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	oid := strings.Repeat("5", 40)
	for range 300 {
		names := map[string]bool{}
		for range random.IntN(20) {
			parts := []string{"refs"}
			for range random.IntN(3) + 1 {
				parts = append(parts, []string{"a", "a-b", "a.b", "a0", "ab", "b"}[random.IntN(6)])
			}
			names[strings.Join(parts, "/")] = true
		}
		lines := ""
		for _, name := range slices.Sorted(maps.Keys(names)) {
			lines += oid + " " + name + "\n"
			if random.IntN(3) == 0 {
				lines += "^" + oid + "\n"
			}
		}
		for _, prefix := range []string{"refs", "refs/a", "refs/a/b", "refs/ab", "refs/b", "refs/b/b", "refs/0", "refs/z"} {
			want := packedRefs([]byte("# pack-refs with: peeled fully-peeled \n"+lines), prefix)
			got := packedRefs([]byte("# pack-refs with: peeled fully-peeled sorted \n"+lines), prefix)
			if !slices.Equal(got, want) {
				t.Fatalf("below %s: %v, want %v, of:\n%s", prefix, got, want, lines)
			}
		}
	}
}

// TestListMerges lists loose refs among packed ones, where they are newer.
func TestListMerges(t *testing.T) {
	dir := t.TempDir()
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	text := "# pack-refs with: peeled fully-peeled sorted \n" + one + " refs/x/b\n" + one + " refs/x/d\n"
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "refs/x"), 0o777), os.WriteFile(filepath.Join(dir, "packed-refs"), []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c", "e"} {
		if err := os.WriteFile(filepath.Join(dir, "refs/x", name), []byte(two+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	refs, err := (&Refs{Dir: dir}).List("refs/x")
	want := []Ref{{Name: "refs/x/a", OID: OID(two)}, {Name: "refs/x/b", OID: OID(two)}, {Name: "refs/x/c", OID: OID(two)}, {Name: "refs/x/d", OID: OID(one)}, {Name: "refs/x/e", OID: OID(two)}}
	if err != nil || !slices.Equal(refs, want) {
		t.Errorf("%v, error %v", refs, err)
	}
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
			return a.Key == b.Key && (a.Value == b.Value || strings.HasSuffix(a.Key, "sshcommand") || strings.HasSuffix(a.Key, ".hookspath") || strings.HasPrefix(a.Key, "hook."))
		}
		if !slices.EqualFunc(c, want, same) {
			t.Fatalf("%q: %q, git has %q", text, c, want)
		}
	})
}
