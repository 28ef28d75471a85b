package guard

import "slices"

// Changes are the paths that commits change. A merge is listed with what it changes
// against all of its parents, which has files too that git merged by itself.
type Changes struct {
	plain  map[string]bool
	merges map[string][]string // the merges that change a path
}

// Add adds a path that a commit changes.
func (c *Changes) Add(commit string, merge bool, path string) {
	if c.plain == nil {
		c.plain, c.merges = map[string]bool{}, map[string][]string{}
	}
	if merge {
		c.merges[path] = append(c.merges[path], commit)
	} else {
		c.plain[path] = true
	}
}

// Paths are all of them, in order.
func (c *Changes) Paths() []string {
	paths := make([]string, 0, len(c.plain)+len(c.merges))
	for path := range c.plain {
		paths = append(paths, path)
	}
	for path := range c.merges {
		if !c.plain[path] {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// Sift takes out of a verdict what git merged by itself: that is not the edit of
// the merge's author. edits is asked once for each merge of a path in the verdict
// which no other commit changes; where it cannot tell, known is false, and the
// author may have edited anything.
func (v *Verdict) Sift(c *Changes, edits func(merge string) (paths []string, known bool)) {
	of := map[string]func(path string) bool{}
	byHand := func(path string) bool {
		return c.plain[path] || slices.ContainsFunc(c.merges[path], func(merge string) bool {
			if of[merge] == nil {
				paths, known := edits(merge)
				edited := make(map[string]bool, len(paths))
				for _, p := range paths {
					edited[p] = true
				}
				of[merge] = func(path string) bool { return !known || edited[path] }
			}
			return of[merge](path)
		})
	}
	v.Collisions = slices.DeleteFunc(v.Collisions, func(c Collision) bool { return !byHand(c.Path) })
	v.Unheld = slices.DeleteFunc(v.Unheld, func(path string) bool { return !byHand(path) })
}
