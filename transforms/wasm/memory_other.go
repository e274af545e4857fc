//go:build !linux

package wasm

// region is memory of the Go heap.
type region struct {
	bytes []byte
	high  int // bytes that a guest may have written to
}

func newRegion(int) (region, error) { return region{}, nil }

// resize returns the first bytes of the region. It keeps their content.
func (r *region) resize(size int) []byte {
	if size > cap(r.bytes) {
		grown := make([]byte, size, max(size, min(2*cap(r.bytes), size+4<<20)))
		copy(grown, r.bytes[:r.high])
		r.bytes = grown
	}
	r.high = max(r.high, size)
	return r.bytes[:size:size]
}

// reset zeroes every byte that a guest may have written.
func (r *region) reset() {
	const keep = 4 << 20
	if cap(r.bytes) > keep {
		r.bytes = nil
	}
	clear(r.bytes[:min(r.high, cap(r.bytes))])
	r.high = 0
}

func (r *region) unmap() { r.bytes = nil }
