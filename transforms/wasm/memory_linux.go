package wasm

import (
	"syscall"
	"unsafe"
)

// region is memory of the operating system, reserved once at its greatest size so that it grows in place. Its pages become
// physical when they are touched.
//
// A reset must cost what a guest touches, not what it owns: most guests have a stack of a megabyte and use one page of it.
// Pages that guests usually touch are cleared, at a twentieth of the cost of getting them anew from the system. All other
// pages that a guest could write to are given back, which makes them zero.
type region struct {
	bytes  []byte
	high   int // bytes that a guest may have written to
	resets int
	counts []uint8 // by page: how many of the first resets found it touched
	hot    []span  // pages to clear, in order
}

// span is a run of pages, by its offsets in bytes.
type span struct{ from, to int }

const (
	osPage     = 4096
	smallBytes = 256 << 10 // a smaller memory is cleared as a whole
	learnFor   = 16        // resets
	hotFrom    = learnFor / 2
	nearPages  = 4       // hot pages closer together than this are cleared with the pages between them
	maxHot     = 4 << 20 // bytes of physical memory that are kept
)

func newRegion(limit int) (region, error) {
	b, err := syscall.Mmap(-1, 0, limit, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return region{}, err
	}
	_ = syscall.Madvise(b, syscall.MADV_NOHUGEPAGE) // a kernel without huge pages refuses, which does no harm
	return region{bytes: b}, nil
}

// resize returns the first bytes of the region. It keeps their content.
func (r *region) resize(size int) []byte {
	r.high = max(r.high, size)
	return r.bytes[:size:size]
}

// reset zeroes every byte that a guest may have written.
func (r *region) reset() {
	used := r.bytes[:r.high]
	r.high = 0
	if len(used) <= smallBytes {
		clear(used)
		return
	}
	if r.resets < learnFor {
		r.learn(used)
		drop(used)
		return
	}
	at := 0
	for _, s := range r.hot {
		if s.from >= len(used) {
			break
		}
		drop(used[at:s.from])
		at = min(s.to, len(used))
		clear(used[s.from:at])
	}
	drop(used[at:])
}

// drop gives pages back to the system.
func drop(b []byte) {
	if len(b) > 0 && syscall.Madvise(b, syscall.MADV_DONTNEED) != nil {
		clear(b)
	}
}

// learn counts which pages were touched and, after the last reset that it counts, decides which are hot.
func (r *region) learn(used []byte) {
	pages := (len(used) + osPage - 1) / osPage
	if len(r.counts) < pages {
		r.counts = append(r.counts, make([]uint8, pages-len(r.counts))...)
	}
	resident := make([]byte, pages)
	_, _, errno := syscall.Syscall(syscall.SYS_MINCORE,
		uintptr(unsafe.Pointer(&used[0])), uintptr(len(used)), uintptr(unsafe.Pointer(&resident[0])))
	for i := range resident {
		if errno == 0 && resident[i]&1 != 0 {
			r.counts[i]++
		}
	}
	if r.resets++; r.resets < learnFor {
		return
	}
	total := 0
	for i, n := range r.counts {
		if n < hotFrom || total >= maxHot {
			continue
		}
		from, to := i*osPage, (i+1)*osPage
		if last := len(r.hot) - 1; last >= 0 && from-r.hot[last].to <= nearPages*osPage {
			total += to - r.hot[last].to
			r.hot[last].to = to
			continue
		}
		total += osPage
		r.hot = append(r.hot, span{from, to})
	}
	r.counts = nil
}

func (r *region) unmap() {
	if r.bytes != nil {
		_ = syscall.Munmap(r.bytes) // nothing can be done about an error
		r.bytes = nil
	}
}
