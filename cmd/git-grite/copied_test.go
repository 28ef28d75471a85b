package main

import (
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestCopiesExclude: of two copies of one clone never both are granted, no matter which
// of their processes comes first; those of the new copy find out together that it
// is one.
func TestCopiesExclude(t *testing.T) {
	t.Parallel()
	const processes = 8
	_, alice, _ := pair(t)
	grite(t, alice, "lock", "acquire", "issue:mine")
	clones := []*gittest.Repo{alice, alice.Copy()}
	grants := [2]int{}
	for round := range rounds(50) {
		var codes [2][processes]int
		var fs []func()
		for i, r := range clones {
			for p := range processes {
				fs = append(fs, func() {
					res := r.Run("", "git-grite", "lock", "acquire", "-r", "path:src/a.go")
					if codes[i][p] = res.Code; res.Code != 0 && res.Code != 4 {
						t.Errorf("exit %d: %s", res.Code, res.Stderr)
					}
				})
			}
		}
		together(fs...)
		var granted [2]int
		for i := range clones {
			for _, code := range codes[i] {
				if code == 0 {
					granted[i]++
				}
			}
			if granted[i] > 0 {
				grants[i]++
				grite(t, clones[i], "lock", "release", "path:src/a.go")
			}
		}
		if granted[0] > 0 && granted[1] > 0 {
			t.Fatalf("round %d: %d processes of the clone and %d of its copy hold the same path", round, granted[0], granted[1])
		}
	}
	t.Logf("grants: %v", grants)
	try(t, clones[1], "lock", "acquire", "issue:mine").exits(4)
	try(t, alice, "lock", "renew", "-r", "issue:mine").exits(0)
}
