package git

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/adler32"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// signature is the author and committer of our commits. It is always given
// explicitly, with its date: inside hooks git exports somebody else's.
const signature = "git-grite <git-grite@localhost>"

// FileCommit is a commit without parents whose tree holds one file.
type FileCommit struct {
	Name    string // of the file
	Content []byte
	Message string
	Time    time.Time
}

// WriteCommit writes the three loose objects of c and returns the id of the
// commit. Git's own writers would cost three processes.
func (r *Repo) WriteCommit(ctx context.Context, c FileCommit) (OID, error) {
	sum, err := r.hash(ctx)
	if err != nil {
		return "", err
	}
	perm, err := r.sharedPerm(ctx)
	if err != nil {
		return "", err
	}
	w := objectWriter{dir: r.objectDir(), hash: sum, perm: perm}
	blob := w.write("blob", c.Content)
	raw, _ := hex.DecodeString(string(blob))
	tree := w.write("tree", append([]byte("100644 "+c.Name+"\x00"), raw...))
	commit := w.write("commit", fmt.Appendf(nil, "tree %s\nauthor %s %d +0000\ncommitter %s %[3]d +0000\n\n%[5]s\n",
		tree, signature, c.Time.Unix(), signature, c.Message))
	return commit, w.err
}

// objectWriter writes loose objects until the first error.
type objectWriter struct {
	dir  string
	hash func() hash.Hash
	perm int
	err  error
}

func (w *objectWriter) write(kind string, content []byte) OID {
	if w.err != nil {
		return ""
	}
	header := []byte(kind + " " + strconv.Itoa(len(content)) + "\x00")
	sum := w.hash()
	sum.Write(header)
	sum.Write(content)
	oid := hex.EncodeToString(sum.Sum(nil))

	w.err = w.store(oid, stored(append(header, content...)))
	return OID(oid)
}

// stored wraps content in the zlib format (RFC 1950) without compressing it: our
// objects are a few hundred bytes, and a compressor costs a millisecond to set
// up. Git compresses them when it packs them.
func stored(content []byte) []byte {
	const block = 0xffff // the longest stored block (RFC 1951)
	out := []byte{0x78, 0x01}
	sum := adler32.Checksum(content)
	for last := false; !last; {
		part := content[:min(len(content), block)]
		content = content[len(part):]
		last = len(content) == 0
		final := byte(0)
		if last {
			final = 1
		}
		n := uint16(len(part))
		out = append(out, final, byte(n), byte(n>>8), byte(^n), byte(^n>>8))
		out = append(out, part...)
	}
	return binary.BigEndian.AppendUint32(out, sum)
}

// store puts a loose object in its place the way git does: a temporary file
// that git's gc would clear away, read-only, renamed when complete.
func (w *objectWriter) store(oid string, packed []byte) (err error) {
	dir := filepath.Join(w.dir, oid[:2])
	path := filepath.Join(dir, oid[2:])
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.Mkdir(dir, 0o777); err == nil {
		share(dir, w.perm)
	} else if !os.IsExist(err) {
		return err
	}
	f, err := os.CreateTemp(dir, "tmp_obj_")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(packed); err != nil {
		f.Close()
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Chmod(f.Name(), 0o444); err != nil {
		return err
	}
	share(f.Name(), w.perm)
	return os.Rename(f.Name(), path)
}

func (r *Repo) objectDir() string {
	if dir := lookup(r.env, "GIT_OBJECT_DIRECTORY"); dir != "" {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(r.dir, dir)
		}
		return dir
	}
	return filepath.Join(r.CommonDir, "objects")
}

// hash returns the repository's hash function. extensions.objectFormat is read
// by git from the repository's own config file alone.
func (r *Repo) hash(ctx context.Context) (func() hash.Hash, error) {
	format := "sha1"
	if !r.config.odd {
		if f := r.config.value["extensions.objectformat"]; f != "" {
			format = f
		}
	} else {
		out, err := r.read(ctx, "rev-parse", "--show-object-format")
		if err != nil {
			return nil, err
		}
		format = string(bytes.TrimSpace(out))
	}
	switch format {
	case "sha1":
		return sha1.New, nil
	case "sha256":
		return sha256.New, nil
	}
	return nil, fmt.Errorf("this repository's object format %q is not known to git-grite", format)
}

// The values of core.sharedRepository, as mode bits; a negative value replaces
// the bits that the umask left (git-config(1)).
const (
	permUmask = 0
	permGroup = 0o660
	permAll   = 0o664
)

func (r *Repo) sharedPerm(ctx context.Context) (int, error) {
	if !r.mentions("sharedrepository") {
		return permUmask, nil
	}
	values, err := r.Config(ctx, `^core\.sharedrepository$`)
	if err != nil {
		return 0, err
	}
	switch v := values["core.sharedrepository"]; v {
	case "", "umask", "false", "0", "no", "off":
		return permUmask, nil
	case "group", "true", "1", "yes", "on":
		return permGroup, nil
	case "all", "world", "everybody", "2":
		return permAll, nil
	default:
		mode, err := strconv.ParseInt(v, 8, 32)
		if err != nil {
			return permUmask, nil // git will complain of it itself
		}
		return -int(mode & 0o666), nil
	}
}

// share applies core.sharedRepository to a file or directory that was just
// made, by the rule of git's calc_shared_perm (git 2.39, path.c). A file that
// cannot be shared is still a good file.
func share(path string, perm int) {
	if perm == permUmask {
		return
	}
	st, err := os.Stat(path)
	if err != nil {
		return
	}
	mode, tweak := int(st.Mode().Perm()), max(perm, -perm)
	if mode&0o200 == 0 {
		tweak &^= 0o222
	}
	if mode&0o100 != 0 {
		tweak |= tweak & 0o444 >> 2
	}
	if perm < 0 {
		mode = 0
	}
	bits := os.FileMode(mode | tweak)
	if st.IsDir() {
		bits |= os.ModeSetgid
	}
	_ = os.Chmod(path, bits)
}
