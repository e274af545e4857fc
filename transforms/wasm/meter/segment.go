package meter

// constant is an initialiser: one instruction and its operand.
type constant struct {
	instr instr
	bits  []byte // of a float or a vector, as they are
}

// decodeConstant reads an initialiser: one constant, reference or imported global, and the end.
func (m *module) decodeConstant(r *reader) constant {
	var c constant
	at := r.at
	c.instr.op = opcode(r.byte())
	switch c.instr.op {
	case opI32Const:
		c.instr.x = uint64(r.signed(32))
	case opI64Const:
		c.instr.x = uint64(r.signed(64))
	case opF32Const:
		c.bits = r.take(4)
	case opF64Const:
		c.bits = r.take(8)
	case opGlobalGet:
		c.instr.x = uint64(r.index(m.importedGlobals, "imported global"))
	case opRefNull:
		c.instr.x = uint64(r.refType())
	case opRefFunc:
		c.instr.x = uint64(r.index(len(m.funcs), "function"))
		m.take(uint32(c.instr.x))
	case vectorPrefix:
		if sub := r.byte(); opcode(sub)|vectors != opV128Const && r.err == nil {
			r.at = at
			r.fail("vector instruction %#x is not a constant", sub)
		}
		c.instr.op = opV128Const
		c.bits = r.take(16)
	default:
		if r.err == nil {
			r.at = at
			r.fail("opcode %#x is not a constant", byte(c.instr.op))
		}
	}
	if end := r.byte(); end != byte(opEnd) && r.err == nil {
		r.at--
		r.fail("a constant of more than one instruction")
	}
	return c
}

func (c constant) append(b []byte) []byte {
	switch c.instr.op {
	case opV128Const:
		b = append(b, vectorPrefix, byte(opV128Const&0xff))
	default:
		b = append(b, byte(c.instr.op))
	}
	switch c.instr.op {
	case opI32Const, opI64Const:
		b = appendSigned(b, int64(c.instr.x))
	case opGlobalGet, opRefFunc:
		b = appendU32(b, uint32(c.instr.x))
	case opRefNull:
		b = append(b, byte(c.instr.x))
	default:
		b = append(b, c.bits...)
	}
	return append(b, byte(opEnd))
}

// take notes that a function's reference is taken, so that it may be called indirectly.
func (m *module) take(f uint32) {
	if m.taken == nil {
		m.taken = make([]bool, maxImports+maxFunctions)
	}
	m.taken[f] = true
	m.hostTaken = m.hostTaken || int(f) < m.importedFuncs
}

// element is a segment of references. Its flags: 1 not active, 2 with a table's index or declarative, 4 by expressions.
type element struct {
	flags  byte
	table  uint32
	offset constant
	of     byte // kind of element, or type of references with flag 4
	funcs  []uint32
	inits  []constant // with flag 4
}

func (e *element) active() bool { return e.flags&1 == 0 }

func (m *module) decodeElements(r *reader) {
	for range r.count(maxSegments, "element segments") {
		m.elements = append(m.elements, m.decodeElement(r))
		if r.err != nil {
			return
		}
	}
}

func (m *module) decodeElement(r *reader) element {
	flags := r.count(7, "as the flags of an element segment")
	e := element{flags: byte(flags)}
	if e.active() {
		if flags&2 != 0 {
			e.table = r.u32()
		}
		if uint64(e.table) >= uint64(len(m.tables)) {
			r.fail("table %d of %d", e.table, len(m.tables))
		}
		e.offset = m.decodeConstant(r)
	}
	if flags&3 != 0 {
		if flags&4 != 0 {
			e.of = r.refType()
		} else if e.of = r.byte(); e.of != 0 && r.err == nil {
			r.at--
			r.fail("element kind %#x is not known", e.of)
		}
	}
	n := r.count(maxInits-m.inits, "elements")
	m.inits += n
	for range n {
		if flags&4 != 0 {
			e.inits = append(e.inits, m.decodeConstant(r))
		} else {
			f := r.index(len(m.funcs), "function")
			e.funcs = append(e.funcs, f)
			if r.err == nil {
				m.take(f)
			}
		}
		if r.err != nil {
			break
		}
	}
	return e
}

func (e *element) append(b []byte) []byte {
	b = append(b, e.flags)
	if e.active() {
		if e.flags&2 != 0 {
			b = appendU32(b, e.table)
		}
		b = e.offset.append(b)
	}
	if e.flags&3 != 0 {
		b = append(b, e.of)
	}
	b = appendU32(b, uint32(len(e.funcs)+len(e.inits)))
	for _, f := range e.funcs {
		b = appendU32(b, f)
	}
	for _, c := range e.inits {
		b = c.append(b)
	}
	return b
}

// data is a segment of bytes.
type data struct {
	passive bool
	offset  constant
	bytes   []byte
}

func (m *module) decodeDatas(r *reader) {
	for range r.count(maxSegments, "data segments") {
		var d data
		flags := r.count(2, "as the flags of a data segment")
		d.passive = flags == 1
		if flags == 2 {
			r.index(1, "memory")
		}
		if !d.passive {
			if len(m.memories) == 0 {
				r.fail("a data segment without a memory")
			}
			d.offset = m.decodeConstant(r)
		}
		d.bytes = r.take(r.count(len(m.bytes), "bytes of data"))
		if r.err != nil {
			return
		}
		m.datas = append(m.datas, d)
	}
}

func (d *data) append(b []byte) []byte {
	if d.passive {
		b = append(b, 1)
	} else {
		b = d.offset.append(append(b, 0))
	}
	return append(appendU32(b, uint32(len(d.bytes))), d.bytes...)
}
