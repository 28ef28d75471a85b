package direct

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"hash/adler32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Objects is the object directory of a repository.
type Objects struct {
	Dir  string
	Hash func() hash.Hash
	Mode Sharing
}

// maxVanished is how often a write is made again after git gc has removed its
// temporary file or its directory. Each gc can do that once per directory, and a
// loaded machine leaves it time to.
const maxVanished = 50

// Write writes a loose object and returns its id.
func (o *Objects) Write(kind string, content []byte) (OID, error) {
	object := append([]byte(kind+" "+strconv.Itoa(len(content))+"\x00"), content...)
	sum := o.Hash()
	sum.Write(object)
	oid := hex.EncodeToString(sum.Sum(nil))
	packed := stored(object)
	for try := 0; ; try++ {
		err := o.place(oid, packed)
		if !errors.Is(err, fs.ErrNotExist) || try == maxVanished {
			return OID(oid), err
		}
	}
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

// place puts an object where git looks for it, the way git does: a temporary
// file that gc would remove, read-only, renamed when complete. One that is there
// already is written again, so that gc does not take it for an old one.
func (o *Objects) place(oid string, packed []byte) (err error) {
	dir := filepath.Join(o.Dir, oid[:2])
	if err := os.Mkdir(dir, 0o777); err == nil {
		o.Mode.Apply(dir)
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
	_, err = f.Write(packed)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Chmod(f.Name(), 0o444); err != nil {
		return err
	}
	o.Mode.Apply(f.Name())
	path := filepath.Join(dir, oid[2:])
	if err = os.Rename(f.Name(), path); err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, statErr := os.Stat(path); statErr == nil { // Windows does not replace a read-only file
		os.Remove(f.Name())
		return nil
	}
	return err
}

// Sharing is core.sharedRepository as mode bits: 0 leaves what the umask left, a
// negative value replaces it (git-config(1)).
type Sharing int

// ParseSharing reads a value of core.sharedRepository. Git itself complains of
// one that it does not know.
func ParseSharing(value string) Sharing {
	switch value {
	case "group", "true", "1", "yes", "on":
		return 0o660
	case "all", "world", "everybody", "2":
		return 0o664
	}
	if mode, err := strconv.ParseInt(value, 8, 32); err == nil && mode > 2 {
		return -Sharing(mode & 0o666)
	}
	return 0
}

// Apply shares a file or directory that was just made, by the rule of git's
// calc_shared_perm (git 2.39, path.c). One that cannot be shared is still good.
func (s Sharing) Apply(path string) {
	st, err := os.Stat(path)
	if s == 0 || err != nil {
		return
	}
	mode, tweak := int(st.Mode().Perm()), int(max(s, -s))
	if mode&0o200 == 0 {
		tweak &^= 0o222
	}
	if st.IsDir() || mode&0o100 != 0 {
		tweak |= tweak & 0o444 >> 2
	}
	if s < 0 {
		mode = 0
	}
	bits := os.FileMode(mode | tweak)
	if st.IsDir() {
		bits |= os.ModeSetgid
	}
	_ = os.Chmod(path, bits)
}
