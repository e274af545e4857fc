package meter

// decodeConstant reads an initialiser: one constant, reference or imported global, and the end.
func (m *module) decodeConstant(r *reader) {
	at := r.at
	op := opcode(r.byte())
	switch op {
	case opI32Const:
		r.signed(32)
	case opI64Const:
		r.signed(64)
	case opF32Const:
		r.take(4)
	case opF64Const:
		r.take(8)
	case opGlobalGet:
		r.index(m.importedGlobals, "imported global")
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
	at = r.at
	if end := r.byte(); end != byte(opEnd) {
		r.failAt(at, "a constant of more than one instruction: %s", extended)
	}
}

// take notes that a function's reference is taken, so that it may be called indirectly.
func (m *module) take(f uint32) {
	if m.taken == nil {
		m.taken = make([]bool, maxImports+maxFunctions)
	}
	m.taken[f] = true
	m.hostTaken = m.hostTaken || int(f) < m.importedFuncs
}

func (m *module) decodeElements(r *reader) int {
	n := r.entries(maxSegments, "element segments")
	for range n {
		m.elements++
		if m.decodeElement(r); r.err != nil {
			break
		}
	}
	return n
}

// The flags of an element segment.
const (
	notActive  = 1
	explicit   = 2 // names its table; if not active, it is declarative
	byConstant = 4 // of constants, not of functions
)

func (m *module) decodeElement(r *reader) {
	flags := r.count(7, "as the flags of an element segment")
	if flags&notActive == 0 {
		table := uint32(0)
		if flags&explicit != 0 {
			table = r.u32()
		}
		if uint64(table) >= uint64(m.tables) {
			r.fail("table %d of %d", table, m.tables)
		}
		m.decodeConstant(r)
	}
	if flags&(notActive|explicit) != 0 {
		at := r.at
		if flags&byConstant != 0 {
			r.refType()
		} else if kind := r.byte(); kind != 0 {
			r.failAt(at, "element kind %#x is not known", kind)
		}
	}
	n := r.count(maxInits-m.inits, "elements")
	m.inits += n
	m.copying += int64(n)
	for range n {
		if flags&byConstant != 0 {
			m.decodeConstant(r)
		} else {
			m.take(m.function(r))
		}
		if r.err != nil {
			break
		}
	}
}

// The flags of a data segment.
const (
	passive       = 1
	explicitIndex = 2 // names its memory
)

func (m *module) decodeDatas(r *reader) int {
	n := r.entries(maxSegments, "data segments")
	for range n {
		before := len(r.out)
		flags := r.count(2, "as the flags of a data segment")
		if flags == explicitIndex {
			r.index(1, "memory")
			r.out = append(r.out[:before], 0)
		}
		if flags != passive {
			if len(m.memories) == 0 {
				r.fail("a data segment without a memory")
			}
			m.decodeConstant(r)
		}
		size := r.count(len(m.bytes), "bytes of data")
		r.take(size)
		if flags != passive {
			m.copying += bulkCost + int64(size)>>dataShift
		}
		if r.err != nil {
			break
		}
	}
	return n
}
