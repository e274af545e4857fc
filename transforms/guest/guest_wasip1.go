//go:build wasip1

package guest

import (
	"errors"
	"fmt"
	"unsafe" // for linkname, and for pointers that go to the host
)

//go:wasmimport awf config
func awfConfig(key *byte, keyLength uint32, out *byte, capacity uint32) int32

//go:wasmimport awf fail
func awfFail(text *byte, length uint32)

//go:wasmimport awf log
func awfLog(level int32, text *byte, length uint32)

// The host keeps pointers to these between calls, which the garbage collector does not see.
var (
	event    []byte
	body     []byte
	isCalled bool // the host called transform: this is a reactor
	answer   func([]byte) ([]byte, error)
)

// authorsMain is the program's main function. Go's runtime does not call it in a reactor, so the first event does. It sets answer.
//
//go:linkname authorsMain main.main
func authorsMain()

//go:wasmexport alloc
func alloc(size uint32) *byte {
	if uint32(cap(event)) < size || event == nil {
		event = make([]byte, max(size, 1<<10))
	}
	return unsafe.SliceData(event)
}

//go:wasmexport transform
func transform(_ *byte, length uint32) (result uint64) {
	defer func() {
		if r := recover(); r != nil {
			fail(fmt.Sprint("panic: ", r))
			result = 0
		}
	}()
	isCalled = true
	if answer == nil {
		authorsMain()
	}
	if answer == nil {
		fail("main does not call guest.Main")
		return 0
	}
	made, err := answer(event[:length])
	switch {
	case errors.Is(err, Drop) || err == nil && len(made) == 0:
		return 0
	case err != nil:
		fail(err.Error())
		return 0
	}
	body = made
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(body))))<<32 | uint64(len(body))
}

func fail(text string) { awfFail(unsafe.StringData(text), uint32(len(text))) }

// keep keeps the transform for the host's calls. It returns false in a command.
func keep(transform func([]byte) ([]byte, error)) bool {
	if isCalled {
		answer = transform
	}
	return isCalled
}

func config(key string) (string, bool) {
	value := make([]byte, 256)
	for {
		n := awfConfig(unsafe.StringData(key), uint32(len(key)), unsafe.SliceData(value), uint32(len(value)))
		if n < 0 {
			return "", false
		}
		if int(n) <= len(value) {
			return string(value[:n]), true
		}
		value = make([]byte, n)
	}
}

func logLine(level Level, line string) {
	awfLog(int32(level), unsafe.StringData(line), uint32(len(line)))
}
