package gittest

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Transport is a way to reach a bare repository.
type Transport struct {
	Name  string
	serve func(t testing.TB, bare string) (url string, env []string)
}

// Transports are all that git has: path, file, daemon (git://), http (smart
// HTTP) and ssh.
func Transports(testing.TB) []Transport {
	return []Transport{
		{"path", func(_ testing.TB, bare string) (string, []string) { return bare, nil }},
		{"file", func(_ testing.TB, bare string) (string, []string) { return "file://" + bare, nil }},
		{"daemon", serveDaemon},
		{"http", serveHTTP},
		{"ssh", serveSSH},
	}
}

// Serve serves the bare repository, for reading and writing, on a free loopback
// port until the test ends. It returns the URL for git remote add and what the
// clients need in their environment. The server's own environment is hermetic.
func (tr Transport) Serve(t testing.TB, bare string) (url string, env []string) {
	t.Helper()
	url, env = tr.serve(t, bare)
	serves(t, url, bare)
	return url, env
}

func serveDaemon(t testing.TB, bare string) (string, []string) {
	t.Helper()
	addr := listen(t, Env(t), gitProgram(t, "git-daemon"), "--inetd", "--log-destination=none", "--informative-errors",
		"--export-all", "--enable=receive-pack", "--base-path="+filepath.Dir(bare), filepath.Dir(bare))
	return "git://" + addr + "/" + filepath.Base(bare), nil
}

func serveHTTP(t testing.TB, bare string) (string, []string) {
	t.Helper()
	env, errors := Env(t), serverLog(t)
	backend := &cgi.Handler{
		Path: gitProgram(t, "git-http-backend"), Root: "/", Stderr: errors, Logger: log.New(errors, "", 0),
		// A remote user may push without http.receivepack.
		Env: append(env, "GIT_PROJECT_ROOT="+filepath.Dir(bare), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester"),
	}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		// git sends more than http.postBuffer in chunks, which CGI has not.
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		req.Body, req.ContentLength, req.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		backend.ServeHTTP(rw, req)
	}))
	t.Cleanup(func() {
		// A hanging hook would hold up the server; a request may be about to start one.
		closed := make(chan struct{})
		go func() {
			srv.CloseClientConnections()
			srv.Close()
			close(closed)
		}()
		for {
			endAll(filepath.Dir(lookup(env, "HOME")))
			select {
			case <-closed:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return srv.URL + "/" + filepath.Base(bare), nil
}

// listen starts a program for each connection to a loopback port, with the
// connection as its standard input and output, as inetd does: so the port is
// free for certain and no server has to be waited for. It returns host:port.
func listen(t testing.TB, env []string, argv ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				if err := serveConn(ctx, conn, env, argv); err != nil && ctx.Err() == nil {
					t.Errorf("%s: %v", argv[0], err)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		cancel()
		wg.Wait()
	})
	return l.Addr().String()
}

func serveConn(ctx context.Context, conn net.Conn, env, argv []string) error {
	file, err := conn.(*net.TCPConn).File()
	conn.Close()
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout = env, file, file
	ownGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	if err := cmd.Start(); err != nil {
		return err
	}
	file.Close()   // or the client would not see the end of the program
	_ = cmd.Wait() // clients that give up make it fail
	return nil
}

// gitProgram is the path of a program that git keeps to itself.
func gitProgram(t testing.TB, name string) string {
	t.Helper()
	cmd := exec.Command("git", "--exec-path")
	cmd.Env = Scrub(os.Environ())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), name)
}

// serverLog is a file for what a server has to say, shown when the test fails.
func serverLog(t testing.TB) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		file.Close()
		if text, _ := os.ReadFile(file.Name()); t.Failed() && len(text) > 0 {
			t.Logf("the server's log:\n%s", text)
		}
	})
	return file
}
