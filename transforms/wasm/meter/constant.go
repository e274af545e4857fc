package meter

// constant is the value of an initialiser, if it is known here.
type constant struct {
	isKnown bool
	of      byte // i32 or i64 if the value is known; noType if another module decides
	value   int64
}

// decodeConstant reads an initialiser and its end. It writes an extended constant as its value, so that the engine need not know
// extended constants.
func (m *module) decodeConstant(r *reader) constant {
	start, before := r.at, len(r.out)
	var stack []constant
	op, n := opcode(r.byte()), 0
	for ; op != opEnd && r.err == nil; op = opcode(r.byte()) {
		if n++; n > maxConstant {
			r.failAt(start, "a constant of more than %d instructions", maxConstant)
			break
		}
		switch op {
		case opI32Add, opI32Sub, opI32Mul, opI64Add, opI64Sub, opI64Mul:
			top := max(len(stack)-2, 0)
			stack = append(stack[:top], r.compute(op, stack[top:]))
		default:
			stack = append(stack, m.decodeOperand(r, op))
		}
	}
	if r.err == nil && len(stack) != 1 {
		r.failAt(start, "a constant of %d values", len(stack))
	}
	if r.err != nil {
		return constant{}
	}
	if n > 1 && stack[0].isKnown {
		op := opI32Const
		if stack[0].of == i64 {
			op = opI64Const
		}
		r.out = append(appendSigned(append(r.out[:before], byte(op)), stack[0].value), byte(opEnd))
	}
	return stack[0]
}

// compute returns the result of an extended constant's instruction on two values.
func (r *reader) compute(op opcode, of []constant) constant {
	result := constant{true, i64, 0}
	if op <= opI32Mul {
		result.of = i32
	}
	for _, c := range of {
		if c.of != result.of && c.of != noType {
			r.fail("a constant computes with values of two types")
		}
		result.isKnown = result.isKnown && c.isKnown
	}
	if len(of) < 2 {
		r.fail("a constant computes with too few values")
		return constant{}
	}
	switch op {
	case opI32Add, opI64Add:
		result.value = of[0].value + of[1].value
	case opI32Sub, opI64Sub:
		result.value = of[0].value - of[1].value
	default:
		result.value = of[0].value * of[1].value
	}
	if result.of == i32 {
		result.value = int64(int32(result.value))
	}
	return result
}

// decodeOperand reads the rest of an instruction that leaves a constant.
func (m *module) decodeOperand(r *reader, op opcode) constant {
	at := r.at - 1
	switch op {
	case opI32Const:
		return constant{true, i32, r.signed(32)}
	case opI64Const:
		return constant{true, i64, r.signed(64)}
	case opF32Const:
		r.take(4)
	case opF64Const:
		r.take(8)
	case opGlobalGet:
		r.index(m.importedGlobals, "imported global")
		return constant{of: noType}
	case opRefNull:
		r.refType()
	case opRefFunc:
		m.take(m.function(r))
	case vectorPrefix:
		if sub := r.byte(); opcode(sub)|vectors != opV128Const {
			r.failAt(at, "vector instruction %#x is not a constant", sub)
		}
		r.take(16)
	default:
		r.failAt(at, "opcode %#x is not a constant", byte(op))
	}
	return constant{}
}
