package wasm

import (
	"fmt"

	"github.com/awf-project/awf-hook/engine/legible"
)

// maxEvents is how many events an instance transforms before another one replaces it.
const maxEvents = 1_000

// run transforms an event in an instance of its own or, with isolation: instance, in one that may have seen other events.
func (m *Module) run(e Event, code *code, limit int64) (Output, error) {
	g, err := m.take(code)
	if err != nil {
		return Output{}, err
	}
	g.limit = limit
	out, err := g.handle(e)
	g.events++
	switch {
	case g.isBroken:
		g.close()
		g.memory.unmap()
	case m.isolation == IsolateEvent && m.snapshot != nil && g.mod != nil && g.restore():
		m.keep(g)
	case m.isolation == IsolateEvent, err != nil && err != ErrDrop, g.isSpent, g.events >= maxEvents, out.Memory > m.limits.Memory/2:
		g.close()
		g.memory.reset()
		m.keep(&guest{module: m, code: code, memory: g.memory})
	default:
		m.keep(g)
	}
	return out, err
}

// keep keeps the guest for a later event.
func (m *Module) keep(g *guest) {
	m.mu.Lock()
	m.free[g.code] = append(m.free[g.code], g)
	m.mu.Unlock()
}

// take returns the guest of the code that was used last, or a new one. A guest without an instance has clean memory. A module never
// keeps more guests of a code than may run at a time.
func (m *Module) take(code *code) (*guest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if free := m.free[code]; len(free) > 0 {
		last := len(free) - 1
		g := free[last]
		free[last] = nil
		m.free[code] = free[:last]
		return g, nil
	}
	r, err := newRegion(int(m.limits.Memory))
	if err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	return &guest{module: m, code: code, memory: &memory{region: r, limit: uint64(m.limits.Memory)}}, nil
}

// handle transforms an event and copies the body.
func (g *guest) handle(e Event) (out Output, err error) {
	defer func() {
		if p := recover(); p != nil { // a fault of the engine: the guest's own faults are errors
			g.isBroken = true
			err = g.fail(ErrTrap, "the engine gave up: "+legible.ShortLine(fmt.Sprint(p), 200))
		}
	}()
	if g.code.refills {
		defer g.startClock()()
	}
	body, err := g.transform(e)
	out = Output{Fuel: g.used(), Limit: g.limit}
	if g.mod != nil {
		out.Memory = int64(g.mod.Memory().Size())
	}
	if err == nil {
		out.Body = append(make([]byte, 0, len(body)), body...)
	}
	g.flush()
	g.module.note(out)
	return out, err
}

// warnFrom is the share of its fuel, in percent, from which on a module gets a warning.
const warnFrom = 80

// note records the greatest share of its fuel that an event has used, and warns once when that comes near the limit.
func (m *Module) note(out Output) {
	percent := (100*out.Fuel + out.Limit - 1) / out.Limit
	m.mu.Lock()
	isNear := percent >= warnFrom && m.worst < warnFrom
	m.worst = max(m.worst, percent)
	m.mu.Unlock()
	if !isNear {
		return
	}
	m.logger.Warn("transform uses most of its fuel"+raise("fuel", out.Limit), "fuel", out.Fuel, "limit", out.Limit)
}

// FuelPercent returns the greatest share of its fuel that an event has used since the module was loaded, in percent, rounded up.
func (m *Module) FuelPercent() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int(m.worst)
}
