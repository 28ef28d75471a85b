// Package cbor reads and writes the part of CBOR (RFC 8949) that the issue log
// is made of: unsigned integers, byte strings, text, arrays and null, each in
// its one canonical form: the shortest head, a definite length, valid UTF-8. It
// does not know what the values mean.
package cbor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The major types, as they stand in the upper three bits of a head.
const (
	majorUint  = 0
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorTag   = 6
	majorOther = 7
)

const null = majorOther<<5 | 22

// AppendUint appends an unsigned integer.
func AppendUint(b []byte, n uint64) []byte { return appendHead(b, majorUint, n) }

// AppendBytes appends a byte string.
func AppendBytes(b, s []byte) []byte {
	return append(appendHead(b, majorBytes, uint64(len(s))), s...)
}

// AppendText appends a text string, which has to be valid UTF-8.
func AppendText(b []byte, s string) []byte {
	return append(appendHead(b, majorText, uint64(len(s))), s...)
}

// AppendArray appends the head of an array; its n items come after it.
func AppendArray(b []byte, n int) []byte { return appendHead(b, majorArray, uint64(n)) }

// AppendNull appends null.
func AppendNull(b []byte) []byte { return append(b, null) }

func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= 0xff:
		return append(b, major|24, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= 0xffffffff:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

// MaxDepth is how deep arrays, maps and tags may be nested in each other.
const MaxDepth = 16

var (
	errTruncated = errors.New("CBOR ends in the middle of a value")
	errLonger    = errors.New("CBOR number or length is not in its shortest form")
	errHead      = errors.New("CBOR has an indefinite length or a reserved head")
	errDepth     = fmt.Errorf("CBOR is nested deeper than %d", MaxDepth)
	errUTF8      = errors.New("CBOR text is not valid UTF-8")
	errRest      = errors.New("CBOR is followed by something else")
)

// Decoder reads values one after the other. After the first error every method
// returns the zero value and Err that error. What it returns points into the
// data that it reads, and nothing is allocated for a length before as many bytes
// are known to be there.
type Decoder struct {
	data []byte
	err  error
}

// NewDecoder reads from data.
func NewDecoder(data []byte) *Decoder { return &Decoder{data: data} }

// Err is the first error, nil when all went well so far.
func (d *Decoder) Err() error { return d.err }

// End returns the first error, or one when data is left.
func (d *Decoder) End() error {
	if len(d.data) > 0 {
		d.Fail(errRest)
	}
	return d.err
}

// Uint reads an unsigned integer.
func (d *Decoder) Uint() uint64 { return d.expect(majorUint, "an unsigned integer") }

// Bytes reads a byte string.
func (d *Decoder) Bytes() []byte { return d.take(d.expect(majorBytes, "a byte string")) }

// Text reads a text string.
func (d *Decoder) Text() string {
	s := d.take(d.expect(majorText, "a text string"))
	if !utf8.Valid(s) {
		d.Fail(errUTF8)
		return ""
	}
	return string(s)
}

// Array reads the head of an array and returns how many items follow, which is
// never more than there are bytes left.
func (d *Decoder) Array() int {
	n := d.expect(majorArray, "an array")
	if n > uint64(len(d.data)) {
		d.Fail(errTruncated)
		return 0
	}
	return int(n)
}

// Null reads null if that comes next, and reports whether it did.
func (d *Decoder) Null() bool {
	if d.err != nil || len(d.data) == 0 || d.data[0] != null {
		return false
	}
	d.data = d.data[1:]
	return true
}

// Raw reads one value of any kind, also of those that this package does not
// know, and returns it as it stands. It checks that the value is complete, of
// definite length and not nested too deep, not that it is canonical.
func (d *Decoder) Raw() []byte {
	start := d.data
	d.skip(0)
	if d.err != nil {
		return nil
	}
	return start[:len(start)-len(d.data)]
}

func (d *Decoder) skip(depth int) {
	if depth > MaxDepth {
		d.Fail(errDepth)
		return
	}
	major, n, _ := d.head()
	items := uint64(0)
	switch major {
	case majorBytes, majorText:
		d.take(n)
	case majorArray:
		items = n
	case majorMap:
		items = 2 * min(n, uint64(len(d.data))+1) // kept from overflowing
	case majorTag:
		items = 1
	}
	if items > uint64(len(d.data)) {
		d.Fail(errTruncated)
	}
	for ; items > 0 && d.err == nil; items-- {
		d.skip(depth + 1)
	}
}

func (d *Decoder) expect(major byte, what string) uint64 {
	got, n, shortest := d.head()
	switch {
	case d.err != nil:
		return 0
	case got != major:
		d.Fail(fmt.Errorf("CBOR has something else than %s", what))
		return 0
	case !shortest:
		d.Fail(errLonger)
		return 0
	}
	return n
}

// head reads a head: the major type and the number that goes with it.
func (d *Decoder) head() (major byte, n uint64, shortest bool) {
	if d.err != nil || len(d.data) == 0 {
		d.Fail(errTruncated)
		return 0, 0, false
	}
	major, info := d.data[0]>>5, d.data[0]&31
	d.data = d.data[1:]
	if info < 24 {
		return major, uint64(info), true
	}
	if info > 27 {
		d.Fail(errHead)
		return 0, 0, false
	}
	size := 1 << (info - 24)
	for _, b := range d.take(uint64(size)) {
		n = n<<8 | uint64(b)
	}
	least := uint64(24)
	if size > 1 {
		least = 1 << (4 * size)
	}
	return major, n, n >= least
}

func (d *Decoder) take(n uint64) []byte {
	if n > uint64(len(d.data)) {
		d.Fail(errTruncated)
	}
	if d.err != nil {
		return nil
	}
	out := d.data[:n:n]
	d.data = d.data[n:]
	return out
}

// Fail makes err the error unless there is one: what was read is not what the
// caller can use.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.data = nil
}
