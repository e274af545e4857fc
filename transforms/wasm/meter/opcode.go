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
	result  bool   // leaves a value on the stack
}

// shapes has all instructions of WebAssembly 2.0, which is what api.CoreFeaturesV2 runs; the others are unknown.
var shapes = newShapes()

func newShapes() *[3 * 256]shape {
	var t [3 * 256]shape
	set := func(from, to opcode, o operand, result bool) {
		for op := from; op <= to; op++ {
			t[op] = shape{operand: o, cost: 1, size: plainSize, result: result}
		}
	}
	set(0x00, 0x01, nothing, false)
	set(opBlock, opIf, blockType, false)
	set(opElse, opElse, nothing, false)
	set(opEnd, opEnd, nothing, false)
	set(opBr, opBrIf, label, false)
	set(opBrTable, opBrTable, labels, false)
	set(opReturn, opReturn, nothing, false)
	set(opCall, opCall, function, false)
	set(opCallIndirect, opCallIndirect, typeAndTable, false)
	set(0x1a, 0x1a, nothing, false) // drop
	set(0x1b, 0x1b, nothing, true)  // select
	set(0x1c, 0x1c, oneType, true)  // select of a type
	set(opLocalGet, opLocalGet, local, true)
	set(opLocalSet, opLocalSet, local, false)
	set(opLocalTee, opLocalTee, local, false)
	set(opGlobalGet, opGlobalGet, globalIndex, true)
	set(opGlobalSet, opGlobalSet, globalIndex, false)
	set(0x25, 0x25, tableIndex, true)      // table.get
	set(0x26, 0x26, tableIndex, false)     // table.set
	set(0x28, 0x35, memoryArgument, true)  // loads
	set(0x36, 0x3e, memoryArgument, false) // stores
	set(0x3f, opMemoryGrow, memoryIndex, true)
	set(opI32Const, opI32Const, signed32, true)
	set(opI64Const, opI64Const, signed64, true)
	set(opF32Const, opF32Const, bytes4, true)
	set(opF64Const, opF64Const, bytes8, true)
	set(0x45, 0xc4, nothing, true) // numeric
	set(opRefNull, opRefNull, referenceType, true)
	set(0xd1, 0xd1, nothing, true) // ref.is_null
	set(opRefFunc, opRefFunc, function, true)

	set(misc, misc|7, nothing, true) // truncations that saturate
	set(opMemoryInit, opMemoryInit, dataAndMemory, false)
	set(misc|9, misc|9, dataIndex, false) // data.drop
	set(opMemoryCopy, opMemoryCopy, twoMemories, false)
	set(opMemoryFill, opMemoryFill, memoryIndex, false)
	set(opTableInit, opTableInit, elementAndTable, false)
	set(misc|13, misc|13, elementIndex, false) // elem.drop
	set(opTableCopy, opTableCopy, twoTables, false)
	set(opTableGrow, misc|16, tableIndex, true) // and table.size
	set(opTableFill, opTableFill, tableIndex, false)

	set(vectors, vectors|0x0a, memoryArgument, true)
	set(vectors|0x0b, vectors|0x0b, memoryArgument, false) // v128.store
	set(vectors|0x0c, vectors|0x0d, bytes16, true)         // v128.const, i8x16.shuffle
	set(vectors|0x0e, vectors|0x14, nothing, true)
	set(vectors|0x15, vectors|0x22, laneIndex, true)
	set(vectors|0x23, vectors|0x53, nothing, true)
	set(vectors|0x54, vectors|0x57, memoryAndLane, true)
	set(vectors|0x58, vectors|0x5b, memoryAndLane, false) // stores of a lane
	set(vectors|0x5c, vectors|0x5d, memoryArgument, true)
	set(vectors|0x5e, vectors|0xff, nothing, true)
	for _, hole := range []byte("\x9a\xa2\xa5\xa6\xaf\xb0\xb2\xb3\xb4\xbb\xc2\xc5\xc6\xcf\xd0\xd2\xd3\xd4\xe2\xee") {
		t[vectors|opcode(hole)] = shape{}
	}
	weigh(&t)
	return &t
}
