package meter

// opcode is an instruction's byte; those behind a prefix have misc or vectors added.
type opcode uint16

const (
	misc    = 0x100 // behind 0xfc
	vectors = 0x200 // behind 0xfd

	miscPrefix   = 0xfc
	vectorPrefix = 0xfd
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
	opI64Sub       opcode = 0x7d
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

// operand is what follows an opcode in the code. The zero operand means that the opcode is not known.
type operand byte

const (
	unknown operand = iota
	nothing
	blockType
	label
	labels
	function
	typeAndTable
	oneType
	local
	globalIndex
	tableIndex
	memoryArgument
	memoryIndex
	signed32
	signed64
	bytes4
	bytes8
	bytes16
	laneIndex
	memoryAndLane
	referenceType
	dataAndMemory
	dataIndex
	twoMemories
	elementAndTable
	elementIndex
	twoTables
)

// shape is what the meter has to know of an instruction.
type shape struct {
	operand operand
	cost    uint16 // fuel, besides what depends on operands
	size    uint16 // bytes of compiled code, at worst
	takes   uint8  // values from the stack, besides what depends on types
	result  bool   // leaves a value on the stack
}

// instructions are those of WebAssembly 2.0, which is what api.CoreFeaturesV2 runs. The others are unknown.
var instructions = [...]struct {
	from, to opcode
	operand  operand
	result   bool
}{
	{0x00, 0x01, nothing, false},
	{opBlock, opIf, blockType, false},
	{opElse, opElse, nothing, false},
	{opEnd, opEnd, nothing, false},
	{opBr, opBrIf, label, false},
	{opBrTable, opBrTable, labels, false},
	{opReturn, opReturn, nothing, false},
	{opCall, opCall, function, false},
	{opCallIndirect, opCallIndirect, typeAndTable, false},
	{0x1a, 0x1a, nothing, false}, // drop
	{0x1b, 0x1b, nothing, true},  // select
	{0x1c, 0x1c, oneType, true},  // select of a type
	{opLocalGet, opLocalGet, local, true},
	{opLocalSet, opLocalSet, local, false},
	{opLocalTee, opLocalTee, local, false},
	{opGlobalGet, opGlobalGet, globalIndex, true},
	{opGlobalSet, opGlobalSet, globalIndex, false},
	{0x25, 0x25, tableIndex, true},      // table.get
	{0x26, 0x26, tableIndex, false},     // table.set
	{0x28, 0x35, memoryArgument, true},  // loads
	{0x36, 0x3e, memoryArgument, false}, // stores
	{0x3f, opMemoryGrow, memoryIndex, true},
	{opI32Const, opI32Const, signed32, true},
	{opI64Const, opI64Const, signed64, true},
	{opF32Const, opF32Const, bytes4, true},
	{opF64Const, opF64Const, bytes8, true},
	{0x45, 0xc4, nothing, true}, // numeric
	{opRefNull, opRefNull, referenceType, true},
	{0xd1, 0xd1, nothing, true}, // ref.is_null
	{opRefFunc, opRefFunc, function, true},

	{misc, misc | 7, nothing, true}, // truncations that saturate
	{opMemoryInit, opMemoryInit, dataAndMemory, false},
	{misc | 9, misc | 9, dataIndex, false}, // data.drop
	{opMemoryCopy, opMemoryCopy, twoMemories, false},
	{opMemoryFill, opMemoryFill, memoryIndex, false},
	{opTableInit, opTableInit, elementAndTable, false},
	{misc | 13, misc | 13, elementIndex, false}, // elem.drop
	{opTableCopy, opTableCopy, twoTables, false},
	{opTableGrow, misc | 16, tableIndex, true}, // and table.size
	{opTableFill, opTableFill, tableIndex, false},

	{vectors, vectors | 0x0a, memoryArgument, true},
	{vectors | 0x0b, vectors | 0x0b, memoryArgument, false}, // v128.store
	{vectors | 0x0c, vectors | 0x0d, bytes16, true},         // v128.const, i8x16.shuffle
	{vectors | 0x0e, vectors | 0x14, nothing, true},
	{vectors | 0x15, vectors | 0x22, laneIndex, true},
	{vectors | 0x23, vectors | 0x53, nothing, true},
	{vectors | 0x54, vectors | 0x57, memoryAndLane, true},
	{vectors | 0x58, vectors | 0x5b, memoryAndLane, false}, // stores of a lane
	{vectors | 0x5c, vectors | 0x5d, memoryArgument, true},
	{vectors | 0x5e, vectors | 0xff, nothing, true},
}

// holes are the opcodes between those of vectors that no instruction has.
const holes = "\x9a\xa2\xa5\xa6\xaf\xb0\xb2\xb3\xb4\xbb\xc2\xc5\xc6\xcf\xd0\xd2\xd3\xd4\xe2\xee"

// shapes has the instructions by opcode.
var shapes = newShapes()

func newShapes() *[3 * 256]shape {
	var t [3 * 256]shape
	for _, in := range instructions {
		for op := in.from; op <= in.to; op++ {
			t[op] = shape{operand: in.operand, cost: 1, size: plainSize, result: in.result}
		}
	}
	for i := range len(holes) {
		t[vectors|opcode(holes[i])] = shape{}
	}
	weigh(&t)
	takes(&t)
	return &t
}
