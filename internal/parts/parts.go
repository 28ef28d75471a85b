// Package parts divides the keys of locks among looks of which none has time for
// all of them: which part is next, and how large it had better be. It knows
// neither locks nor where they are kept.
package parts

import (
	"fmt"
	"strconv"
)

// Progress is how far the looks have come. Keys are taken for numbers by their
// first six digits.
type Progress struct {
	From  int  // where the next part begins
	Width int  // how many numbers it has
	Aim   int  // how many locks a part should bring
	Whole bool // all at once is tried first
	Lost  int  // how many looks in a row brought nothing
}

const (
	digits   = 6
	all      = 1 << (4 * digits)
	leastAim = 50
)

// Start is where looks begin. The first part is a small one and tells soon whether
// the remote is just slow.
var Start = Progress{Width: all / 16, Aim: 1000, Whole: true}

// Narrow follows a look at the whole or a part that did not fit although it had all
// of its time.
func (p *Progress) Narrow() {
	switch {
	case p.Whole:
	case p.Width > 1:
		p.Width, p.Aim = max(p.Width/4, 1), max(p.Aim/2, leastAim)
	default: // what others may have crowded there is left to the whole
		p.Next(0)
		return
	}
	p.Whole = false
	p.Lost++
}

// Next follows a part that brought some locks.
func (p *Progress) Next(brought int) {
	// Perhaps there never were too many, and the remote was slow for a while.
	p.Whole = p.From == 0 && brought < leastAim
	if p.From += p.Width; p.From >= all {
		*p = Start
		return
	}
	p.Width = min(max(p.Width*p.Aim/max(brought, 1), p.Width/4, 1), p.Width*16, all-p.From)
	p.Aim += p.Aim / 8
	p.Lost = 0
}

// Beginnings are what the keys of the part begin with.
func (p Progress) Beginnings() (list []string) {
	for from, end := p.From, p.From+p.Width; from < end; {
		n, size := digits, 1
		for n > 1 && from%(size*16) == 0 && from+size*16 <= end {
			n, size = n-1, size*16
		}
		list = append(list, fmt.Sprintf("%0*x", n, from/size))
		from += size
	}
	return list
}

// Has reports whether a key is in the part.
func (p Progress) Has(key string) bool {
	n, err := strconv.ParseUint(key[:min(len(key), digits)], 16, 64)
	return err == nil && int(n) >= p.From && int(n) < p.From+p.Width
}

// Done is how much of all is behind the looks, from 0 to 1.
func (p Progress) Done() float64 { return float64(p.From) / all }

// String is the form that Parse reads.
func (p Progress) String() string {
	return fmt.Sprintf("%d %d %d %v %d", p.From, p.Width, p.Aim, p.Whole, p.Lost)
}

// Parse returns Start for what is no Progress.
func Parse(text string) (p Progress) {
	n, _ := fmt.Sscan(text, &p.From, &p.Width, &p.Aim, &p.Whole, &p.Lost)
	if n != 5 || p.From < 0 || p.From > all || p.Width < 1 || p.Width > all-p.From || p.Aim < 1 || p.Aim > all {
		return Start
	}
	return p
}
