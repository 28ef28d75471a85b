// Package guard judges whether paths may be committed or pushed while others
// hold locks on them. It is pure: where paths and locks come from, and how the
// verdict is worded, is up to the caller.
package guard

import "fmt"

// Policy is what a collision with another owner's lock leads to.
type Policy string

// The policies.
const (
	Off     Policy = "off"     // nothing is reported
	Warn    Policy = "warn"    // it is reported
	Require Policy = "require" // it is reported and stops the commit or push
)

// ParsePolicy reads a policy. The error names the allowed values.
func ParsePolicy(s string) (Policy, error) {
	switch p := Policy(s); p {
	case Off, Warn, Require:
		return p, nil
	}
	return "", fmt.Errorf("%q is not a lock policy; allowed are \"off\", \"warn\" and \"require\"", s)
}
