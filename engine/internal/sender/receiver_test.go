package sender_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faulty is a receiver that misbehaves on real sockets. It counts complete requests, and its 2xx answers.
type faulty struct {
	addr string
	ln   net.Listener

	takes    bool // a 2xx that it writes is complete
	requests atomic.Int64
	mu       sync.Mutex
	conns    map[net.Conn]bool
	ids      map[string]int  // requests by delivery
	taken    map[string]bool // deliveries that were answered with a 2xx
	again    int             // requests of a delivery that had been answered with one
	running  sync.WaitGroup
}

// peer is a connection to a faulty receiver.
type peer struct {
	net.Conn
	from *bufio.Reader
	of   *faulty
	id   string // of the last request
	text []byte // the text of the last request
	nth  int    // how often this delivery arrived
}

// startFaulty serves each connection by serve.
func startFaulty(t *testing.T, takes bool, serve func(*peer)) *faulty {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{addr: ln.Addr().String(), ln: ln, takes: takes, conns: map[net.Conn]bool{}, ids: map[string]int{}, taken: map[string]bool{}}
	f.running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns[conn] = true
			f.mu.Unlock()
			f.running.Go(func() {
				defer f.forget(conn)
				serve(&peer{Conn: conn, from: bufio.NewReader(conn), of: f})
			})
		}
	})
	return f
}

func (f *faulty) forget(conn net.Conn) {
	conn.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, conn)
}

// end closes the receiver and all its connections, and waits for their goroutines.
func (f *faulty) end() {
	f.ln.Close()
	f.mu.Lock()
	for conn := range f.conns {
		conn.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}

// read reads a whole request. It returns false at the end of the connection.
func (p *peer) read() bool {
	r, err := http.ReadRequest(p.from)
	if err != nil {
		return false
	}
	if p.text, err = httputil.DumpRequest(r, true); err != nil {
		return false
	}
	p.id = r.Header.Get("X-AWF-Delivery")
	p.of.requests.Add(1)
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.ids[p.id]++
	p.nth = p.of.ids[p.id]
	if p.of.taken[p.id] {
		p.of.again++
	}
	return true
}

// write writes an answer, and notes that a 2xx was sent.
func (p *peer) write(format string, args ...any) {
	text := fmt.Appendf(nil, format, args...)
	if p.of.takes && bytes.HasPrefix(text, []byte("HTTP/1.1 2")) {
		p.of.mu.Lock()
		p.of.taken[p.id] = true
		p.of.mu.Unlock()
	}
	_, _ = p.Write(text)
}

// reset makes the connection end with a reset.
func (p *peer) reset() {
	if tcp, ok := p.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// hang waits for the connection's end.
func (p *peer) hang() { _, _ = io.Copy(io.Discard, p.from) }

// HTTP/2 frames, as far as a receiver needs them: https://www.rfc-editor.org/rfc/rfc9113#section-6
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	frameGoAway   = 7

	flagEnd       = 1 // of the stream; of SETTINGS: an acknowledgement
	flagEndHeader = 4
	preface       = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	status200     = "\x88" // the header of a 200, compressed
)

// serveHTTP2 speaks HTTP/2 and calls answer for each complete request. If answer returns false the connection ends.
func serveHTTP2(answer func(p *peer, stream uint32) bool) func(*peer) {
	return func(p *peer) {
		if _, err := io.ReadFull(p.from, make([]byte, len(preface))); err != nil {
			return
		}
		p.frame(frameSettings, 0, 0, "")
		for {
			head := make([]byte, 9)
			if _, err := io.ReadFull(p.from, head); err != nil {
				return
			}
			size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
			if _, err := io.CopyN(io.Discard, p.from, int64(size)); err != nil {
				return
			}
			kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
			switch {
			case kind == frameSettings && flags&flagEnd == 0:
				p.frame(frameSettings, flagEnd, 0, "")
			case (kind == frameData || kind == frameHeaders) && flags&flagEnd != 0:
				p.of.requests.Add(1)
				if !answer(p, stream) {
					return
				}
			}
		}
	}
}

func (p *peer) frame(kind, flags byte, stream uint32, payload string) {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	_, _ = p.Write(append(binary.BigEndian.AppendUint32(head, stream), payload...))
}

// number encodes a 32-bit number for a frame.
func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// authority signs the certificates of test receivers.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

// certificate makes a certificate for 127.0.0.1, modified by change.
func (a *authority) certificate(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a receiver"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// server returns the TLS configuration of a receiver whose certificate change modified.
func (a *authority) server(t *testing.T, change func(*x509.Certificate)) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.certificate(t, change)}}
}

// http2 returns the TLS configuration of a good receiver that speaks HTTP/2.
func (a *authority) http2(t *testing.T) *tls.Config {
	config := a.server(t, nil)
	config.NextProtos = []string{"h2"}
	return config
}
