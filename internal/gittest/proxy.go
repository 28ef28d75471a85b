package gittest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
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

// FaultProxy stands in front of the server of the http transport.
type FaultProxy struct {
	// URL is what the upstream's becomes behind the proxy.
	URL string

	t        testing.TB
	upstream string          // scheme and host
	running  context.Context // until the test ends
	pending  sync.WaitGroup

	mu    sync.Mutex
	rule  Rule
	count map[Kind]int
	tally map[string]int
	held  []*held
}

// held is a request that waits to be forwarded.
type held struct{ release, done chan struct{} }

// Proxy starts a proxy in front of a URL of the http transport that passes
// everything, until On says otherwise. Each connection carries one request.
func Proxy(t testing.TB, upstream string) *FaultProxy {
	t.Helper()
	return proxy(t, upstream, false)
}

// KeepAliveProxy is Proxy with connections that carry several requests, as those
// of servers do. git's curl then sends a request again, by itself and at once,
// when a connection that has answered before ends without an answer: the push
// that DropRequest swallows comes once more, DropReply is followed by a second
// copy of what the server has applied, and Later by an early one.
func KeepAliveProxy(t testing.TB, upstream string) *FaultProxy {
	t.Helper()
	return proxy(t, upstream, true)
}

func proxy(t testing.TB, upstream string, keepAlive bool) *FaultProxy {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &FaultProxy{t: t, upstream: u.Scheme + "://" + u.Host, running: ctx, count: map[Kind]int{}, tally: map[string]int{}}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	srv.Config.SetKeepAlivesEnabled(keepAlive)
	srv.Start()
	p.URL = srv.URL + u.Path
	if at, ok := urls.Load(upstream); ok {
		serves(t, p.URL, at.(served).bare)
	}
	t.Cleanup(func() {
		cancel()
		srv.CloseClientConnections()
		srv.Close()
		p.pending.Wait()
	})
	return p
}

// On sets the rule, which is asked about every request from now on. nil passes
// everything.
func (p *FaultProxy) On(rule Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule, p.count = rule, map[Kind]int{}
}

// Count is how many requests of a kind have come since the last On.
func (p *FaultProxy) Count(kind Kind) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[kind]
}

// Tally is how many requests have met with each fault since the proxy started.
func (p *FaultProxy) Tally() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.tally)
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
	if fault.after {
		p.Release()
	}
	var got response
	if fault.now {
		got = p.forward(req, body)
	}
	if fault.twice {
		if again := p.forward(req, body); fault.second {
			got = again
		}
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
	case reset:
		p.reset(rw)
	case half:
		got.body = got.body[:len(got.body)/2]
		got.write(rw)
		_ = http.NewResponseController(rw).Flush() // else net/http would not begin
		panic(http.ErrAbortHandler)
	case short:
		got.body = got.body[:len(got.body)/2]
		got.write(rw)
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
	if fault.name != "" {
		p.tally[fault.name]++
	}
	if !fault.late {
		return fault, nil
	}
	h := &held{make(chan struct{}), make(chan struct{})}
	p.held = append(p.held, h)
	return fault, h
}

// reset ends a connection as a firewall does that has forgotten it.
func (p *FaultProxy) reset(rw http.ResponseWriter) {
	conn, _, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		p.t.Error(err)
		return
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
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
	var waited <-chan time.Time
	if fault.wait > 0 {
		waited = time.After(fault.wait)
	}
	select {
	case <-h.release:
	case <-fault.release: // for most nil, which never comes
	case <-waited:
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
