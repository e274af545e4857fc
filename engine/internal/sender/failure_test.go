package sender_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/engine/signature"
)

// rawConn is a connection of a server that need not speak HTTP.
type rawConn struct {
	net.Conn
	reader *bufio.Reader
}

// readRequest reads a whole request, so that closing the connection does not reset it, and returns its text.
func (c *rawConn) readRequest() []byte {
	r, err := http.ReadRequest(c.reader)
	if err != nil {
		return nil
	}
	text, _ := httputil.DumpRequest(r, true)
	return text
}

// rawServer serves each connection with serve, which ends it. It returns its URL.
func rawServer(t *testing.T, serve func(*rawConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serve(&rawConn{conn, bufio.NewReader(conn)})
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return "http://" + ln.Addr().String()
}

// failure is a receiver that gives no proper answer.
type failure struct {
	name  string
	start func(*testing.T) (url string)
	want  string // part of the reason
}

// answering writes text, in which %s is the request.
func answering(text string) func(*testing.T) string {
	return func(t *testing.T) string {
		return rawServer(t, func(conn *rawConn) {
			request := conn.readRequest()
			_, _ = io.WriteString(conn, strings.ReplaceAll(text, "%s", string(request)))
		})
	}
}

var failures = []failure{
	{"no answer", func(t *testing.T) string {
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		t.Cleanup(server.Close)
		t.Cleanup(func() { close(release) })
		return server.URL
	}, "no answer within 100ms"},
	{"half a header", func(t *testing.T) string {
		release := make(chan struct{})
		url := rawServer(t, func(conn *rawConn) {
			conn.readRequest()
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Half")
			<-release
		})
		t.Cleanup(func() { close(release) })
		return url
	}, "no answer within 100ms"},
	{"refused", func(t *testing.T) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		return "http://" + ln.Addr().String()
	}, "connection refused"},
	{"reset", func(t *testing.T) string {
		return rawServer(t, func(conn *rawConn) {
			conn.readRequest()
			_ = conn.Conn.(*net.TCPConn).SetLinger(0)
		})
	}, "connection reset"},
	{"closed", answering(""), "the receiver closed the connection without an answer"},
	{"closed within the status", answering("HTTP/1.1 20"), "malformed HTTP status code"},
	{"closed within the header", answering("HTTP/1.1 200 OK\r\nX-Half"), "malformed MIME header"},
	{"no HTTP", answering("SSH-2.0-OpenSSH_9.6\r\n"), "malformed HTTP response"},
	{"echo", answering("%s"), "malformed HTTP"},
	{"echo as a status", answering("HTTP/1.1 %s"), "malformed HTTP"},
	{"echo as a header", answering("HTTP/1.1 200 OK\r\n%s\r\n"), "malformed MIME header"},
	{"echo as a length", answering("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n"), "Content-Length"},
	{"echo as an encoding", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n"), "unsupported transfer encoding"},
	{"two lengths", answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), "Content-Length"},
	{"a status of zeros", answering("HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n"), "an answer with the status 000"},
	{"HTTP where TLS is wanted", func(t *testing.T) string {
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		return "https" + strings.TrimPrefix(server.URL, "http")
	}, "does not look like a TLS handshake"},
	{"certificate of nobody", func(t *testing.T) string {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = silent
		server.StartTLS()
		t.Cleanup(server.Close)
		return server.URL
	}, "certificate"},
}

// The part "hidden" of a secret must not be in a reason, whatever the receiver does with the request.
func TestFailuresAreRetriedAndTheirReasonsHideSecrets(t *testing.T) {
	for _, tt := range failures {
		t.Run(tt.name, func(t *testing.T) {
			target := tt.start(t)
			w := webhook(t, strings.Replace(target, "://", "://hidden-user:hidden-pass@", 1)+"/hidden/path?key=hidden")
			w.Secrets, w.Signing = []sender.Secret{{Value: "hidden-secret"}}, signature.Schemes
			w.Headers = [][2]string{{"X-Api-Key", "hidden-value"}}
			w.Timeout = 100 * time.Millisecond
			if strings.HasPrefix(target, "https") || !strings.HasPrefix(tt.want, "no answer") {
				w.Timeout = 10 * time.Second
			}
			a := newSender(t, w).Send(t.Context(), newDelivery())
			if a.Outcome != delivery.Retry || a.Status != 0 {
				t.Errorf("%v with status %d, want retry without a status", a.Outcome, a.Status)
			}
			if !strings.Contains(a.Reason, tt.want) {
				t.Errorf("reason = %q, want %q in it", a.Reason, tt.want)
			}
			basic := base64.StdEncoding.EncodeToString([]byte("hidden-user:hidden-pass"))
			for _, secret := range []string{"hidden", basic} {
				if strings.Contains(a.Reason, secret) {
					t.Errorf("reason %q holds %q", a.Reason, secret)
				}
			}
			if strings.ContainsFunc(a.Reason, func(r rune) bool { return r < ' ' }) {
				t.Errorf("reason %q is not one line of text", a.Reason)
			}
		})
	}
}

func TestBrokenOffAttemptIsNoOutcomeOfTheReceiver(t *testing.T) {
	began := make(chan struct{})
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(began)
		<-release
	}))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	a := newSender(t, webhook(t, server.URL)).Send(ctx, newDelivery())
	if got, want := fmt.Sprint(a.Outcome, ": ", a.Reason), "retry: interrupted, since awf-hook is stopping"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !a.Free {
		t.Error("it is charged to the receiver")
	}
	if a.Took > 5*time.Second {
		t.Errorf("took %v, want the end at once", a.Took)
	}
}
