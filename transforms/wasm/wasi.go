package wasm

import (
	"encoding/binary"
	"math"
	"strings"
	"sync"
)

// wasiFunctions are all functions of wasi_snapshot_preview1, as far as a guest can use them without authority: stdio,
// arguments, a clock that starts at the event's time and advances when it is read, and randomness derived from the event.
// There are no files, no environment and no sockets, and nothing waits.
var wasiFunctions = sync.OnceValue(func() map[string]hostFunction {
	return newWASI(map[string]wasiFunction{
		"args_get ii":          argsGet,
		"args_sizes_get ii":    argsSizesGet,
		"environ_sizes_get ii": func(g *guest, args []uint64) errno { return g.putU32(args[0], 0, args[1], 0) },
		"clock_res_get ii":     clockResGet,
		"clock_time_get iIi":   clockTimeGet,
		"fd_fdstat_get ii":     fdStatGet,
		"fd_filestat_get ii":   fdFileStatGet,
		"fd_read iiii":         fdRead,
		"fd_write iiii":        fdWrite,
		"poll_oneoff iiii":     pollOneoff,
		"random_get ii":        randomGet,

		"environ_get ii, sched_yield": answer(errnoSuccess),
		"proc_raise i":                answer(errnoNotSupported),
		"fd_close i, fd_datasync i, fd_fdstat_set_flags ii, fd_fdstat_set_rights iII, fd_sync i": onStdio(errnoSuccess),
		"fd_pread iiiIi, fd_pwrite iiiIi, fd_seek iIii, fd_tell ii":                              onStdio(errnoNoSeek),
		"fd_advise iIIi, fd_allocate iII, fd_filestat_set_size iI, fd_filestat_set_times iIIi, fd_prestat_get ii, " +
			"fd_prestat_dir_name iii, fd_readdir iiiIi, fd_renumber ii": answer(errnoBadFile),
		"path_create_directory iii, path_filestat_get iiiii, path_filestat_set_times iiiiIIi, path_link iiiiiii, " +
			"path_open iiiiiIIii, path_readlink iiiiii, path_remove_directory iii, path_rename iiiiii, path_symlink iiiii, " +
			"path_unlink_file iii": answer(errnoBadFile),
		"sock_accept iii, sock_recv iiiiii, sock_send iiiii, sock_shutdown ii": answer(errnoBadFile),
	})
})

// wasiFunction is a function of WASI that returns an errno.
type wasiFunction func(g *guest, args []uint64) errno

// newWASI makes the functions of a table, whose keys list names and parameters, and proc_exit, which returns nothing.
func newWASI(table map[string]wasiFunction) map[string]hostFunction {
	functions := map[string]hostFunction{"proc_exit": {signature("i", ""), procExit}}
	for names, f := range table {
		call := func(g *guest, stack []uint64) { stack[0] = uint64(f(g, stack)) }
		for declaration := range strings.SplitSeq(names, ", ") {
			name, params, _ := strings.Cut(declaration, " ")
			functions[name] = hostFunction{signature(params, "i"), call}
		}
	}
	return functions
}

// errno is WASI's code of an error.
type errno uint64

const (
	errnoSuccess      errno = 0
	errnoBadFile      errno = 8
	errnoFault        errno = 21
	errnoInvalid      errno = 28
	errnoNotSupported errno = 58
	errnoNoSeek       errno = 70
)

// answer returns a function that does nothing.
func answer(e errno) wasiFunction { return func(*guest, []uint64) errno { return e } }

// onStdio returns a function that does nothing to stdin, stdout and stderr, and fails for other files.
func onStdio(e errno) wasiFunction {
	return func(_ *guest, args []uint64) errno {
		if uint32(args[0]) > stderr {
			return errnoBadFile
		}
		return e
	}
}

// view returns a part of the guest's memory, or false if the part is not within it. It charges nothing.
func (g *guest) view(pointer, length uint64) ([]byte, bool) {
	if length > math.MaxUint32 {
		return nil, false
	}
	return g.mod.Memory().Read(uint32(pointer), uint32(length))
}

// putU32 writes two numbers where the guest wants them.
func (g *guest) putU32(at1 uint64, v1 uint32, at2 uint64, v2 uint32) errno {
	b1, ok1 := g.view(at1, 4)
	b2, ok2 := g.view(at2, 4)
	if !ok1 || !ok2 {
		return errnoFault
	}
	binary.LittleEndian.PutUint32(b1, v1)
	binary.LittleEndian.PutUint32(b2, v2)
	return errnoSuccess
}

func argsSizesGet(g *guest, args []uint64) errno {
	size := 0
	for _, a := range g.module.args {
		size += len(a) + 1
	}
	return g.putU32(args[0], uint32(len(g.module.args)), args[1], uint32(size))
}

func argsGet(g *guest, args []uint64) errno {
	table, at := uint64(uint32(args[0])), uint64(uint32(args[1]))
	for i, a := range g.module.args {
		size := uint64(len(a) + 1)
		g.charge(fuelPerItem + int64(size)/bytesPerFuel)
		entry, ok1 := g.view(table+uint64(4*i), 4)
		text, ok2 := g.view(at, size)
		if !ok1 || !ok2 || table > math.MaxUint32-8 || at > math.MaxUint32 {
			return errnoFault
		}
		binary.LittleEndian.PutUint32(entry, uint32(at))
		text[copy(text, a)] = 0
		at += size
	}
	return errnoSuccess
}

// The clocks of WASI; the last two count a process's own time.
const (
	clockRealtime = 0
	clockMost     = 3
	clockStep     = 1_000 // ns that a reading advances the clocks
)

// tell writes the time that now returns, if WASI has the clock.
func (g *guest) tell(clock, pointer uint64, now func() uint64) errno {
	if uint32(clock) > clockMost {
		return errnoInvalid
	}
	b, ok := g.view(pointer, 8)
	if !ok {
		return errnoFault
	}
	binary.LittleEndian.PutUint64(b, now())
	return errnoSuccess
}

func clockResGet(g *guest, args []uint64) errno {
	return g.tell(args[0], args[1], func() uint64 { return clockStep })
}

func clockTimeGet(g *guest, args []uint64) errno {
	return g.tell(args[0], args[2], func() uint64 {
		g.elapsed += clockStep
		return g.now(uint32(args[0]))
	})
}

// now returns the time of a clock.
func (g *guest) now(clock uint32) uint64 {
	if clock == clockRealtime {
		return g.elapsed + g.wall
	}
	return g.elapsed
}

// pollOneoff answers every subscription at once. A subscription to a clock advances the clocks to its time, so a guest that
// sleeps has slept.
func pollOneoff(g *guest, args []uint64) errno {
	const subscriptionSize, eventSize = 48, 32
	n := uint64(uint32(args[2]))
	if n == 0 {
		return errnoInvalid
	}
	g.charge(int64(n) * fuelPerItem)
	in, ok1 := g.view(args[0], n*subscriptionSize)
	out, ok2 := g.view(args[1], n*eventSize)
	count, ok3 := g.view(args[3], 4)
	if !ok1 || !ok2 || !ok3 {
		return errnoFault
	}
	for i := range n {
		s, e := in[i*subscriptionSize:][:subscriptionSize], out[i*eventSize:][:eventSize]
		tag := s[8]
		if tag == 0 {
			g.sleep(binary.LittleEndian.Uint32(s[16:]), binary.LittleEndian.Uint64(s[24:]), binary.LittleEndian.Uint16(s[40:]))
		}
		var event [eventSize]byte // the two lists may overlap
		copy(event[:8], s[:8])
		event[10] = tag
		copy(e, event[:])
	}
	binary.LittleEndian.PutUint32(count, uint32(n))
	return errnoSuccess
}

// sleep advances the clocks, to a time or by a time.
func (g *guest) sleep(clock uint32, timeout uint64, flags uint16) {
	const absolute = 1
	const longest = 1 << 62 // ns, of all sleeps together: 146 years
	if flags&absolute != 0 {
		timeout -= min(timeout, g.now(clock))
	}
	if timeout < longest && g.elapsed < longest {
		g.elapsed += timeout
	}
}

func procExit(g *guest, stack []uint64) {
	g.isExited, g.exitCode = true, uint32(stack[0])
	panic(errExit)
}

// randomGet fills the guest's buffer with random numbers that the event's bytes determine. They are not secret.
func randomGet(g *guest, args []uint64) errno {
	length := uint64(uint32(args[1]))
	g.charge(int64(length) / randomPerFuel)
	b, ok := g.view(args[0], length)
	if !ok {
		return errnoFault
	}
	if g.random == 0 {
		g.random = seed(g.event)
	}
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, g.nextRandom())
	}
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], g.nextRandom())
	copy(b, word[:])
	return errnoSuccess
}

// nextRandom returns the next number of SplitMix64.
func (g *guest) nextRandom() uint64 {
	g.random += 0x9e3779b97f4a7c15
	z := g.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// seed returns the FNV-1a hash of the event.
func seed(event []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range event {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}
