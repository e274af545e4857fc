//go:build linux || darwin

package sender

import (
	"io"
	"syscall"
)

const canLook = true

// look reads a byte of a socket without waiting. It returns nil if there was one, EAGAIN if none has come, and another error if the peer
// has closed the connection.
func look(fd uintptr) error {
	n, err := syscall.Read(int(fd), make([]byte, 1))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return err
}
