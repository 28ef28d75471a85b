package gittest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Fault is what happens to one request.
type Fault struct {
	name          string          // for Tally
	now, late     bool            // is it forwarded at once; later, when released
	twice, second bool            // once more at once; is the answer that of the second
	after         bool            // is what is held back forwarded first
	reply         reply           // what the client gets
	status        int             // for reply status
	release       <-chan struct{} // releases it, as Release does
	wait          time.Duration   // where not 0, releases it too
}

type reply int

const (
	answer  reply = iota // the server's, of the first time it was forwarded
	cut                  // a connection closed without an answer
	reset                // a connection reset without an answer
	half                 // half of the answer, then as cut
	short                // half of the answer, complete as HTTP has it
	silence              // nothing until the test ends or the client goes
	status               // a status of the proxy's own
)

// The faults. What is done later waits for FaultProxy.Release; what has not
// been released when the test ends is never forwarded.
var (
	Pass        = Fault{now: true}
	DropReply   = Fault{name: "dropped replies", now: true, reply: cut}                  // the server applies it, the client gets no answer
	DropRequest = Fault{name: "dropped requests", reply: cut}                            // neither
	Reset       = Fault{name: "resets", reply: reset}                                    // as DropRequest, with a TCP reset
	ResetReply  = Fault{name: "resets of replies", now: true, reply: reset}              // as DropReply, with a TCP reset
	HalfReply   = Fault{name: "halved replies", now: true, reply: half}                  // as DropReply, in the middle of the answer
	Later       = Fault{name: "late requests", late: true, reply: cut}                   // the client gets no answer, the server applies it later
	Duplicate   = Fault{name: "late copies", now: true, late: true}                      // as Pass, and once more later
	Double      = Fault{name: "doubled requests", now: true, twice: true}                // the server gets it twice, the client the first answer
	Repeat      = Fault{name: "repeated requests", now: true, twice: true, second: true} // the same, and the second answer
	ShortReply  = Fault{name: "shortened replies", now: true, reply: short}              // as HalfReply, as if that were the whole answer
	Hang        = Fault{name: "hangs", reply: silence}                                   // the request is swallowed, the connection stays open
)

// Delay forwards the request when release is closed, or Release is called,
// also when its client has gone by then; a client that waits gets the answer.
func Delay(release <-chan struct{}) Fault {
	return Fault{name: "delays", late: true, release: release}
}

// DelayFor is Delay for a while.
func DelayFor(d time.Duration) Fault { return Fault{name: "delays", late: true, wait: d} }

// Status answers with an HTTP status and forwards nothing.
func Status(code int) Fault {
	return Fault{name: fmt.Sprint("answers ", code), reply: status, status: code}
}

// StatusApplied forwards the request, and answers with a status all the same, as
// a gateway does that has lost patience.
func StatusApplied(code int) Fault {
	return Fault{name: fmt.Sprint("answers ", code, " to what is applied"), now: true, reply: status, status: code}
}

// AfterHeld is a fault before which all that is held back is forwarded.
func AfterHeld(f Fault) Fault {
	f.after = true
	return f
}

// Rule is asked about every request. n is its number among those of its Kind
// since the last On, from 1. A rule must not call the proxy.
type Rule func(req *http.Request, n int) Fault

// Nth is the rule by which the nth request of a kind meets with fault and all
// others pass.
func Nth(kind Kind, nth int, fault Fault) Rule {
	return func(req *http.Request, n int) Fault {
		if KindOf(req) == kind && n == nth {
			return fault
		}
		return Pass
	}
}

// Every is the rule by which every nth request, of whatever kind, meets with fault.
func Every(nth int, fault Fault) Rule {
	var all atomic.Int64
	return func(*http.Request, int) Fault {
		if all.Add(1)%int64(nth) == 0 {
			return fault
		}
		return Pass
	}
}

// Script is the rule by which the pushes meet with one fault each, in the order
// in which they come, and all other requests pass. The words are
//
//	pass drop dropreply reset resetreply half double repeat hang
//	keep            as Later: no answer, and forwarded when a push says release
//	copy            as Duplicate: passed, and once more when a push says release
//	delay=DURATION  forwarded after it
//	status=CODE     answered by the proxy; applied=CODE: after it was forwarded
//	release         what is kept is forwarded, then this passes; release-WORD: then WORD
func Script(t testing.TB, words string) Rule {
	t.Helper()
	var faults []Fault
	for _, word := range strings.Fields(words) {
		fault, err := parseFault(word)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, fault)
	}
	return func(req *http.Request, n int) Fault {
		if KindOf(req) != Push || n > len(faults) {
			return Pass
		}
		return faults[n-1]
	}
}

func parseFault(word string) (Fault, error) {
	if rest, ok := strings.CutPrefix(word, "release"); ok {
		f, err := parseFault(strings.TrimPrefix(rest, "-"))
		return AfterHeld(f), err
	}
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "delay":
		d, err := time.ParseDuration(value)
		return DelayFor(d), err
	case "status", "applied":
		code, err := strconv.Atoi(value)
		if name == "applied" {
			return StatusApplied(code), err
		}
		return Status(code), err
	}
	faults := map[string]Fault{"": Pass, "pass": Pass, "drop": DropRequest, "dropreply": DropReply, "reset": Reset, "resetreply": ResetReply,
		"half": HalfReply, "double": Double, "repeat": Repeat, "hang": Hang, "keep": Later, "copy": Duplicate}
	f, known := faults[word]
	if !known {
		return f, fmt.Errorf("there is no fault %q", word)
	}
	return f, nil
}

// Rate is the rule by which that share of all pushes and fetches, not of the
// requests that lead up to them, meets with one of the faults.
func Rate(share float64, seed uint64, faults ...Fault) Rule {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(req *http.Request, _ int) Fault {
		mu.Lock()
		defer mu.Unlock()
		if kind := KindOf(req); kind != Push && kind != Fetch || random.Float64() >= share {
			return Pass
		}
		return faults[random.IntN(len(faults))]
	}
}
