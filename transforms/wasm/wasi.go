package wasm

import (
	"encoding/binary"
	"math"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// wasiFunctions are all of wasi_snapshot_preview1, as far as a guest without authority can use them: stdio, arguments, a clock that begins
// at the event's time and moves by being read, and randomness that follows from the event. There are no files, no
// environment and no sockets, and nothing waits.
var wasiFunctions = map[string]hostFunction{
	"args_get":                {signature("ii", "i"), argsGet},
	"args_sizes_get":          {signature("ii", "i"), argsSizesGet},
	"environ_get":             {signature("ii", "i"), answer(errnoSuccess)},
	"environ_sizes_get":       {signature("ii", "i"), environSizesGet},
	"clock_res_get":           {signature("ii", "i"), clockResGet},
	"clock_time_get":          {signature("iIi", "i"), clockTimeGet},
	"fd_advise":               {signature("iIIi", "i"), answer(errnoBadFile)},
	"fd_allocate":             {signature("iII", "i"), answer(errnoBadFile)},
	"fd_close":                {signature("i", "i"), onStdio(errnoSuccess)},
	"fd_datasync":             {signature("i", "i"), onStdio(errnoSuccess)},
	"fd_fdstat_get":           {signature("ii", "i"), fdStatGet},
	"fd_fdstat_set_flags":     {signature("ii", "i"), onStdio(errnoSuccess)},
	"fd_fdstat_set_rights":    {signature("iII", "i"), onStdio(errnoSuccess)},
	"fd_filestat_get":         {signature("ii", "i"), fdFileStatGet},
	"fd_filestat_set_size":    {signature("iI", "i"), answer(errnoBadFile)},
	"fd_filestat_set_times":   {signature("iIIi", "i"), answer(errnoBadFile)},
	"fd_pread":                {signature("iiiIi", "i"), onStdio(errnoNoSeek)},
	"fd_prestat_get":          {signature("ii", "i"), answer(errnoBadFile)},
	"fd_prestat_dir_name":     {signature("iii", "i"), answer(errnoBadFile)},
	"fd_pwrite":               {signature("iiiIi", "i"), onStdio(errnoNoSeek)},
	"fd_read":                 {signature("iiii", "i"), fdRead},
	"fd_readdir":              {signature("iiiIi", "i"), answer(errnoBadFile)},
	"fd_renumber":             {signature("ii", "i"), answer(errnoBadFile)},
	"fd_seek":                 {signature("iIii", "i"), onStdio(errnoNoSeek)},
	"fd_sync":                 {signature("i", "i"), onStdio(errnoSuccess)},
	"fd_tell":                 {signature("ii", "i"), onStdio(errnoNoSeek)},
	"fd_write":                {signature("iiii", "i"), fdWrite},
	"path_create_directory":   {signature("iii", "i"), answer(errnoBadFile)},
	"path_filestat_get":       {signature("iiiii", "i"), answer(errnoBadFile)},
	"path_filestat_set_times": {signature("iiiiIIi", "i"), answer(errnoBadFile)},
	"path_link":               {signature("iiiiiii", "i"), answer(errnoBadFile)},
	"path_open":               {signature("iiiiiIIii", "i"), answer(errnoBadFile)},
	"path_readlink":           {signature("iiiiii", "i"), answer(errnoBadFile)},
	"path_remove_directory":   {signature("iii", "i"), answer(errnoBadFile)},
	"path_rename":             {signature("iiiiii", "i"), answer(errnoBadFile)},
	"path_symlink":            {signature("iiiii", "i"), answer(errnoBadFile)},
	"path_unlink_file":        {signature("iii", "i"), answer(errnoBadFile)},
	"poll_oneoff":             {signature("iiii", "i"), pollOneoff},
	"proc_exit":               {signature("i", ""), procExit},
	"proc_raise":              {signature("i", "i"), answer(errnoNotSupported)},
	"random_get":              {signature("ii", "i"), randomGet},
	"sched_yield":             {meter.Signature{Results: "\x7f"}, answer(errnoSuccess)},
	"sock_accept":             {signature("iii", "i"), answer(errnoBadFile)},
	"sock_recv":               {signature("iiiiii", "i"), answer(errnoBadFile)},
	"sock_send":               {signature("iiiii", "i"), answer(errnoBadFile)},
	"sock_shutdown":           {signature("ii", "i"), answer(errnoBadFile)},
}

// errno is WASI's.
type errno uint64

const (
	errnoSuccess      errno = 0
	errnoBadFile      errno = 8
	errnoFault        errno = 21
	errnoInvalid      errno = 28
	errnoNotSupported errno = 58
	errnoNoSeek       errno = 70
)

// answer is a function that does nothing.
func answer(e errno) func(*guest, []uint64) {
	return func(_ *guest, stack []uint64) { stack[0] = uint64(e) }
}

// onStdio is a function that does nothing, of files that there are.
func onStdio(e errno) func(*guest, []uint64) {
	return func(_ *guest, stack []uint64) {
		if isStdio(stack[0]) {
			stack[0] = uint64(e)
		} else {
			stack[0] = uint64(errnoBadFile)
		}
	}
}

const (
	stdin  = 0
	stdout = 1
	stderr = 2
)

func isStdio(fd uint64) bool { return uint32(fd) <= stderr }

// view returns a piece of the guest's memory, false if it is not within it. It charges nothing.
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

func environSizesGet(g *guest, stack []uint64) {
	stack[0] = uint64(g.putU32(stack[0], 0, stack[1], 0))
}

func argsSizesGet(g *guest, stack []uint64) {
	size := 0
	for _, a := range g.module.args {
		size += len(a) + 1
	}
	stack[0] = uint64(g.putU32(stack[0], uint32(len(g.module.args)), stack[1], uint32(size)))
}

func argsGet(g *guest, stack []uint64) {
	table, at := uint64(uint32(stack[0])), uint64(uint32(stack[1]))
	for i, a := range g.module.args {
		size := uint64(len(a) + 1)
		g.charge(fuelPerItem + int64(size)/bytesPerFuel)
		entry, ok1 := g.view(table+uint64(4*i), 4)
		text, ok2 := g.view(at, size)
		if !ok1 || !ok2 || table > math.MaxUint32-8 || at > math.MaxUint32 {
			stack[0] = uint64(errnoFault)
			return
		}
		binary.LittleEndian.PutUint32(entry, uint32(at))
		text[copy(text, a)] = 0
		at += size
	}
	stack[0] = uint64(errnoSuccess)
}

// The clocks of WASI, of which the last two count a process's own time.
const (
	clockRealtime = 0
	clockMost     = 3
	clockStep     = 1_000 // ns, by which a reading moves the clocks
)

func clockResGet(g *guest, stack []uint64) {
	b, ok := g.view(stack[1], 8)
	switch {
	case uint32(stack[0]) > clockMost:
		stack[0] = uint64(errnoInvalid)
	case !ok:
		stack[0] = uint64(errnoFault)
	default:
		binary.LittleEndian.PutUint64(b, clockStep)
		stack[0] = uint64(errnoSuccess)
	}
}

func clockTimeGet(g *guest, stack []uint64) {
	b, ok := g.view(stack[2], 8)
	switch {
	case uint32(stack[0]) > clockMost:
		stack[0] = uint64(errnoInvalid)
	case !ok:
		stack[0] = uint64(errnoFault)
	default:
		g.elapsed += clockStep
		now := g.elapsed
		if uint32(stack[0]) == clockRealtime {
			now += g.wall
		}
		binary.LittleEndian.PutUint64(b, now)
		stack[0] = uint64(errnoSuccess)
	}
}

// pollOneoff answers every subscription at once. One to a clock moves the clocks to its time, so that a guest that sleeps has slept.
func pollOneoff(g *guest, stack []uint64) {
	const subscriptionSize, eventSize = 48, 32
	n := uint64(uint32(stack[2]))
	if n == 0 {
		stack[0] = uint64(errnoInvalid)
		return
	}
	g.charge(int64(n) * fuelPerItem)
	in, ok1 := g.view(stack[0], n*subscriptionSize)
	out, ok2 := g.view(stack[1], n*eventSize)
	count, ok3 := g.view(stack[3], 4)
	if !ok1 || !ok2 || !ok3 {
		stack[0] = uint64(errnoFault)
		return
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
	stack[0] = uint64(errnoSuccess)
}

// sleep moves the clocks on, to a time or by a time.
func (g *guest) sleep(clock uint32, timeout uint64, flags uint16) {
	const absolute = 1
	const longest = 1 << 62 // ns, of all sleeps together: 146 years
	if flags&absolute != 0 {
		now := g.elapsed
		if clock == clockRealtime {
			now += g.wall
		}
		timeout -= min(timeout, now)
	}
	if timeout < longest && g.elapsed < longest {
		g.elapsed += timeout
	}
}

func procExit(g *guest, stack []uint64) {
	g.isExited, g.exitCode = true, uint32(stack[0])
	panic(errExit)
}

// randomGet fills the guest's buffer with what follows from the event's bytes: it is no secret.
func randomGet(g *guest, stack []uint64) {
	length := uint64(uint32(stack[1]))
	g.charge(int64(length) / randomPerFuel)
	b, ok := g.view(stack[0], length)
	if !ok {
		stack[0] = uint64(errnoFault)
		return
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
	stack[0] = uint64(errnoSuccess)
}

// nextRandom is SplitMix64.
func (g *guest) nextRandom() uint64 {
	g.random += 0x9e3779b97f4a7c15
	z := g.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// seed is FNV-1a of the event.
func seed(event []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range event {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}
