// Package summed is the format of a cache: a file that consists of strings and
// numbers, with a sum, so that any damage makes it one that says nothing.
package summed

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/atomicfile"
)

// Read returns what stands behind the magic and a CRC-32, if that fits. It is one
// string, and all the strings in it are parts of it.
func Read(path, magic string) (text string, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	head := make([]byte, len(magic)+4)
	st, err := f.Stat()
	if _, readErr := io.ReadFull(f, head); err != nil || readErr != nil || string(head[:len(magic)]) != magic {
		return "", false
	}
	var body strings.Builder
	body.Grow(int(st.Size()))
	sum := crc32.NewIEEE()
	_, err = io.Copy(io.MultiWriter(&body, sum), f)
	return body.String(), err == nil && sum.Sum32() == binary.BigEndian.Uint32(head[len(magic):])
}

// Write replaces the file by a rename.
func Write(path, magic string, body []byte) error {
	text := slices.Concat([]byte(magic), binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)), body)
	return atomicfile.Write(path, text, 0o666)
}

// AppendString adds a string, with its length before it.
func AppendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Fields takes a body apart. Bad is set at the first thing that does not fit.
type Fields struct {
	Text string // what is left
	Bad  bool
}

// String reads a string.
func (f *Fields) String() string {
	n := f.Uint()
	if n > uint64(len(f.Text)) {
		f.Text, f.Bad = "", true
		return ""
	}
	s := f.Text[:n]
	f.Text = f.Text[n:]
	return s
}

// Int reads a number as binary.AppendVarint writes it.
func (f *Fields) Int() int64 {
	n := f.Uint()
	return int64(n>>1) ^ -int64(n&1)
}

// Uint reads a number as binary.AppendUvarint writes it.
func (f *Fields) Uint() (n uint64) {
	if f.Text != "" && f.Text[0] < 0x80 { // nearly always
		n, f.Text = uint64(f.Text[0]), f.Text[1:]
		return n
	}
	for i := 0; i < len(f.Text) && i < binary.MaxVarintLen64; i++ {
		n |= uint64(f.Text[i]&0x7f) << (7 * i)
		if f.Text[i] < 0x80 {
			f.Text = f.Text[i+1:]
			return n
		}
	}
	f.Text, f.Bad = "", true
	return 0
}
