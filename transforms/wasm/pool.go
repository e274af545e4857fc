package wasm

import (
	"fmt"
)

// maxEvents is how many events an instance transforms before another takes its place.
const maxEvents = 1_000

// transformPristine runs an event in an instance of its own.
func (m *Module) transformPristine(in Input) (Output, error) {
	mem, err := m.takeMemory()
	if err != nil {
		return Output{}, err
	}
	g := &guest{module: m, memory: mem}
	out, err := g.handle(in)
	g.close()
	if g.isBroken {
		mem.unmap()
	} else {
		m.giveMemory(mem)
	}
	return out, err
}

// transformWarm runs an event in an instance that may have seen others.
func (m *Module) transformWarm(in Input) (Output, error) {
	g := m.takeGuest()
	if g == nil {
		mem, err := m.takeMemory()
		if err != nil {
			return Output{}, err
		}
		g = &guest{module: m, memory: mem}
	}
	out, err := g.handle(in)
	g.events++
	switch {
	case g.isBroken:
		g.close()
		g.memory.unmap()
	case err != nil && err != ErrDrop, g.events >= maxEvents, out.Memory > m.limits.Memory/2:
		g.close()
		m.giveMemory(g.memory)
	default:
		m.giveGuest(g)
	}
	return out, err
}

// handle transforms one event and copies what came of it.
func (g *guest) handle(in Input) (out Output, err error) {
	defer func() {
		if p := recover(); p != nil { // the engine's mistake; a guest's own are errors
			g.isBroken = true
			err = g.fail(ErrTrap, "the engine gave up: "+oneLine(fmt.Sprint(p), 200))
		}
	}()
	body, err := g.transform(in)
	out = Output{Fuel: g.used()}
	if g.mod != nil {
		out.Memory = int64(g.mod.Memory().Size())
	}
	if err == nil {
		out.Body = append(make([]byte, 0, len(body)), body...)
	}
	g.flush()
	return out, err
}

// takeMemory returns a clean memory.
func (m *Module) takeMemory() (*memory, error) {
	m.mu.Lock()
	if n := len(m.idle); n > 0 {
		mem := m.idle[n-1]
		m.idle = m.idle[:n-1]
		m.mu.Unlock()
		return mem, nil
	}
	m.mu.Unlock()
	r, err := newRegion(int(m.limits.Memory))
	if err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	return &memory{region: r, limit: uint64(m.limits.Memory)}, nil
}

// giveMemory cleans a memory and keeps it. There are never more than guests may run at a time.
func (m *Module) giveMemory(mem *memory) {
	mem.reset()
	m.mu.Lock()
	m.idle = append(m.idle, mem)
	m.mu.Unlock()
}

// takeGuest returns the guest that was used last, nil if there is none.
func (m *Module) takeGuest() *guest {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.free)
	if n == 0 {
		return nil
	}
	g := m.free[n-1]
	m.free[n-1] = nil
	m.free = m.free[:n-1]
	return g
}

// giveGuest keeps a guest for the next event. There are never more than may run at a time.
func (m *Module) giveGuest(g *guest) {
	m.mu.Lock()
	m.free = append(m.free, g)
	m.mu.Unlock()
}
