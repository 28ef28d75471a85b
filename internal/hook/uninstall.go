package hook

import "os"

// Uninstall removes our shims from a directory and puts back what they
// replaced. It touches only files with our marker, and those that we saved.
func Uninstall(dir, top string) ([]Change, error) {
	var changes []Change
	for _, s := range Inspect(dir, top) {
		did, err := s.uninstall()
		if err != nil {
			return changes, err
		}
		changes = append(changes, Change{Name: s.Name, Path: s.Path, Did: did, By: s.By})
	}
	return changes, nil
}

func (s Status) uninstall() (did string, err error) {
	mine := s.Moved
	if lookAt(s.ShimPath).shim {
		mine = append([]string{s.ShimPath}, mine...)
	}
	if len(mine) == 0 {
		switch {
		case s.State != Missing:
			return "not ours", nil
		case len(s.Saved) == 0:
			return "absent", nil
		}
		mine = []string{s.Path} // somebody removed our shim
	}
	// What was saved goes back to where ours is, whoever moved it there.
	at, rest := mine[0], mine[1:]
	saved := s.Saved
	if front := lookAt(s.Path); at != s.Path {
		kept := saved[:0:0]
		for _, old := range saved {
			if !supersedes(front, lookAt(old)) {
				kept = append(kept, old)
				continue
			}
			if err := os.Remove(old); err != nil {
				return "", err
			}
		}
		saved = kept
	}
	if len(saved) == 0 {
		return "removed", remove(mine)
	}
	last := saved[len(saved)-1]
	maker := makerOf(lookAt(last).text)
	if err := os.Rename(last, at); err != nil {
		return "", err
	}
	if err := remove(rest); err != nil {
		return "", err
	}
	if maker == nil || maker.suffix == "" || at != s.Path {
		return "restored", nil
	}
	// As that program would have left them: what it had set aside, or what it
	// would have found where ours was.
	for _, aside := range append([]string{last + maker.suffix}, saved[:len(saved)-1]...) {
		if err := setAside(aside, s.Path+maker.suffix); err != nil {
			return "", err
		}
	}
	return "restored", nil
}
