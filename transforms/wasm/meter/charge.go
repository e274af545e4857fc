package meter

// maxTraps is how many traps a function has at most; further charges share the last one. wazero fuses a comparison with the jump that
// depends on it only if no other jump has the same target.
const maxTraps = 32

// writer writes the code of one function, with the code that counts.
type writer struct {
	body  []byte // of the function
	out   []byte // the part of the body that is being written: its code
	fuel  uint32 // indices of the two globals
	stack uint32
	// refill is the index of the function to call when the fuel is below zero, if refills.
	refill  uint32
	refills bool
	longer  int    // bytes that the function's code would have more with refills, at most
	depth   uint32 // open blocks of the function's own
	traps   uint32 // instructions behind the code that trap
	spare   uint32 // the first of two i32 locals that the meter adds to a function with bulk operations
}

func (w *writer) op(op opcode)                { w.out = append(w.out, byte(op)) }
func (w *writer) indexed(op opcode, i uint32) { w.out = appendU32(append(w.out, byte(op)), i) }
func (w *writer) constant(op opcode, v int64) { w.out = appendSigned(append(w.out, byte(op)), v) }
func (w *writer) block(op opcode, of byte)    { w.out = append(w.out, byte(op), of) }
func (w *writer) ops(ops ...opcode) {
	for _, op := range ops {
		w.op(op)
	}
}

// begin starts the body of a function that has so many groups of locals.
func (w *writer) begin(groups int, locals []byte) {
	w.body = append(appendU32(w.body[:0], uint32(groups)), locals...)
	w.out, w.longer, w.depth, w.traps = w.out[:0], 0, 0, 0
}

// finish ends the body. It puts the code into a block with the function's results, so every label of the function means what it
// meant, and that block into one more for each trap. A trap follows the end of its block.
func (w *writer) finish(results []byte) {
	for range w.traps {
		w.body = append(w.body, byte(opBlock), noType)
	}
	w.body = append(append(w.body, byte(opBlock)), results...)
	w.ops(opEnd, opReturn)
	for range w.traps {
		w.ops(opEnd, opUnreachable)
	}
	w.op(opEnd)
	w.body = append(w.body, w.out...)
}

// trapBelowZero stops the guest if a global is below zero. zero and less are the instructions for the global's type.
func (w *writer) trapBelowZero(global uint32, zero, less opcode) {
	w.indexed(opGlobalGet, global)
	w.constant(zero, 0)
	w.op(less)
	w.traps = min(w.traps+1, maxTraps)
	w.indexed(opBrIf, w.trap())
}

// trap is the label of the last trap.
func (w *writer) trap() uint32 { return w.depth + w.traps }

// settleFuel subtracts the cost on the stack from the fuel below it, and stops the guest or asks for more if that is below zero.
func (w *writer) settleFuel() {
	w.op(opI64Sub)
	w.indexed(opGlobalSet, w.fuel)
	if !w.refills {
		w.trapBelowZero(w.fuel, opI64Const, opI64LtS)
		w.longer += 4 + lengthU32(w.refill) - (1 + lengthU32(w.trap())) // if, its type, call and end, instead of br_if
		return
	}
	w.indexed(opGlobalGet, w.fuel)
	w.constant(opI64Const, 0)
	w.op(opI64LtS)
	w.block(opIf, noType)
	w.indexed(opCall, w.refill)
	w.op(opEnd)
}

// charge charges a constant cost.
func (w *writer) charge(cost int64) {
	w.indexed(opGlobalGet, w.fuel)
	w.constant(opI64Const, cost)
	w.settleFuel()
}

// chargeLater charges a constant cost and leaves the trap to the next charge.
func (w *writer) chargeLater(cost int64) {
	w.indexed(opGlobalGet, w.fuel)
	w.constant(opI64Const, cost)
	w.op(opI64Sub)
	w.indexed(opGlobalSet, w.fuel)
}

// chargeLength charges a share of the length on the stack, and leaves the length there.
func (w *writer) chargeLength(shift int64) {
	w.indexed(opLocalTee, w.spare)
	w.chargeSpare(opI64ShrU, shift)
}

// chargeSpare charges the length in the spare local, shifted.
func (w *writer) chargeSpare(by opcode, shift int64) {
	w.indexed(opGlobalGet, w.fuel)
	w.indexed(opLocalGet, w.spare)
	w.op(opI64ExtendI32)
	if shift > 0 {
		w.constant(opI64Const, shift)
		w.op(by)
	}
	w.settleFuel()
}

// growMemory writes memory.grow, which is charged by pages if it succeeds.
func (w *writer) growMemory(in *instr) {
	w.indexed(opLocalTee, w.spare)
	w.out = append(w.out, in.raw...)
	w.indexed(opLocalTee, w.spare+1)
	w.constant(opI32Const, -1)
	w.op(opI32Ne)
	w.block(opIf, noType)
	w.depth++
	w.chargeSpare(opI64Shl, pageShift)
	w.depth--
	w.op(opEnd)
	w.indexed(opLocalGet, w.spare+1)
}

// countedCall writes a call inside a cycle. The caller's frame counts as stack while the call lasts.
func (w *writer) countedCall(in *instr, frame int64) {
	w.indexed(opGlobalGet, w.stack)
	w.constant(opI32Const, frame)
	w.op(opI32Sub)
	w.indexed(opGlobalSet, w.stack)
	w.trapBelowZero(w.stack, opI32Const, opI32LtS)
	w.out = append(w.out, in.raw...)
	w.indexed(opGlobalGet, w.stack)
	w.constant(opI32Const, frame)
	w.op(opI32Add)
	w.indexed(opGlobalSet, w.stack)
}

// settle decides what to charge at each node. A parent pays for the nodes that every arrival reaches after it. It pays in advance
// for others below it if they cost at most mostEarly together, or at most a quarter of what it costs without them.
func (f *flow) settle() {
	for i := len(f.nodes) - 1; i > 0; i-- {
		if n := &f.nodes[i]; n.always {
			f.nodes[n.parent].cost += n.cost
			n.cost = 0
		}
	}
	for i := range f.nodes { // parents first
		if n := &f.nodes[i]; n.parent >= 0 && f.nodes[n.parent].always {
			n.parent = f.nodes[n.parent].parent
		}
	}
	for i := len(f.nodes) - 1; i > 0; i-- {
		n := &f.nodes[i]
		if n.parent < 0 || n.always {
			continue
		}
		above := &f.nodes[n.parent]
		if above.early+n.cost <= max(mostEarly, (above.cost-above.early)/earlyShare) {
			above.cost += n.cost
			above.early += n.cost
			n.cost = 0
		}
	}
}
