package manual

// About is what there is to say of a command beyond its line and its flags. Each
// command and group has one, which a test of cli makes sure of.
type About struct {
	Name     string // such as "lock acquire"; "" for git grite itself
	Purpose  string
	Defaults string // what holds where a flag is not given; for commands with flags
	Examples [2]Entry
	Exits    Codes
}

// Codes are the exit codes of a command, with what they mean for it. Those that
// each command has are added. It is no map, which each start of the program would
// have to fill.
type Codes [7]string

var abouts = [][]About{aboutLock, aboutIssue, aboutClone}

// Of is what there is to say of a command.
func Of(name string) About {
	for _, some := range abouts {
		for _, a := range some {
			if a.Name == name {
				return a
			}
		}
	}
	return About{}
}

// Names are the commands that something is said about.
func Names() (all []string) {
	for _, some := range abouts {
		for _, a := range some {
			all = append(all, a.Name)
		}
	}
	return all
}
