package wasm

import "github.com/tetratelabs/wazero/experimental"

// memory is the linear memory of one guest at a time. It outlives the guest, whose instance wazero may drop without a
// word when it cannot be made, and is clean again after reset.
type memory struct {
	region           // the bytes, from whatever the platform has for them
	limit     uint64 // bytes
	isRefused bool   // the guest has asked for more than the limit
}

// Allocate makes the memory the allocator of the one instance that is made with it.
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate gives the guest's memory another size. It never shrinks while a guest uses it.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.isRefused = true
		return nil
	}
	return m.resize(int(size))
}

// Free does nothing: the instance's end is not the memory's.
func (m *memory) Free() {}
