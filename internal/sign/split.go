package sign

import (
	"bytes"
	"errors"
)

// ErrSignatures is a commit with more than one signature.
var ErrSignatures = errors.New("the commit has more than one signature")

// Git names the header by the hash function of the repository.
const (
	sigHeader1   = "gpgsig"
	sigHeader256 = "gpgsig-sha256"
)

// SplitSignature separates a commit object into the bytes that its signature is
// over and the armored signature, which is nil when there is none. A signature
// for the other hash function is dropped from the bytes, as git does, and is not
// returned. It returns ErrSignatures.
func SplitSignature(commit []byte) (signed, armored []byte, err error) {
	wanted := sigHeader1
	if tree, _, _ := bytes.Cut(commit, []byte("\n")); len(tree) == len("tree ")+64 {
		wanted = sigHeader256
	}
	header := ""
	for len(commit) > 0 && commit[0] != '\n' {
		line := commit
		if end := bytes.IndexByte(commit, '\n'); end >= 0 {
			line = commit[:end+1]
		}
		commit = commit[len(line):]
		value, folded := bytes.CutPrefix(line, []byte(" "))
		if !folded {
			var name []byte
			name, value, _ = bytes.Cut(line, []byte(" "))
			if header = string(name); header == wanted && armored != nil {
				return nil, nil, ErrSignatures
			}
		}
		switch header {
		case wanted:
			armored = append(armored, value...)
		case sigHeader1, sigHeader256:
		default:
			signed = append(signed, line...)
		}
	}
	return append(signed, commit...), armored, nil
}
