package server

import (
	"errors"
	"io"

	"golang.org/x/sync/semaphore"
)

const (
	maxBody   = 16 << 20 // bytes of a request's body, before and after decompression
	maxBodies = 48 << 20 // bytes of all bodies held at once
	bodyStep  = 64 << 10 // a body's share grows by this
)

var (
	errTooLarge = errors.New("the body is over 16 MiB")
	errBusy     = errors.New("too many requests at once")
)

// share is one request's part of the memory for all bodies.
type share struct {
	of    *semaphore.Weighted
	taken int64
}

// end gives the share back.
func (s *share) end() { s.of.Release(s.taken) }

// read reads a whole body. size is its announced size, or -1. The error is the body's, errTooLarge or errBusy.
func (s *share) read(body io.Reader, size int64) ([]byte, error) {
	if size > maxBody {
		return nil, errTooLarge
	}
	room := bodyStep
	if size >= 0 {
		room = int(size) + 1
	}
	if !s.grow(room) {
		return nil, errBusy
	}
	buf := make([]byte, 0, room)
	for {
		n, err := body.Read(buf[len(buf):cap(buf)])
		switch buf = buf[:len(buf)+n]; {
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		case len(buf) > maxBody:
			return nil, errTooLarge
		case len(buf) < cap(buf):
			continue
		}
		room = min(2*cap(buf), maxBody+1)
		if !s.grow(room - cap(buf)) {
			return nil, errBusy
		}
		buf = append(make([]byte, 0, room), buf...)
	}
}

func (s *share) grow(n int) bool {
	if !s.of.TryAcquire(int64(n)) {
		return false
	}
	s.taken += int64(n)
	return true
}
