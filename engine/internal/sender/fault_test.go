package sender_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/sender"
)

// The results of a delivery with at most three attempts.
const (
	isDelivered = "delivered"
	isDead      = "dead"
	isFree      = "waits, uncharged"
)

// faultRow is a row of the table: what the receiver does, and the result.
type faultRow struct {
	name     string
	serve    func(*peer)
	tune     func(*sender.Webhook) // changes the webhook
	want     string
	attempts int           // attempts of one delivery
	requests int           // requests that reach the receiver whole, for each delivery; -1: none or some
	reason   string        // part of the last attempt's reason
	rest     time.Duration // pause that the first attempt's answer asks for
	spare    bool          // one more attempt is allowed: the receiver's end of a kept connection races with our next request
}

// short is for faults that only a deadline ends.
func short(w *sender.Webhook) { w.Timeout = 150 * time.Millisecond }

// plainFaults are the faults of HTTP/1.1 without TLS.
func plainFaults(*testing.T) []faultRow {
	return []faultRow{
		{name: "good", serve: answerAll("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), want: isDelivered, attempts: 1, requests: 1,
			reason: "200 OK"},
		{name: "refused", tune: func(w *sender.Webhook) { w.URL.Host = closedPort() }, want: isDead, attempts: 3, reason: ": connection refused"},
		{name: "reset at once", serve: (*peer).reset, want: isDead, attempts: 3, requests: -1, reason: "connection reset"},
		{name: "reset before the header", serve: func(p *peer) { p.read(); p.reset() }, want: isDead, attempts: 3, requests: 3,
			reason: ": connection reset by peer"},
		{name: "reset within the header", serve: func(p *peer) { p.read(); p.write("HTTP/1.1 200 OK\r\nX-A: b\r\n"); pause(); p.reset() },
			want: isDead, attempts: 3, requests: 3, reason: "the receiver closed the connection without an answer"},
		{name: "reset within the body", serve: func(p *peer) {
			p.read()
			p.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
			pause()
			p.reset()
		}, want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "reset within a failure's body", serve: func(p *peer) {
			p.read()
			p.write("HTTP/1.1 503 X\r\nContent-Length: 100\r\n\r\nhalf")
			pause()
			p.reset()
		}, want: isDead, attempts: 3, requests: 3, reason: "503 Service Unavailable"},
		{name: "closed before the header", serve: func(p *peer) { p.read() }, want: isDead, attempts: 3, requests: 3,
			reason: "the receiver closed the connection without an answer"},
		{name: "closed within the header", serve: func(p *peer) { p.read(); p.write("HTTP/1.1 200 OK\r\nX-Half: ") }, want: isDead, attempts: 3,
			requests: 3, reason: "the receiver closed the connection without an answer"},
		{name: "black hole", serve: (*peer).hang, tune: short, want: isDead, attempts: 3, requests: -1, reason: "no answer within 150ms"},
		{name: "first byte too late", serve: (*peer).hang, tune: func(w *sender.Webhook) { w.Timeout = 100 * time.Millisecond },
			want: isDead, attempts: 3, requests: -1, reason: "no answer within 100ms"},
		{name: "a header by the byte", serve: func(p *peer) { p.read(); p.drip("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 1<<10)) },
			tune: short, want: isDead, attempts: 3, requests: 3, reason: "no answer within 150ms"},
		{name: "a body by the byte", serve: func(p *peer) {
			p.read()
			p.write("HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n")
			p.drip(strings.Repeat("x", 1<<10))
		}, tune: short, want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "100 MB of body", serve: func(p *peer) {
			p.read()
			p.write("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
			p.flood(100)
		}, want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "a body without an end", serve: func(p *peer) { p.read(); p.write("HTTP/1.1 500 X\r\n\r\n"); p.flood(1 << 20) }, want: isDead,
			attempts: 3, requests: 3, reason: "500 Internal Server Error"},
		{name: "gzip bomb", serve: func(p *peer) {
			p.read()
			p.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(bomb), bomb)
		}, want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "gzip that is none", serve: answerAll("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"),
			want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "endless 1xx", serve: func(p *peer) {
			p.read()
			for err := error(nil); err == nil; {
				_, err = p.Write([]byte("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"))
			}
		}, want: isDead, attempts: 3, requests: 3, reason: "server response headers exceeded 65536 bytes"},
		{name: "1xx by the second", serve: func(p *peer) {
			p.read()
			for err := error(nil); err == nil; pause() {
				_, err = p.Write([]byte("HTTP/1.1 102 Processing\r\n\r\n"))
			}
		}, tune: short, want: isDead, attempts: 3, requests: 3, reason: "no answer within 150ms"},
		{name: "a huge header", serve: func(p *peer) { p.read(); p.write("HTTP/1.1 200 OK\r\nX-Huge: "); p.flood(100) }, want: isDead,
			attempts: 3, requests: 3, reason: "server response headers exceeded 65536 bytes"},
		{name: "many headers", serve: func(p *peer) {
			p.read()
			p.write("HTTP/1.1 200 OK\r\n")
			for err := error(nil); err == nil; {
				_, err = p.Write([]byte("X-Many: 1\r\n"))
			}
		}, want: isDead, attempts: 3, requests: 3, reason: "server response headers exceeded 65536 bytes"},
		{name: "bad status line", serve: answerAll("HTTP/1.1 yes fine\r\n\r\n"), want: isDead, attempts: 3, requests: 3,
			reason: "malformed HTTP status code"},
		{name: "no HTTP", serve: answerAll("220 mail.example ESMTP\r\n"), want: isDead, attempts: 3, requests: 3, reason: "malformed HTTP"},
		{name: "switching protocols", serve: answerAll("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
			want: isDead, attempts: 3, requests: 3, reason: "101 Switching Protocols"},
		{name: "a status beyond HTTP", serve: answerAll("HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n"), want: isDead, attempts: 3, requests: 3,
			reason: "999"},
		{name: "kept connection that is closed", serve: func(p *peer) { p.read(); p.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") },
			want: isDelivered, attempts: 1, requests: 1, reason: "200 OK", spare: true},
		{name: "kept connection that is reset",
			serve: func(p *peer) { p.read(); p.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); pause(); p.reset() },
			want:  isDelivered, attempts: 1, requests: 1, reason: "200 OK", spare: true},
		{name: "a length that is too long", serve: func(p *peer) { p.read(); p.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort") },
			want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "a length that is too short",
			serve: func(p *peer) { p.read(); p.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more") },
			want:  isDelivered, attempts: 1, requests: 1, reason: "200 OK", spare: true},
		{name: "a length that is none", serve: answerAll("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), want: isDead, attempts: 3,
			requests: 3, reason: "bad Content-Length"},
		{name: "chunks that are none", serve: func(p *peer) { p.read(); p.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") },
			want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "redirect to itself", serve: answerAll("HTTP/1.1 307 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), want: isDead, attempts: 1,
			requests: 1, reason: "307 Temporary Redirect, to 127.0.0.1"},
		{name: "gone", serve: answerAll("HTTP/1.1 410 X\r\nContent-Length: 0\r\n\r\n"), want: isDead, attempts: 1, requests: 1,
			reason: "410 Gone"},
		{name: "an early refusal", serve: func(p *peer) {
			_, _ = p.from.ReadByte()
			p.write("HTTP/1.1 413 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			p.hang()
		}, want: isDead, attempts: 1, requests: -1, reason: "413 Request Entity Too Large"},
		{name: "clocks apart", serve: answerAll("HTTP/1.1 401 X\r\nDate: Tue, 24 Nov 2020 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"),
			want: isFree, attempts: 3, requests: 3, reason: "401 Unauthorized: this machine's clock is"},
		{name: "the proxy is down", tune: func(w *sender.Webhook) { w.Proxy = &url.URL{Scheme: "http", Host: closedPort()} }, want: isFree,
			attempts: 3, reason: ": connection refused"},
		{name: "503, then good", serve: failFirst("HTTP/1.1 503 X\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"), want: isDelivered,
			attempts: 2, requests: 2, reason: "200 OK", rest: 2 * time.Minute},
		{name: "reset, then good", serve: failFirst(""), want: isDelivered, attempts: 2, requests: 2, reason: "200 OK"},
	}
}

// limited are all kinds of 429, each followed by a 200.
func limited(*testing.T) []faultRow {
	var rows []faultRow
	for _, tt := range rests {
		text := "HTTP/1.1 429 X\r\n"
		for name, values := range tt.header {
			for _, value := range values {
				text += name + ": " + value + "\r\n"
			}
		}
		if date := tt.header.Get("Date"); len(date) < 20 {
			continue // a pause relative to our own clock is not exact here
		}
		text += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(tt.body), tt.body)
		rows = append(rows, faultRow{name: "429, " + tt.name, serve: failFirst(text), want: isDelivered, attempts: 2, requests: 2,
			reason: "200 OK", rest: tt.want})
	}
	return rows
}

// echoes send the request back, whole and in the forms that its parts take.
func echoes(*testing.T) []faultRow {
	var rows []faultRow
	for name, form := range map[string]func(string) string{
		"as it is":   func(s string) string { return s },
		"query":      url.QueryEscape,
		"path":       url.PathEscape,
		"HTML":       html.EscapeString,
		"JSON":       func(s string) string { b, _ := json.Marshal(s); return string(b) },
		"hex":        func(s string) string { return hex.EncodeToString([]byte(s)) },
		"base64":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"upper case": strings.ToUpper,
		"lower case": strings.ToLower,
	} {
		rows = append(rows, faultRow{name: "echo, " + name, want: isDead, attempts: 1, requests: 1, reason: "400 Bad Request",
			serve: func(p *peer) {
				for p.read() {
					text := form(string(p.text))
					for _, secret := range allHidden {
						text = form(secret) + "\n" + text
					}
					p.write("HTTP/1.1 400 %s\r\nX-Echo: %s\r\nContent-Length: %d\r\n\r\n%s", hiddenPath, hiddenHeader, len(text), text)
				}
			}})
	}
	for name, text := range map[string]string{
		"status":            "HTTP/1.1 %s",
		"status line":       "%s",
		"header":            "HTTP/1.1 200 OK\r\n%s\r\n",
		"length":            "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"version":           "HTTP/%s 200 OK\r\n\r\n",
	} {
		rows = append(rows, faultRow{name: "echo as " + name, want: isDead, attempts: 3, requests: 3, serve: func(p *peer) {
			p.read()
			p.write(text, hiddenHeader)
		}})
	}
	return append(rows,
		faultRow{name: "echo as a redirect", want: isDead, attempts: 1, requests: 1, reason: "302 Found, to <secret>.example",
			serve: func(p *peer) {
				for p.read() {
					p.write("HTTP/1.1 302 X\r\nLocation: https://%s.example/%s\r\nContent-Length: 0\r\n\r\n", hiddenHeader, hiddenPath)
				}
			}})
}

// named are faults of the host's name.
func named(t *testing.T) []faultRow {
	server := func(addr string, code byte) func(*sender.Webhook) {
		ip, _ := netip.ParseAddr(addr)
		resolver := nameServer(t, func(int64) (netip.Addr, byte) { return ip, code })
		return func(w *sender.Webhook) {
			w.Resolver = resolver
			w.URL.Host = net.JoinHostPort("receiver.example", w.URL.Port())
		}
	}
	silent := func(w *sender.Webhook) {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		w.URL.Host, w.Timeout = "receiver.example", 150*time.Millisecond
		w.Resolver = resolverAt(conn.LocalAddr().String())
	}
	nobody := func(w *sender.Webhook) {
		w.URL.Host, w.Resolver = "receiver.example", resolverAt(closedPort())
	}
	good := answerAll("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	return []faultRow{
		{name: "a name that is good", serve: good, tune: server("127.0.0.1", 0), want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "no such name", tune: server("", 3), want: isDead, attempts: 3, reason: "receiver.example: no such host"},
		{name: "a name without an address", tune: server("", 0), want: isDead, attempts: 3, reason: "receiver.example: no such host"},
		{name: "a name server that fails", tune: server("", 2), want: isDead, attempts: 3,
			reason: "receiver.example: the name servers gave no proper answer"},
		{name: "a name server that is silent", tune: silent, want: isDead, attempts: 3, reason: "the host's name was not resolved within 150ms"},
		{name: "no name server", tune: nobody, want: isFree, attempts: 3, reason: "no name server can be reached"},
		{name: "a name that leads to metadata", tune: server("169.254.169.254", 0), want: isDead, attempts: 3,
			reason: "169.254.169.254 is refused: a link-local address"},
	}
}

// secured are faults of TLS and HTTP/2.
func secured(t *testing.T) []faultRow {
	ca := newAuthority(t)
	over := func(config *tls.Config, serve func(*peer)) func(*peer) {
		return func(p *peer) {
			conn := tls.Server(p.Conn, config)
			if conn.Handshake() == nil {
				serve(&peer{Conn: conn, from: newReader(conn), of: p.of})
			}
		}
	}
	https := func(w *sender.Webhook) { w.URL.Scheme, w.TLS = "https", &tls.Config{RootCAs: ca.pool} }
	slow := func(w *sender.Webhook) { https(w); w.Deadlines.TLS = 150 * time.Millisecond }
	good := answerAll("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	old := ca.server(t, nil)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	mutual := ca.server(t, nil)
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool
	with := func(cert tls.Certificate) func(*sender.Webhook) {
		return func(w *sender.Webhook) { https(w); w.TLS.Certificates = []tls.Certificate{cert} }
	}
	ended := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	h2 := func(answer func(*peer, uint32) bool) func(*peer) { return over(ca.http2(t), serveHTTP2(answer)) }
	reset := func(code uint32) func(*peer) {
		return h2(func(p *peer, stream uint32) bool { p.frame(frameReset, 0, stream, number(code)); return true })
	}
	away := func(p *peer, last, code uint32) {
		p.frame(frameGoAway, 0, 0, number(last)+number(code)+hiddenHeader)
	}
	const unread = "the receiver refused the request twice without reading it"
	return []faultRow{
		{name: "TLS", serve: over(ca.server(t, nil), good), tune: https, want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "expired certificate", serve: over(ca.server(t, ended), good), tune: https, want: isDead, attempts: 3,
			reason: "the receiver's certificate expired on "},
		{name: "certificate of tomorrow", serve: over(ca.server(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }),
			good), tune: https, want: isDead, attempts: 3, reason: "the receiver's certificate is not valid before "},
		{name: "certificate of another", serve: over(ca.server(t, func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames = nil, []string{"other.example", hiddenHeader}
		}), good), tune: https, want: isDead, attempts: 3,
			reason: "the receiver's certificate is for other.example, <secret>, not for 127.0.0.1"},
		{name: "certificate of nobody", serve: over(newAuthority(t).server(t, nil), good), tune: https, want: isDead, attempts: 3,
			reason: "signed by an unknown authority"},
		{name: "old TLS", serve: over(old, good), tune: https, want: isDead, attempts: 3,
			reason: "the receiver refused the TLS handshake: protocol version not supported"},
		{name: "no TLS", serve: func(p *peer) { p.write("HTTP/1.1 400 Bad Request\r\n\r\n"); p.hang() }, tune: https, want: isDead, attempts: 3,
			reason: "the receiver does not speak TLS"},
		{name: "slow TLS", serve: (*peer).hang, tune: slow, want: isDead, attempts: 3, reason: "no TLS handshake within 150ms"},
		{name: "TLS that is broken off", serve: func(p *peer) { _, _ = p.from.ReadByte(); p.reset() }, tune: https, want: isDead, attempts: 3,
			reason: "connection reset"},
		{name: "client certificate", serve: over(mutual, good), tune: with(ca.certificate(t, nil)), want: isDelivered, attempts: 1, requests: 1,
			reason: "200 OK"},
		{name: "no client certificate", serve: over(mutual, good), tune: https, want: isDead, attempts: 3,
			reason: "the receiver refused the TLS handshake: certificate required"},
		{name: "client certificate that expired", serve: over(mutual, good), tune: with(ca.certificate(t, ended)), want: isFree, attempts: 3,
			reason: "our client certificate expired on "},

		{name: "HTTP/2", serve: h2(answer200), tune: https, want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "HTTP/2 black hole", serve: h2(func(*peer, uint32) bool { return true }),
			tune: func(w *sender.Webhook) { https(w); w.Timeout = 500 * time.Millisecond },
			want: isDead, attempts: 3, requests: 3, reason: "no answer within 500ms"},
		{name: "HTTP/2 stream reset", serve: reset(2), tune: https, want: isDead, attempts: 3, requests: 3,
			reason: "INTERNAL_ERROR; received from peer"},
		{name: "HTTP/2 stream refused", serve: reset(7), tune: https, want: isDead, attempts: 3, requests: 6, reason: unread},
		{name: "HTTP/2 reset behind a 200", serve: h2(func(p *peer, stream uint32) bool {
			p.frame(frameHeaders, flagEndHeader, stream, status200)
			pause()
			p.frame(frameReset, 0, stream, number(2))
			return true
		}), tune: https, want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "HTTP/2 GOAWAY in peace", serve: h2(func(p *peer, stream uint32) bool {
			away(p, stream, 0)
			answer200(p, stream)
			p.hang()
			return false
		}), tune: func(w *sender.Webhook) { https(w); w.MaxInFlight = 1 }, want: isDelivered, attempts: 1, requests: 1, reason: "200 OK"},
		{name: "HTTP/2 GOAWAY unread", serve: h2(func(p *peer, _ uint32) bool { away(p, 0, 0); p.hang(); return false }),
			tune: func(w *sender.Webhook) { https(w); w.MaxInFlight = 1 }, want: isDead, attempts: 3, requests: 6, reason: unread},
		{name: "HTTP/2 GOAWAY in anger", serve: h2(func(p *peer, stream uint32) bool { away(p, stream, 11); return false }),
			tune: func(w *sender.Webhook) { https(w); w.MaxInFlight = 1 }, want: isDead, attempts: 3, requests: 3, reason: "GOAWAY"},
	}
}

func answer200(p *peer, stream uint32) bool {
	p.frame(frameHeaders, flagEndHeader|flagEnd, stream, status200)
	return true
}

// answerAll answers each request with text, and keeps the connection.
func answerAll(text string) func(*peer) {
	return func(p *peer) {
		for p.read() {
			p.write("%s", text)
		}
	}
}

// failFirst answers a delivery's first request with text, or with a reset if text is empty, and the others with a 200.
func failFirst(text string) func(*peer) {
	return func(p *peer) {
		for p.read() {
			switch {
			case p.nth > 1:
				p.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			case text == "":
				p.reset()
				return
			default:
				p.write("%s", text)
			}
		}
	}
}

// bomb is 50 MB of zeros in 50 KB.
var bomb = func() []byte {
	var b bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	for range 50 {
		_, _ = zip.Write(make([]byte, 1<<20))
	}
	_ = zip.Close()
	return b.Bytes()
}()
