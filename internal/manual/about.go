package manual

import "slices"

// About is what there is to say of a command beyond its line and its flags. Each
// command and group has one, by its words, such as "lock acquire"; a test of cli
// makes sure of that.
type About struct {
	Purpose  string
	Defaults string // what holds where a flag is not given; for commands with flags
	Examples [2]Entry
	Exits    Codes
}

// Codes are the exit codes of a command, with what they mean for it. Those that
// each command has are added.
type Codes map[int]string

var abouts = []map[string]About{aboutLock, aboutIssue, aboutClone}

// Of is the About of a command by its words; that of git grite itself is "".
func Of(name string) About {
	for _, some := range abouts {
		if a, ok := some[name]; ok {
			return a
		}
	}
	return About{}
}

// Names are the commands that something is said about, sorted.
func Names() (all []string) {
	for _, some := range abouts {
		for name := range some {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}
