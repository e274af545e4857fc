package meter

// instr is an instruction and its operands.
type instr struct {
	op   opcode
	x, y uint64   // indices, labels and numbers, in their order
	raw  []byte   // of a float, a vector or lanes, as they are
	list []uint32 // labels of br_table but the last, which is x; good until the next instruction
}

// stream reads the instructions of one function. Indices are checked against the module as it came: a function can
// reach nothing that the meter adds.
type stream struct {
	m *module
	reader
	locals int // and parameters
	list   []uint32
}

func (m *module) stream(c *code) stream {
	return stream{m: m, reader: reader{bytes: m.bytes, at: c.at, end: c.end}, locals: c.count}
}

// next reads one instruction. Opcodes are taken in their one spelling only: engines differ in how they read others.
func (s *stream) next() instr {
	at := s.at
	in := instr{op: opcode(s.byte())}
	switch in.op {
	case miscPrefix:
		in.op = misc | opcode(s.byte())
		if in.op > opTableFill {
			in.op = misc | 0xff // which no instruction has
		}
	case vectorPrefix:
		sub := s.byte()
		in.op = vectors | opcode(sub)
		if sub >= 0x80 && s.byte() != 1 {
			in.op = misc | 0xff
		}
	}
	if shapes[in.op].operand == unknown && s.err == nil {
		s.at = at
		s.fail("opcode %#x is not known", s.bytes[at:min(at+3, s.end)])
	}
	s.operands(&in)
	return in
}

func (s *stream) operands(in *instr) {
	switch shapes[in.op].operand {
	case blockType:
		in.x = s.blockType()
	case label:
		in.x = uint64(s.u32())
	case labels:
		s.labels(in)
	case function:
		in.x = uint64(s.index(len(s.m.funcs), "function"))
	case oneType:
		if n := s.u32(); n != 1 && s.err == nil {
			s.fail("select of %d types", n)
		}
		in.x = uint64(s.valueType())
	case local:
		in.x = uint64(s.index(s.locals, "local"))
	case globalIndex:
		in.x = uint64(s.index(len(s.m.globals), "global"))
	case signed32:
		in.x = uint64(s.signed(32))
	case signed64:
		in.x = uint64(s.signed(64))
	case bytes4:
		in.raw = s.take(4)
	case bytes8:
		in.raw = s.take(8)
	case bytes16:
		in.raw = s.take(16)
	case laneIndex:
		in.raw = s.take(1)
	case referenceType:
		in.x = uint64(s.refType())
	case memoryArgument, memoryAndLane, memoryIndex, twoMemories, dataAndMemory, dataIndex:
		s.memoryOperands(in)
	case tableIndex, typeAndTable, elementAndTable, elementIndex, twoTables:
		s.tableOperands(in)
	}
}

func (s *stream) memoryOperands(in *instr) {
	of := shapes[in.op].operand
	if len(s.m.memories) == 0 && of != dataIndex {
		s.fail("an instruction on memory without a memory")
		return
	}
	switch of {
	case memoryArgument, memoryAndLane:
		in.x = uint64(s.count(4, "as the alignment's exponent"))
		in.y = uint64(s.u32())
		if of == memoryAndLane {
			in.raw = s.take(1)
		}
		return
	case dataAndMemory, dataIndex:
		in.x = uint64(s.index(max(s.m.dataCount, 0), "data segment"))
	}
	zeros := 1
	switch of {
	case dataIndex:
		zeros = 0
	case twoMemories:
		zeros = 2
	}
	for range zeros {
		if zero := s.byte(); zero != 0 && s.err == nil {
			s.at--
			s.fail("memory %#x of 1", zero)
		}
	}
}

func (s *stream) tableOperands(in *instr) {
	switch shapes[in.op].operand {
	case tableIndex:
		in.x = uint64(s.index(len(s.m.tables), "table"))
	case typeAndTable:
		in.x = uint64(s.index(len(s.m.types), "type"))
		in.y = uint64(s.index(len(s.m.tables), "table"))
	case elementAndTable:
		in.x = uint64(s.index(len(s.m.elements), "element segment"))
		in.y = uint64(s.index(len(s.m.tables), "table"))
	case elementIndex:
		in.x = uint64(s.index(len(s.m.elements), "element segment"))
	case twoTables:
		in.x = uint64(s.index(len(s.m.tables), "table"))
		in.y = uint64(s.index(len(s.m.tables), "table"))
	}
}

// isType says that a block type is the index of one, and not a result's type.
const isType = 1 << 32

func (s *stream) blockType() uint64 {
	if s.at < s.end && s.bytes[s.at] >= 0x40 && s.bytes[s.at] < 0x80 {
		if s.bytes[s.at] == noType {
			s.at++
			return noType
		}
		return uint64(s.valueType())
	}
	at := s.at
	i := s.signed(33)
	if s.err != nil {
		return noType
	}
	if i < 0 || i >= int64(len(s.m.types)) {
		s.at = at
		s.fail("block type %d of %d", i, len(s.m.types))
		return noType
	}
	return isType | uint64(i)
}

func (s *stream) labels(in *instr) {
	n := s.count(maxTargets, "targets of a br_table")
	s.list = s.list[:0]
	for range n {
		s.list = append(s.list, s.u32())
		if s.err != nil {
			return
		}
	}
	in.list, in.x = s.list, uint64(s.u32())
}

// append writes the instruction in its one spelling.
func (in *instr) append(b []byte) []byte {
	switch {
	case in.op >= vectors:
		b = append(b, vectorPrefix, byte(in.op))
		if in.op&0xff >= 0x80 {
			b = append(b, 1)
		}
	case in.op >= misc:
		b = append(b, miscPrefix, byte(in.op))
	default:
		b = append(b, byte(in.op))
	}
	switch shapes[in.op].operand {
	case blockType:
		if in.x&isType == 0 {
			return append(b, byte(in.x))
		}
		return appendSigned(b, int64(in.x&^isType))
	case labels:
		b = appendU32(b, uint32(len(in.list)))
		for _, target := range in.list {
			b = appendU32(b, target)
		}
		return appendU32(b, uint32(in.x))
	case label, function, local, globalIndex, tableIndex, elementIndex, dataIndex:
		return appendU32(b, uint32(in.x))
	case oneType:
		return append(b, 1, byte(in.x))
	case referenceType:
		return append(b, byte(in.x))
	case signed32, signed64:
		return appendSigned(b, int64(in.x))
	case typeAndTable, elementAndTable, twoTables, memoryArgument:
		return appendU32(appendU32(b, uint32(in.x)), uint32(in.y))
	case memoryAndLane:
		return append(appendU32(appendU32(b, uint32(in.x)), uint32(in.y)), in.raw...)
	case dataAndMemory:
		return append(appendU32(b, uint32(in.x)), 0)
	case memoryIndex:
		return append(b, 0)
	case twoMemories:
		return append(b, 0, 0)
	}
	return append(b, in.raw...)
}
