package wasm

import "encoding/binary"

const (
	stdin  = 0
	stdout = 1
	stderr = 2
)

// fdStatGet describes stdin, stdout and stderr as files of unknown type, so that a guest buffers what it writes.
func fdStatGet(g *guest, args []uint64) errno {
	const statSize, rightRead, rightWrite = 24, 1 << 1, 1 << 6
	right := uint64(rightWrite)
	if uint32(args[0]) == stdin {
		right = rightRead
	}
	return g.describe(args, statSize, right)
}

func fdFileStatGet(g *guest, args []uint64) errno {
	const statSize = 64
	return g.describe(args, statSize, 0)
}

// describe writes a description of stdin, stdout or stderr, which is zero except for one number.
func (g *guest) describe(args []uint64, size, number uint64) errno {
	if uint32(args[0]) > stderr {
		return errnoBadFile
	}
	b, ok := g.view(args[1], size)
	if !ok {
		return errnoFault
	}
	clear(b)
	binary.LittleEndian.PutUint64(b[8:], number)
	return errnoSuccess
}

// pieces calls each for the buffers that a guest lists, until it returns false. It charges every buffer by its length.
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

// fdRead reads the event from stdin. The stdin of a reactor is at its end.
func fdRead(g *guest, args []uint64) errno {
	if uint32(args[0]) != stdin {
		return errnoBadFile
	}
	read := 0
	if e := g.pieces(args[1], args[2], func(piece []byte) bool {
		n := copy(piece, g.unread)
		g.unread = g.unread[n:]
		read += n
		return n == len(piece)
	}); e != errnoSuccess {
		return e
	}
	return g.putU32(args[3], uint32(read), args[3], uint32(read))
}

// fdWrite adds a command's stdout to the body, and everything else to the lines for the log.
func fdWrite(g *guest, args []uint64) errno {
	fd := uint32(args[0])
	if fd != stdout && fd != stderr {
		return errnoBadFile
	}
	written := 0
	if e := g.pieces(args[1], args[2], func(piece []byte) bool {
		written += len(piece)
		if fd == stdout && g.module.code.abi == command {
			g.write(piece)
			return true
		}
		limit := int(g.module.limits.LogLines) * MaxLogLine
		g.talk = append(g.talk, truncated(piece, limit-len(g.talk))...)
		return true
	}); e != errnoSuccess {
		return e
	}
	return g.putU32(args[3], uint32(written), args[3], uint32(written))
}

// write adds to the body. It does not return if the body becomes too large.
func (g *guest) write(piece []byte) {
	if n := len(g.body) + len(piece); int64(n) > g.module.limits.Output {
		panic(&stop{ErrOutput, g.overOutput(n).Detail})
	}
	g.body = append(g.body, piece...)
}
