package wasm

import (
	"encoding/binary"
)

// fdStatGet describes stdin, stdout and stderr: of no particular type, so that a guest buffers what it writes.
func fdStatGet(g *guest, stack []uint64) {
	const statSize = 24
	b, ok := g.view(stack[1], statSize)
	switch {
	case !isStdio(stack[0]):
		stack[0] = uint64(errnoBadFile)
	case !ok:
		stack[0] = uint64(errnoFault)
	default:
		clear(b)
		const rightRead, rightWrite = 1 << 1, 1 << 6
		if uint32(stack[0]) == stdin {
			binary.LittleEndian.PutUint64(b[8:], rightRead)
		} else {
			binary.LittleEndian.PutUint64(b[8:], rightWrite)
		}
		stack[0] = uint64(errnoSuccess)
	}
}

func fdFileStatGet(g *guest, stack []uint64) {
	const statSize = 64
	b, ok := g.view(stack[1], statSize)
	switch {
	case !isStdio(stack[0]):
		stack[0] = uint64(errnoBadFile)
	case !ok:
		stack[0] = uint64(errnoFault)
	default:
		clear(b)
		stack[0] = uint64(errnoSuccess)
	}
}

// pieces calls each with the buffers that a guest lists, until it says false, each charged by its length.
func (g *guest) pieces(list, n uint64, each func(piece []byte) bool) errno {
	const size = 8
	n = uint64(uint32(n))
	g.charge(int64(n) * fuelPerItem)
	table, ok := g.view(list, n*size)
	if !ok {
		return errnoFault
	}
	for ; len(table) > 0; table = table[size:] {
		pointer, length := binary.LittleEndian.Uint32(table), binary.LittleEndian.Uint32(table[4:])
		g.charge(int64(length) / bytesPerFuel)
		piece, ok := g.view(uint64(pointer), uint64(length))
		if !ok {
			return errnoFault
		}
		if !each(piece) {
			break
		}
	}
	return errnoSuccess
}

// fdRead reads the event from stdin. A reactor's stdin is at its end.
func fdRead(g *guest, stack []uint64) {
	if uint32(stack[0]) != stdin {
		stack[0] = uint64(errnoBadFile)
		return
	}
	read := 0
	e := g.pieces(stack[1], stack[2], func(piece []byte) bool {
		n := copy(piece, g.unread)
		g.unread = g.unread[n:]
		read += n
		return n == len(piece)
	})
	if e == errnoSuccess {
		e = g.putU32(stack[3], uint32(read), stack[3], uint32(read))
	}
	stack[0] = uint64(e)
}

// fdWrite takes a command's stdout as the body, and all else as lines for the log.
func fdWrite(g *guest, stack []uint64) {
	fd := uint32(stack[0])
	if fd != stdout && fd != stderr {
		stack[0] = uint64(errnoBadFile)
		return
	}
	isBody := fd == stdout && g.module.code.abi == command
	written := 0
	e := g.pieces(stack[1], stack[2], func(piece []byte) bool {
		written += len(piece)
		if isBody {
			g.write(piece)
			return true
		}
		limit := int(g.module.limits.LogLines) * MaxLogLine
		g.talk = append(g.talk, truncated(piece, limit-len(g.talk))...)
		return true
	})
	if e == errnoSuccess {
		e = g.putU32(stack[3], uint32(written), stack[3], uint32(written))
	}
	stack[0] = uint64(e)
}

// write adds to the body. It does not return if that becomes too large.
func (g *guest) write(piece []byte) {
	if limit := g.module.limits.Output; int64(len(g.body)+len(piece)) > limit {
		panic(&stop{ErrOutput, tooLarge(int64(len(g.body)+len(piece)), limit)})
	}
	g.body = append(g.body, piece...)
}
