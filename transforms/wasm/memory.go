package wasm

import "github.com/tetratelabs/wazero/experimental"

// memory is the linear memory of one guest at a time. It outlives the guest: wazero drops an instance that it cannot make
// without freeing its memory. After reset it is clean again.
type memory struct {
	region           // the bytes
	limit     uint64 // bytes
	isRefused bool   // the guest asked for more than the limit
}

// Allocate makes this the memory of the one instance that is made with it.
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate resizes the memory. It never shrinks while a guest uses it.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.isRefused = true
		return nil
	}
	return m.resize(int(size))
}

// Free does nothing: the memory outlives the instance.
func (m *memory) Free() {}
