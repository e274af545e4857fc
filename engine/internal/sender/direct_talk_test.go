package sender_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/sender"
)

// talks are conversations of receivers: what they write for each request of a connection. A "|" is a pause of 20 ms, "!" ends the
// connection, "~" ends its writing half, "#" resets it, and "%" repeats what is before it, from the last "|" on, 2,000 times.
var talks = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r|\no|k",
	"H|T|T|P|/1.1 200 OK\r|\n|C|ontent-Length: 0\r\n|\r|\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n|1\r\nk\r\n0|\r\nX: y\r\n|\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 500 X\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nok",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokX0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok!",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\nContent-Length: 99\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n!",
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.0 200 OK\r\n\r\nok|more!", "HTTP/1.1 200 OK\r\n\r\nok~", "HTTP/1.1 200 OK\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nConnection: Keep-Alive, CLOSE\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok#", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokGARBAGE",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok|GARBAGE",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok|HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n!",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok|!",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok~", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok#",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok|#", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n!",
	"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok!", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok#", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length:  2 \r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok!",
	"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok", "HTTP/1.1 204 No Content\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 302 X\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 102 X\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 100 Continue\r\n\r\n%", "HTTP/1.1 103 X\r\nLink: <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>\r\n\r\n%",
	"HTTP/1.1 100 Continue\r\n\r\n!", "HTTP/1.1 100 Continue\r\n\r\n",
	"HTTP/1.1 199 X\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbytes", "HTTP/1.1 101 X\r\n\r\n",
	"HTTP/1.1 101 X\r\nContent-Length: 2\r\n\r\nok!",
	"HTTP/1.1 200 OK\r\nA: |aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\n|B: aaaaaaaaaaaaaaaaaaaaaaaa\r\n%Content-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n|A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n%\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|1\r\no\r\n%0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n|aaaaaaaaaaaaaaaaaaaa%",
	"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n|aaaaaaaaaa%",
	"HTTP/1.1 200 OK\r\nContent-Length: 16384\r\n\r\n" + strings.Repeat("a", 16384),
	"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
	"HTTP/1.1 200 OK\rContent-Length: 2\r\rok", "HTTP/1.1 200 OK\r\nA: \x00\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nÄ: b\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nA: \xff\r\nContent-Length: 0\r\n\r\n", "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
	"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n",
	"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", "ICY 200 OK\r\n\r\n",
	"HTTP/1.1 200 OK", "HTTP/1.1 200 OK!", "HTTP/1.1 200 OK\r\n!", "HTTP/1.1 200 OK\r\nContent-Le#", "!", "|!", "#", "|#", "~", "", "|",
	"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 410 Gone\r\nConnection: close\r\n\r\ngone!",
	"HTTP/1.1 500 X\r\nContent-Length: 5\r\n\r\nab|!",
	"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
	"HTTP/1.1 200 OK\r\nTrailer: A\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
	"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: identity\r\n\r\nok",
	"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n~",
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + strings.Repeat("|", 60) + "ok",
	strings.Repeat("|", 60) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n||1\r\nb\r\n" + strings.Repeat("|", 60) + "1\r\nb\r\n",
}

// play writes a conversation's part for one request. It returns false if the connection ends.
func (p *peer) play(talk string) bool {
	from := 0
	for i := range len(talk) + 1 {
		if i < len(talk) && !strings.ContainsRune("|!~#%", rune(talk[i])) {
			continue
		}
		part := talk[from:i]
		from = i + 1
		if i < len(talk) && talk[i] == '%' {
			_, _ = p.Write([]byte(strings.Repeat(part, 2000)))
			continue
		}
		if _, err := p.Write([]byte(part)); err != nil {
			return false
		}
		if i == len(talk) {
			return true
		}
		switch talk[i] {
		case '|':
			pause()
		case '!':
			return false
		case '#':
			p.reset()
			return false
		case '~':
			_ = p.Conn.(interface{ CloseWrite() error }).CloseWrite()
		}
	}
	return true
}

// Whatever receivers say over connections that are kept, attempts without TLS end as they would through net/http. "make faults" also tries
// long requests, and answers that come before a request has been read.
func TestDirectTalksEndAsWithNetHTTP(t *testing.T) {
	manners := []manner{{size: 20}}
	if os.Getenv("FAULTS") != "" {
		manners = append(manners, manner{size: 20, early: true}, manner{size: 300_000})
	}
	quieten(t)
	room := make(chan struct{}, 48)
	var running sync.WaitGroup
	for _, m := range manners {
		for _, talk := range talks {
			running.Go(func() {
				room <- struct{}{}
				defer func() { <-room }()
				own, theirs := m.converse(t, talk, false), m.converse(t, talk, true)
				if own != theirs {
					t.Errorf("%.80q, %d bytes, early %v:\n%s, want\n%s", talk, m.size, m.early, own, theirs)
				}
			})
		}
	}
	running.Wait()
}

// manner is how attempts and their receiver talk.
type manner struct {
	size  int  // of a request's body
	early bool // the receiver begins before it has read a request
}

// converse makes three attempts at a receiver, and says how they ended and how many connections they took.
func (m manner) converse(t *testing.T, talk string, throughNetHTTP bool) string {
	var connections atomic.Int64
	receiver := startFaulty(t, false, func(p *peer) {
		connections.Add(1)
		for {
			if m.early {
				if _, err := p.from.ReadByte(); err == nil && p.play(talk) {
					p.hang()
				}
				return
			}
			if !p.read() || !p.play(talk) {
				return
			}
		}
	})
	defer receiver.end()
	w := webhook(t, "http://"+receiver.addr)
	w.Timeout = 500 * time.Millisecond
	s := sender.New(w, nil)
	defer s.Close()
	if throughNetHTTP {
		s.UseNetHTTP()
	}
	var said []string
	for range 3 {
		d := newDelivery()
		d.Body = bytes.Repeat([]byte("x"), m.size)
		line, err := json.Marshal(timeless(s.Send(t.Context(), d)))
		if err != nil {
			t.Error(err)
		}
		said = append(said, strings.ReplaceAll(string(line), receiver.addr, "ADDRESS"))
		time.Sleep(50 * time.Millisecond) // for what the receiver says or does between two requests
	}
	return fmt.Sprintf("%s, %d connections", strings.Join(said, "\n"), connections.Load())
}
