package git

import (
	"bytes"
	"context"
	"slices"
)

// Sign makes an armored signature over the bytes of a commit, which are those of
// its object without any signature header.
type Sign func(ctx context.Context, commit []byte) (armored []byte, err error)

// AddSignature puts an armored signature into a commit object, as its last
// header, where "git commit -S" puts it.
func AddSignature(commit, armored []byte) []byte {
	name := "gpgsig"
	if tree, _, _ := bytes.Cut(commit, []byte("\n")); len(tree) == len("tree ")+64 {
		name = "gpgsig-sha256" // by the hash function of the repository
	}
	end := bytes.Index(commit, []byte("\n\n")) + 1
	folded := bytes.ReplaceAll(bytes.TrimRight(armored, "\n"), []byte("\n"), []byte("\n "))
	return slices.Concat(commit[:end], []byte(name+" "), folded, []byte("\n"), commit[end:])
}
