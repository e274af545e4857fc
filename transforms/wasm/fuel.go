package wasm

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// The guest's own code counts fuel. If an event may use so much fuel that nothing else bounds the time, the code asks the host for
// fuel in slices, and the host looks at the clock between them.
const (
	// The default fuel is fuelBase, fuelPerByte for each byte of an event up to shortEvent and fuelPerMore for each further one, and what
	// the module's instance costs before its code runs, at most mostFuel, which is also the most that a step can set. A long text takes
	// 1,300 for each byte, a list of small numbers 10,000 (Go's encoding/json, the slowest).
	fuelBase    = 22_000_000
	fuelPerByte = 1_700
	fuelPerMore = 12_000
	mostFuel    = 2_000_000_000

	// mostBlind is how much fuel a guest's code may use without a clock, since code that asks for slices is slower. With so much fuel,
	// even code that always waits for memory stops within 250 ms. By default, an event of up to shortEvent bytes gets no more.
	mostBlind  = 24_000_000
	shortEvent = (mostBlind - fuelBase) / fuelPerByte // 1,176
	// fuelSlice lasts an honest guest for 0.1 ms, and a guest that waits for memory for 10 ms.
	fuelSlice = 1 << 20
	// leastTime is the processor time that an event may take. A step's own fuel allows a nanosecond for each unit if that is more.
	leastTime = 180 * time.Millisecond
)

// DefaultFuel returns the fuel that a guest's code may use for an event of the given length if a step sets none. It grows with the
// event, so that no event fails because its error message is long.
func DefaultFuel(length int) int64 {
	n := int64(length)
	return min(fuelBase+fuelPerByte*min(n, shortEvent)+fuelPerMore*max(0, n-shortEvent), mostFuel)
}

// fuelFor returns the fuel that an event of the given length may use.
func (m *Module) fuelFor(length int) int64 {
	if m.grows {
		return min(DefaultFuel(length)+m.starting, mostFuel)
	}
	return m.limits.Fuel
}

// timeLimit returns the processor time that an event may take if its code asks for slices.
func (m *Module) timeLimit() time.Duration {
	if m.grows {
		return leastTime
	}
	return max(leastTime, time.Duration(m.limits.Fuel)*time.Nanosecond)
}

// tank is a guest's fuel.
type tank struct {
	fuel    api.MutableGlobal // what the guest counts down; nil before there is an instance
	reserve int64             // the rest of the event's fuel, of which the guest gets slices
	limit   int64             // fuel that the current event may use
	began   time.Duration     // on the clock of the guest's thread
}

// left returns the fuel that the event has left. It is below zero if the event has used too much.
func (t *tank) left() int64 { return int64(t.fuel.Get()) + t.reserve }

// used returns the fuel that the event has used so far.
func (t *tank) used() int64 {
	if t.fuel == nil {
		return 0
	}
	return min(t.limit, t.limit-t.left())
}

// fill sets the fuel and the stack that the guest may use.
func (g *guest) fill(fuel int64) {
	slice := fuel
	if g.code.refills {
		slice = min(fuel, fuelSlice)
	}
	g.fuel.Set(uint64(slice))
	g.reserve = fuel - slice
	g.stack.Set(uint64(g.module.stack))
}

// errNoFuel ends a call. That the fuel is below zero tells the host why.
var errNoFuel = errors.New("no fuel left")

// charge takes fuel for the work that a host function is about to do. It does not return if too little is left.
func (g *guest) charge(fuel int64) {
	left := int64(g.fuel.Get()) - fuel
	g.fuel.Set(uint64(left))
	if left < 0 {
		g.refill()
	}
}

// refillFunctions are the imports of code that asks for slices.
var refillFunctions = map[string]hostFunction{
	meter.RefillImport: {signature("", ""), func(g *guest, _ []uint64) { g.refill() }},
}

// refill gives the guest the next slice of the event's fuel. It ends the call if there is none, or if the time is over.
func (g *guest) refill() {
	now := int64(g.fuel.Get())
	slice := min(g.reserve, fuelSlice-now)
	g.reserve -= slice
	g.fuel.Set(uint64(now + slice))
	if now+slice < 0 {
		panic(errNoFuel)
	}
	if took, most := g.module.sandbox.clock()-g.began, g.module.timeLimit(); took > most {
		panic(&stop{ErrTime, fmt.Sprintf("%v of a processor, limit %v", took.Round(time.Millisecond), most) + moreTime(most)})
	}
}

// startClock starts the event's time and binds the goroutine to its thread, whose clock the host reads. stop unbinds it.
func (g *guest) startClock() (stop func()) {
	runtime.LockOSThread()
	g.began = g.module.sandbox.clock()
	return runtime.UnlockOSThread
}

// moreTime says how to raise a limit of time, if that is possible.
func moreTime(limit time.Duration) string {
	if limit >= mostFuel*time.Nanosecond {
		return ", which is the most that there is"
	}
	return fmt.Sprintf("; limits: {fuel: N} with N over %d raises it to N nanoseconds, up to %d", limit.Nanoseconds(), mostFuel)
}

// noFuel says what the limit was, where it comes from and how to raise it, if that is possible.
func (g *guest) noFuel() string {
	from := "the step's own"
	switch {
	case g.code.abi == script && g.module.snapshot == nil:
		from = "for what a script does before its first event"
	case g.module.grows:
		from = fmt.Sprintf("the default for an event of %d bytes", len(g.event))
	}
	return fmt.Sprintf("limit %d, %s%s", g.limit, from, raise("fuel", g.limit))
}
