package receive

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/git-grite/git-grite/internal/lock"
)

// pins says which login was the first to push a record of an owner. The file has
// a line for each, "<owner as a quoted string> SP <login as one>". Lines are only
// ever added, each in one write, and the first of an owner counts, so that two
// pushes at a time need no lock.
type pins map[lock.Owner]string

func pinsPath(dir string) string { return filepath.Join(dir, "pins") }

func readPins(dir string) (pins, error) {
	p := pins{}
	text, err := os.ReadFile(pinsPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		quoted, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		owner, err1 := strconv.Unquote(quoted)
		login, err2 := strconv.Unquote(rest)
		if _, known := p[lock.Owner(owner)]; !known && err1 == nil && err2 == nil {
			p[lock.Owner(owner)] = login
		}
	}
	return p, nil
}

// add pins owners that have no pin yet to a login.
func (p pins) add(dir, login string, owners map[lock.Owner]bool) error {
	var lines strings.Builder
	for owner := range owners {
		if p[owner] == "" {
			lines.WriteString(strings.ReplaceAll(strconv.QuoteToASCII(string(owner)), " ", `\x20`) + " " + strconv.QuoteToASCII(login) + "\n")
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(pinsPath(dir), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(lines.String())
	return errors.Join(err, f.Close())
}
