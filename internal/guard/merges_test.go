package guard

import (
	"slices"
	"testing"
)

func TestSift(t *testing.T) {
	var c Changes
	c.Add("1", false, "plain")
	c.Add("m", true, "plain")
	c.Add("m", true, "edited")
	c.Add("m", true, "merged")
	c.Add("m", true, "late")
	c.Add("n", true, "late")
	if got := c.Paths(); !slices.Equal(got, []string{"edited", "late", "merged", "plain"}) {
		t.Error(got)
	}
	v := Verdict{Unheld: []string{"merged", "plain"}}
	for _, path := range c.Paths() {
		v.Collisions = append(v.Collisions, Collision{Path: path})
	}
	asked := map[string]int{}
	v.Sift(&c, func(merge string) ([]string, bool) {
		asked[merge]++
		return []string{"edited"}, merge == "m"
	})
	var left []string
	for _, c := range v.Collisions {
		left = append(left, c.Path)
	}
	if !slices.Equal(left, []string{"edited", "late", "plain"}) || !slices.Equal(v.Unheld, []string{"plain"}) || asked["m"] != 1 || asked["n"] != 1 {
		t.Errorf("left %q and %q, asked %v", left, v.Unheld, asked)
	}
}
