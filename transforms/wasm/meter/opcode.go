package meter

// opcode is an instruction's first byte, or its second one and misc or vectors if the first is a prefix.
type opcode uint16

const (
	misc    = 0x100 // behind 0xfc
	vectors = 0x200 // behind 0xfd

	miscPrefix   = 0xfc
	vectorPrefix = 0xfd

	noOpcode = misc | 0xff // no instruction has it
)

// The instructions that the meter knows by name.
const (
	opUnreachable  opcode = 0x00
	opBlock        opcode = 0x02
	opLoop         opcode = 0x03
	opIf           opcode = 0x04
	opElse         opcode = 0x05
	opEnd          opcode = 0x0b
	opBr           opcode = 0x0c
	opBrIf         opcode = 0x0d
	opBrTable      opcode = 0x0e
	opReturn       opcode = 0x0f
	opCall         opcode = 0x10
	opCallIndirect opcode = 0x11
	opLocalGet     opcode = 0x20
	opLocalSet     opcode = 0x21
	opLocalTee     opcode = 0x22
	opGlobalGet    opcode = 0x23
	opGlobalSet    opcode = 0x24
	opMemoryGrow   opcode = 0x40
	opI32Const     opcode = 0x41
	opI64Const     opcode = 0x42
	opF32Const     opcode = 0x43
	opF64Const     opcode = 0x44
	opI32Ne        opcode = 0x47
	opI64LtS       opcode = 0x53
	opI32LtS       opcode = 0x48
	opI32Add       opcode = 0x6a
	opI32Sub       opcode = 0x6b
	opI32Mul       opcode = 0x6c
	opI64Add       opcode = 0x7c
	opI64Sub       opcode = 0x7d
	opI64Mul       opcode = 0x7e
	opI64Shl       opcode = 0x86
	opI64ShrU      opcode = 0x88
	opI64ExtendI32 opcode = 0xad
	opRefNull      opcode = 0xd0
	opRefFunc      opcode = 0xd2
	opMemoryInit   opcode = misc | 8
	opMemoryCopy   opcode = misc | 10
	opMemoryFill   opcode = misc | 11
	opTableInit    opcode = misc | 12
	opTableCopy    opcode = misc | 14
	opTableGrow    opcode = misc | 15
	opTableFill    opcode = misc | 17
	opV128Const    opcode = vectors | 12
)

// shape is what the meter knows of an instruction.
type shape struct {
	operands string // what follows the opcode, a letter for each; see [stream.operands]. An opcode without any is not known
	takes    uint8  // values from the stack, besides those that depend on types
	result   bool   // leaves a value on the stack
	cost     uint16 // fuel, besides what depends on operands
	size     uint16 // bytes of compiled code, at worst
}

// instructions are those of WebAssembly 2.0, which wazero's CoreFeaturesV2 runs. Others are not known. Later rows override
// earlier ones; a size of 0 means plainSize. An instruction costs 1, or 0 if no machine code is made for it. local.tee leaves the
// value that it takes, so it takes none here.
var instructions = [...]struct {
	from, to opcode
	shape
}{
	{opUnreachable, opUnreachable, shape{"-", 0, false, 1, 0}},
	{0x01, 0x01, shape{"-", 0, false, 0, 0}}, // nop
	{opBlock, opLoop, shape{"b", 0, false, 0, 0}},
	{opIf, opIf, shape{"b", 1, false, 1, 0}},
	{opElse, opElse, shape{"-", 0, false, 1, 0}},
	{opEnd, opEnd, shape{"-", 0, false, 0, 0}},
	{opBr, opBr, shape{"l", 0, false, 1, 0}},
	{opBrIf, opBrIf, shape{"l", 1, false, 1, 0}},
	{opBrTable, opBrTable, shape{"L", 1, false, 1, 0}},
	{opReturn, opReturn, shape{"-", 0, false, 1, 0}},
	{opCall, opCall, shape{"f", 0, false, 1, 0}},
	{opCallIndirect, opCallIndirect, shape{"yt", 1, false, 1, indirectSize}},
	{0x1a, 0x1a, shape{"-", 1, false, 0, 0}}, // drop
	{0x1b, 0x1b, shape{"-", 3, true, 1, 0}},  // select
	{0x1c, 0x1c, shape{"s", 3, true, 1, 0}},  // select of a type
	{opLocalGet, opLocalGet, shape{"v", 0, true, 0, 0}},
	{opLocalSet, opLocalSet, shape{"v", 1, false, 1, 0}},
	{opLocalTee, opLocalTee, shape{"v", 0, false, 1, 0}},
	{opGlobalGet, opGlobalGet, shape{"g", 0, true, 1, 0}},
	{opGlobalSet, opGlobalSet, shape{"g", 1, false, 1, 0}},
	{0x25, 0x25, shape{"t", 1, true, 1, accessSize}},  // table.get
	{0x26, 0x26, shape{"t", 2, false, 1, accessSize}}, // table.set
	{0x28, 0x35, shape{"ma", 1, true, loadCost, accessSize}},
	{0x36, 0x3e, shape{"ma", 2, false, storeCost, accessSize}},
	{0x3f, 0x3f, shape{"m0", 0, true, 1, 0}}, // memory.size
	{opMemoryGrow, opMemoryGrow, shape{"m0", 1, true, growCost, bulkSize}},
	{opI32Const, opI32Const, shape{"i", 0, true, 0, 0}},
	{opI64Const, opI64Const, shape{"I", 0, true, 0, 0}},
	{opF32Const, opF32Const, shape{"4", 0, true, 1, 0}},
	{opF64Const, opF64Const, shape{"8", 0, true, 1, 0}},

	{0x45, 0xc4, shape{"-", 1, true, 1, 0}}, // numbers: of one operand
	{0x46, 0x4f, shape{"-", 2, true, 1, 0}}, // comparisons
	{0x51, 0x66, shape{"-", 2, true, 1, 0}},
	{0x6a, 0x78, shape{"-", 2, true, 1, 0}}, // i32
	{0x6d, 0x70, shape{"-", 2, true, divideCost, divideSize}},
	{0x7c, 0x8a, shape{"-", 2, true, 1, 0}}, // i64
	{0x7f, 0x82, shape{"-", 2, true, divideCost, divideSize}},
	{0x91, 0x91, shape{"-", 1, true, divideCost, 0}}, // f32.sqrt
	{0x92, 0x97, shape{"-", 2, true, floatCost, 0}},
	{0x95, 0x95, shape{"-", 2, true, divideCost, 0}}, // f32.div
	{0x98, 0x98, shape{"-", 2, true, 1, 0}},          // f32.copysign
	{0x9f, 0x9f, shape{"-", 1, true, divideCost, 0}}, // f64.sqrt
	{0xa0, 0xa5, shape{"-", 2, true, floatCost, 0}},
	{0xa3, 0xa3, shape{"-", 2, true, divideCost, 0}}, // f64.div
	{0xa6, 0xa6, shape{"-", 2, true, 1, 0}},          // f64.copysign
	{0xa8, 0xab, shape{"-", 1, true, truncateCost, truncateSize}},
	{0xae, 0xb1, shape{"-", 1, true, truncateCost, truncateSize}},
	{0xb6, 0xb6, shape{"-", 1, true, floatCost, 0}}, // f32.demote_f64
	{0xbb, 0xbb, shape{"-", 1, true, floatCost, 0}}, // f64.promote_f32

	{opRefNull, opRefNull, shape{"r", 0, true, 1, 0}},
	{0xd1, 0xd1, shape{"-", 1, true, 1, 0}}, // ref.is_null
	{opRefFunc, opRefFunc, shape{"f", 0, true, refFuncCost, 0}},

	{misc, misc | 7, shape{"-", 1, true, truncateCost, truncateSize}}, // truncations that saturate
	{opMemoryInit, opMemoryInit, shape{"md0", 3, false, bulkCost, bulkSize}},
	{misc | 9, misc | 9, shape{"d", 0, false, bulkCost, bulkSize}}, // data.drop
	{opMemoryCopy, opMemoryCopy, shape{"m00", 3, false, bulkCost, bulkSize}},
	{opMemoryFill, opMemoryFill, shape{"m0", 3, false, bulkCost, bulkSize}},
	{opTableInit, opTableInit, shape{"et", 3, false, bulkCost, bulkSize}},
	{misc | 13, misc | 13, shape{"e", 0, false, bulkCost, bulkSize}}, // elem.drop
	{opTableCopy, opTableCopy, shape{"tt", 3, false, bulkCost, bulkSize}},
	{opTableGrow, opTableGrow, shape{"t", 2, true, tableCost, bulkSize}},
	{misc | 16, misc | 16, shape{"t", 0, true, bulkCost, bulkSize}}, // table.size
	{opTableFill, opTableFill, shape{"t", 3, false, bulkCost, bulkSize}},

	{vectors, vectors | 0xff, shape{"-", 1, true, vectorCost, vectorSize}}, // vectors: of one operand
	{vectors, vectors | 0x0a, shape{"ma", 1, true, loadCost, vectorSize}},
	{vectors | 0x0b, vectors | 0x0b, shape{"ma", 2, false, storeCost, vectorSize}},
	{opV128Const, opV128Const, shape{"V", 0, true, vectorCost, vectorSize}},
	{vectors | 0x0d, vectors | 0x0d, shape{"V", 2, true, vectorCost, vectorSize}}, // shuffle
	{vectors | 0x15, vectors | 0x22, shape{"1", 1, true, vectorCost, vectorSize}},
	{vectors | 0x52, vectors | 0x52, shape{"-", 3, true, vectorCost, vectorSize}}, // bitselect
	{vectors | 0x54, vectors | 0x57, shape{"ma1", 2, true, loadCost, vectorSize}},
	{vectors | 0x58, vectors | 0x5b, shape{"ma1", 2, false, storeCost, vectorSize}},
	{vectors | 0x5c, vectors | 0x5d, shape{"ma", 1, true, loadCost, vectorSize}},
	{vectors | 0x5e, vectors | 0x5f, shape{"-", 1, true, divideCost, vectorSize}}, // f32x4.demote, f64x2.promote
	{vectors | 0xe3, vectors | 0xe3, shape{"-", 1, true, divideCost, vectorSize}}, // f32x4.sqrt
	{vectors | 0xef, vectors | 0xef, shape{"-", 1, true, divideCost, vectorSize}}, // f64x2.sqrt
}

// pairs are the vectors' instructions that take two operands, besides those above, as pairs of first and last opcode: swizzle, the
// replacements of a lane, comparisons, bitwise operations, and arithmetic.
const pairs = "\x0e\x0e\x17\x17\x1a\x1a\x1c\x1c\x1e\x1e\x20\x20\x22\x4c\x4e\x51" +
	"\x65\x66\x6b\x73\x76\x79\x7b\x7b\x82\x82\x85\x86\x8b\x93\x95\x9f\xab\xbf\xcb\xdf\xe4\xeb\xf0\xf7"

// slow are those of them that take long, in the same form: arithmetic on floats.
const slow = "\xe4\xe9\xf0\xf5"

// holes are the opcodes between the vectors' that no instruction has, in the same form.
const holes = "\x9a\x9a\xa2\xa2\xa5\xa6\xaf\xb0\xb2\xb4\xbb\xbb\xc2\xc2\xc5\xc6\xcf\xd0\xd2\xd4\xe2\xe2\xee\xee"

// shapes holds the shape of each opcode.
var shapes = newShapes()

func newShapes() *[3 * 256]shape {
	var t [3 * 256]shape
	for _, row := range instructions {
		if row.size == 0 {
			row.size = plainSize
		}
		for op := row.from; op <= row.to; op++ {
			t[op] = row.shape
		}
	}
	each := func(runs string, set func(*shape)) {
		for ; runs != ""; runs = runs[2:] {
			for op := opcode(runs[0]); op <= opcode(runs[1]); op++ {
				set(&t[vectors|op])
			}
		}
	}
	each(pairs, func(s *shape) { s.takes = 2 })
	each(slow, func(s *shape) { s.cost = divideCost })
	each(holes, func(s *shape) { *s = shape{} })
	return &t
}
