package cbor

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// TestExamples are the examples of RFC 8949, appendix A, that are in the part
// of CBOR that is written here.
func TestExamples(t *testing.T) {
	for _, tt := range []struct {
		want string
		got  []byte
	}{
		{"00", AppendUint(nil, 0)},
		{"17", AppendUint(nil, 23)},
		{"1818", AppendUint(nil, 24)},
		{"18ff", AppendUint(nil, 255)},
		{"190100", AppendUint(nil, 256)},
		{"1903e8", AppendUint(nil, 1000)},
		{"1a000f4240", AppendUint(nil, 1000000)},
		{"1affffffff", AppendUint(nil, 1<<32-1)},
		{"1b0000000100000000", AppendUint(nil, 1<<32)},
		{"1bffffffffffffffff", AppendUint(nil, 18446744073709551615)},
		{"4401020304", AppendBytes(nil, []byte{1, 2, 3, 4})},
		{"6449455446", AppendText(nil, "IETF")},
		{"62c3bc", AppendText(nil, "ü")},
		{"80", AppendArray(nil, 0)},
		{"9818", AppendArray(nil, 24)},
		{"f6", AppendNull(nil)},
	} {
		if hex.EncodeToString(tt.got) != tt.want {
			t.Errorf("%x, not %s", tt.got, tt.want)
		}
	}
}

// TestRefused: what is not canonical, not complete or not what is asked for.
func TestRefused(t *testing.T) {
	uint := func(d *Decoder) { d.Uint() }
	str := func(d *Decoder) { d.Bytes() }
	text := func(d *Decoder) { d.Text() }
	array := func(d *Decoder) { d.Array() }
	raw := func(d *Decoder) { d.Raw() }
	for _, tt := range []struct {
		data string
		read func(*Decoder)
		want error
	}{
		{"", uint, errTruncated},
		{"19ff", uint, errTruncated},
		{"1817", uint, errLonger},
		{"1900ff", uint, errLonger},
		{"1a0000ffff", uint, errLonger},
		{"1b00000000ffffffff", uint, errLonger},
		{"5801aa", str, errLonger},
		{"1c", uint, errHead},
		{"5f4100ff", str, errHead},
		{"9fff", array, errHead},
		{"9fff", raw, errHead},
		{"5bffffffffffffffff", str, errTruncated},
		{"9bffffffffffffffff00", array, errTruncated},
		{"99010000", array, errTruncated},
		{"9bffffffffffffffff", raw, errTruncated},
		{"bb8000000000000000", raw, errTruncated},
		{"bbffffffffffffffff0000", raw, errTruncated},
		{"a100", raw, errTruncated},
		{"c0", raw, errTruncated},
		{"62c328", text, errUTF8},
		{"63eda080", text, errUTF8}, // half of a surrogate pair
		{strings.Repeat("81", MaxDepth+1) + "00", raw, errDepth},
		{strings.Repeat("c1", 1<<20), raw, errDepth},
	} {
		data, err := hex.DecodeString(tt.data)
		if err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(data)
		tt.read(d)
		if d.Err() != tt.want {
			t.Errorf("%.40s: %v, not %v", tt.data, d.Err(), tt.want)
		}
		if d.Uint() != 0 || d.Bytes() != nil || d.Text() != "" || d.Array() != 0 || d.Null() || d.Raw() != nil || d.End() != tt.want {
			t.Errorf("%.40s: goes on after the error", tt.data)
		}
	}
	for _, data := range []string{"00", "f6", "20", "40", "80", "fb3ff199999999999a"} {
		b, _ := hex.DecodeString(data)
		d := NewDecoder(b)
		if d.Text(); d.Err() == nil {
			t.Errorf("%s is taken for text", data)
		}
	}
}

// TestRaw: values of kinds that are not read here pass as they are.
func TestRaw(t *testing.T) {
	for _, data := range []string{
		"00", "20", "3903e7", "1817", "f4", "f818", "f93c00", "fb3ff199999999999a", "c074323031332d30332d32315432303a30343a30305a",
		"a26161016162820203", "830182020304", strings.Repeat("81", MaxDepth) + "00", "62c328",
	} {
		want, err := hex.DecodeString(data)
		if err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(append(bytes.Clone(want), 0xf6))
		if got := d.Raw(); !bytes.Equal(got, want) || !d.Null() || d.End() != nil {
			t.Errorf("%s: %x, %v", data, got, d.End())
		}
	}
}

// FuzzDecoder: what is read without an error is written as the same bytes.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{"870150000102030405060708090a0b0c0d0e0f1b0000018bcfe56800f60183645465737464426f64798263627567627030", "820061ff", "9b00000000ffffffff", "a100"} {
		data, _ := hex.DecodeString(seed)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := NewDecoder(data)
		raw := d.Raw()
		if d.Err() == nil && !bytes.HasPrefix(data, raw) {
			t.Fatalf("raw %x of %x", raw, data)
		}
		d = NewDecoder(raw)
		if written, known := rewrite(d, nil); known && d.End() == nil && !bytes.Equal(written, raw) {
			t.Fatalf("%x is written as %x", raw, written)
		}
	})
}

// rewrite reads a value and appends it again; known is false for the kinds that
// are not read here.
func rewrite(d *Decoder, out []byte) (written []byte, known bool) {
	if d.Null() {
		return AppendNull(out), true
	}
	if len(d.data) == 0 {
		return out, false
	}
	switch d.data[0] >> 5 {
	case majorUint:
		return AppendUint(out, d.Uint()), true
	case majorBytes:
		return AppendBytes(out, d.Bytes()), true
	case majorText:
		return AppendText(out, d.Text()), true
	case majorArray:
		n := d.Array()
		out = AppendArray(out, n)
		for known = true; n > 0 && known && d.err == nil; n-- {
			out, known = rewrite(d, out)
		}
		return out, known
	}
	return out, false
}
