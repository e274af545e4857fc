package meter

// instr is an instruction and its operands.
type instr struct {
	op   opcode
	x    uint64   // the first index, label or number
	list []uint32 // all labels of br_table but the last, which is x
	raw  []byte   // the instruction in canonical encoding
}

// stream reads the instructions of one function. It checks indices against the module as it came, so a function can
// reach nothing that the meter adds.
type stream struct {
	m *module
	reader
	locals int   // parameters included
	instr  instr // that was read last
}

func (m *module) stream(c *code, out []byte) stream {
	return stream{m: m, reader: reader{bytes: m.bytes, at: c.at, end: c.end, out: out}, locals: c.count}
}

// next reads one instruction, which is valid until the next. It takes each opcode in one spelling only: engines differ in how they
// read others.
func (s *stream) next() *instr {
	s.out = s.out[:0]
	at, in := s.at, &s.instr
	switch in.op = opcode(s.byte()); in.op {
	case miscPrefix:
		if in.op = misc | opcode(s.byte()); in.op > opTableFill {
			in.op = noOpcode
		}
	case vectorPrefix:
		sub := s.byte()
		in.op = vectors | opcode(sub)
		if sub >= 0x80 && s.byte() != 1 {
			in.op = noOpcode
		}
	}
	if shapes[in.op].operands == "" && s.err == nil {
		code := s.bytes[at:min(at+3, s.end)]
		if f, known := featureOf(code[0], code[min(1, len(code)-1)]); known && !spelledLong(code) {
			s.failAt(at, "%s", f)
		}
		s.failAt(at, "opcode %#x is not known", code)
	}
	s.operands(in)
	in.raw = s.out
	return in
}

// spelledLong reports whether the code is a known instruction behind a prefix, with a second byte that is padded.
func spelledLong(code []byte) bool {
	return len(code) == 3 && code[1] >= 0x80 && (code[2] == 0 || code[0] == vectorPrefix && code[2] == 1)
}

// operands reads what follows the opcode.
func (s *stream) operands(in *instr) {
	m := s.m
	for letters := shapes[in.op].operands; letters != ""; letters = letters[1:] {
		switch letter := letters[0]; letter {
		case '-': // none
			return
		case 'b':
			in.x = s.blockType()
		case 'l':
			in.x = uint64(s.u32()) // a label
		case 'L':
			s.labels(in)
		case 'f':
			in.x = uint64(m.function(&s.reader))
		case 's':
			if n := s.u32(); n != 1 {
				s.fail("select of %d types", n)
			}
			s.valueType()
		case 'v':
			in.x = uint64(s.index(s.locals, "local"))
		case 'g':
			in.x = uint64(s.index(m.globals, "global"))
		case 'i':
			in.x = uint64(s.signed(32))
		case 'I':
			in.x = uint64(s.signed(64))
		case '1', '4', '8': // bytes
			s.take(int(letter - '0'))
		case 'V':
			s.take(16)
		case 'r':
			s.refType()
		case 'y':
			in.x = uint64(s.index(len(m.types), "type"))
		case 't':
			s.index(m.tables, "table")
		case 'e':
			s.index(m.elements, "element segment")
		case 'd':
			s.index(max(m.dataCount, 0), "data segment")
		case 'm':
			if len(m.memories) == 0 {
				s.fail("an instruction on memory without a memory")
				return
			}
		case 'a':
			s.count(4, "as the alignment's exponent")
			in.x = uint64(s.u32()) // the offset
		case '0':
			at := s.at
			if zero := s.byte(); zero != 0 {
				s.failAt(at, "memory %#x of 1", zero)
			}
		}
	}
}

// isType marks a block type that is the index of a type, not the type of a result.
const isType = 1 << 32

func (s *stream) blockType() uint64 {
	at := s.at
	if at < s.end && s.bytes[at] >= 0x40 && s.bytes[at] < 0x80 {
		if s.bytes[at] == noType {
			return uint64(s.byte())
		}
		return uint64(s.valueType())
	}
	i := s.signed(33)
	if i < 0 || i >= int64(len(s.m.types)) {
		s.failAt(at, "block type %d of %d", i, len(s.m.types))
	}
	if s.err != nil {
		return noType
	}
	return isType | uint64(i)
}

func (s *stream) labels(in *instr) {
	n := s.count(maxTargets, "targets of a br_table")
	in.list = in.list[:0]
	for range n {
		in.list = append(in.list, s.u32())
		if s.err != nil {
			return
		}
	}
	in.x = uint64(s.u32())
}
