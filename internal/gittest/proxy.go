package gittest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"sync"
	"testing"
	"time"
)

// Kind is what a request of git's smart HTTP protocol is for.
type Kind string

// A git push makes one PushRefs and one Push; above http.postBuffer (1 MiB) a
// Push that only asks whether it may comes before. A git fetch makes one
// FetchRefs and, in protocol 2, one Fetch that lists refs and one per round of
// what it gets, none when it has everything.
const (
	PushRefs  Kind = "GET git-receive-pack"
	Push      Kind = "POST git-receive-pack"
	FetchRefs Kind = "GET git-upload-pack"
	Fetch     Kind = "POST git-upload-pack"
)

// KindOf is the kind of a request.
func KindOf(req *http.Request) Kind {
	service := path.Base(req.URL.Path)
	if req.Method == http.MethodGet {
		service = req.URL.Query().Get("service")
	}
	return Kind(req.Method + " " + service)
}

// Fault is what happens to one request.
type Fault struct {
	now, late bool            // is it forwarded at once; later, when released
	reply     reply           // what the client gets
	status    int             // for reply status
	release   <-chan struct{} // releases it, as Release does
}

type reply int

const (
	answer  reply = iota // the server's, of the first time it was forwarded
	cut                  // a connection closed without an answer
	silence              // nothing until the test ends or the client goes
	status               // a status of the proxy's own
)

// The faults. What is done later waits for FaultProxy.Release; what has not
// been released when the test ends is never forwarded.
var (
	Pass        = Fault{now: true}
	DropReply   = Fault{now: true, reply: cut}  // the server applies it, the client gets no answer
	DropRequest = Fault{reply: cut}             // neither
	Later       = Fault{late: true, reply: cut} // the client gets no answer, the server applies it later
	Duplicate   = Fault{now: true, late: true}  // as Pass, and once more later
	Hang        = Fault{reply: silence}         // the request is swallowed, the connection stays open
)

// Delay forwards the request when release is closed, or Release is called,
// also when its client has gone by then; a client that waits gets the answer.
func Delay(release <-chan struct{}) Fault { return Fault{late: true, release: release} }

// Status answers with an HTTP status and forwards nothing.
func Status(code int) Fault { return Fault{reply: status, status: code} }

// FaultProxy stands in front of the server of the http transport.
type FaultProxy struct {
	// URL is what the upstream's becomes behind the proxy.
	URL string

	t        testing.TB
	upstream string          // scheme and host
	running  context.Context // until the test ends
	pending  sync.WaitGroup

	mu    sync.Mutex
	rule  func(req *http.Request, n int) Fault
	count map[Kind]int
	held  []*held
}

// held is a request that waits to be forwarded.
type held struct{ release, done chan struct{} }

// Proxy starts a proxy in front of a URL of the http transport that passes
// everything, until On says otherwise. Each connection carries one request:
// where one carries several, curl repeats by itself what got no answer.
func Proxy(t testing.TB, upstream string) *FaultProxy {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &FaultProxy{t: t, upstream: u.Scheme + "://" + u.Host, running: ctx, count: map[Kind]int{}}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	srv.Config.SetKeepAlivesEnabled(false)
	srv.Start()
	p.URL = srv.URL + u.Path
	t.Cleanup(func() {
		cancel()
		srv.CloseClientConnections()
		srv.Close()
		p.pending.Wait()
	})
	return p
}

// On sets the rule, which is asked about every request from now on. n is the
// number of the request among those of its Kind since the last On, from 1. The
// rule must not call the proxy. nil passes everything.
func (p *FaultProxy) On(rule func(req *http.Request, n int) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule, p.count = rule, map[Kind]int{}
}

// Nth is the rule by which the nth request of a kind meets with fault and all
// others pass.
func Nth(kind Kind, nth int, fault Fault) func(*http.Request, int) Fault {
	return func(req *http.Request, n int) Fault {
		if KindOf(req) == kind && n == nth {
			return fault
		}
		return Pass
	}
}

// Count is how many requests of a kind have come since the last On.
func (p *FaultProxy) Count(kind Kind) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[kind]
}

// Arrived returns when n requests of a kind have come since the last On.
func (p *FaultProxy) Arrived(kind Kind, n int) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); p.Count(kind) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%d of %d requests %s have come", p.Count(kind), n, kind)
		}
	}
}

// Release forwards the requests that are held back now, one after the other in
// the order in which they came, each when the server has answered the one
// before. It returns when the last is answered, with how many they were.
func (p *FaultProxy) Release() int {
	p.mu.Lock()
	all := p.held
	p.held = nil
	p.mu.Unlock()
	for _, h := range all {
		close(h.release)
		<-h.done
	}
	return len(all)
}

func (p *FaultProxy) serve(rw http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body) // answers Expect, undoes chunks, leaves gzip
	if err != nil {
		return // the client has gone
	}
	fault, h := p.judge(req)
	var got response
	if fault.now {
		got = p.forward(req, body)
	}
	switch {
	case fault.late && (fault.now || fault.reply == cut):
		p.pending.Go(func() { p.forwardLate(h, fault, req, body) })
	case fault.late:
		got = p.forwardLate(h, fault, req, body)
	}
	switch fault.reply {
	case cut:
		panic(http.ErrAbortHandler) // closes the connection
	case silence:
		select {
		case <-p.running.Done():
		case <-req.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case status:
		if fault.status == http.StatusUnauthorized {
			rw.Header().Set("WWW-Authenticate", `Basic realm="gittest"`)
		}
		http.Error(rw, http.StatusText(fault.status), fault.status)
	case answer:
		got.write(rw)
	}
}

// judge counts a request, asks the rule, and notes what is held back.
func (p *FaultProxy) judge(req *http.Request) (Fault, *held) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := KindOf(req)
	p.count[kind]++
	fault := Pass
	if p.rule != nil {
		fault = p.rule(req, p.count[kind])
	}
	if !fault.late {
		return fault, nil
	}
	h := &held{make(chan struct{}), make(chan struct{})}
	p.held = append(p.held, h)
	return fault, h
}

// response is a server's whole answer; the zero response is none.
type response struct {
	code   int
	header http.Header
	body   []byte
}

func (r response) write(rw http.ResponseWriter) {
	if r.code == 0 {
		panic(http.ErrAbortHandler)
	}
	for name, values := range r.header {
		rw.Header()[name] = values
	}
	rw.WriteHeader(r.code)
	_, _ = rw.Write(r.body)
}

// forwardLate forwards a request when it is released.
func (p *FaultProxy) forwardLate(h *held, fault Fault, req *http.Request, body []byte) response {
	defer close(h.done)
	select {
	case <-h.release:
	case <-fault.release: // for most nil, which never comes
	case <-p.running.Done():
		return response{}
	}
	return p.forward(req, body)
}

// transport takes answers as they are and reaches loopback only.
var transport = &http.Transport{DisableCompression: true, DisableKeepAlives: true}

// forward sends a request to the server and reads the whole answer: when that
// ends, a push has been applied. A client that goes meanwhile changes nothing.
func (p *FaultProxy) forward(req *http.Request, body []byte) response {
	out, err := http.NewRequestWithContext(p.running, req.Method, p.upstream+req.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return response{}
	}
	out.Header = req.Header.Clone()
	out.Header.Del("Expect")
	out.Header.Del("Connection")
	in, err := transport.RoundTrip(out)
	if err != nil {
		return response{code: http.StatusBadGateway, body: fmt.Appendln(nil, err)}
	}
	defer in.Body.Close()
	got, err := io.ReadAll(in.Body)
	if err != nil {
		return response{} // the server was cut off
	}
	in.Header.Del("Connection")
	in.Header.Del("Content-Length")
	return response{in.StatusCode, in.Header, got}
}
