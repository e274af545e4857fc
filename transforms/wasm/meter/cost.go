package meter

// What things cost, in fuel, where an instruction's own is 1. They follow what wazero's compiled code takes at worst, so
// that fuel bounds time whatever the guest does.
const (
	callCost     = 16
	indirectCost = 10
	hostCost     = 300 // an imported function; what it does by the guest's lengths, the host charges itself
	bulkCost     = 20  // and the length's share
	growCost     = 1500
	tableCost    = 300 // table.grow, which leaves compiled code, and the length
	refFuncCost  = 200 // leaves compiled code too
	divideCost   = 8
	loadCost     = 24 // one that waits for memory takes as long as hundreds of others

	vectorCost   = 4
	truncateCost = 8

	// Every cycle has an entry or a loop's header, where the guest traps when the fuel is below zero. Where else fuel is
	// taken, it need not: a function that costs no more than maxLate, and where it calls others maxLateByte for each byte of
	// its frame, may overdraw. Since a trap waits at the next entry or header, all frames that return without passing one
	// overdraw maxLate and maxLateByte times the stack at most.
	maxLate     = 200_000
	maxLateByte = 8

	foldCap = 100 // a function without loops that costs no more is paid by its callers, and counts nothing itself

	bulkShift = 3  // a bulk operation costs its bytes >> 3
	pageShift = 13 // a page of memory that was grown costs 1 << 13
	dataShift = 3  // bytes of active data segments, at the beginning

	farCost     = 16   // for a way that leads across much code, which may have to be fetched from memory
	farDistance = 1024 // bytes of compiled code

	freeMoves = 16 // values that may move where control flow meets, in registers as it were
	moveShift = 1  // beyond, each costs 1/2
)

// weigh puts the costs of instructions that are not 1 into the table.
func weigh(t *[3 * 256]shape) {
	costs := func(cost uint16, ops ...opcode) {
		for _, op := range ops {
			t[op].cost = cost
		}
	}
	for op := opcode(vectors); op < vectors+256; op++ {
		t[op].cost = vectorCost
	}
	for op := range t {
		if of := t[op].operand; t[op].result && (of == memoryArgument || of == memoryAndLane) {
			t[op].cost = loadCost
		}
	}
	sizes := func(size uint16, from, to opcode) {
		for op := from; op <= to; op++ {
			t[op].size = size
		}
	}
	sizes(accessSize, 0x25, 0x3e)
	sizes(divideSize, 0x6d, 0x70)
	sizes(divideSize, 0x7f, 0x82)
	sizes(truncateSize, 0xa8, 0xab)
	sizes(truncateSize, 0xae, 0xb1)
	sizes(truncateSize, misc|0, misc|7)
	sizes(bulkSize, misc|8, opTableFill)
	sizes(bulkSize, opMemoryGrow, opMemoryGrow)
	sizes(indirectSize, opCallIndirect, opCallIndirect)
	sizes(vectorSize, vectors, vectors|0xff)
	costs(divideCost, 0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82, 0x91, 0x95, 0x9f, 0xa3)
	costs(divideCost, vectors|0xe3, vectors|0xe7, vectors|0xef, vectors|0xf3)
	for op := range t {
		if t[op].size == truncateSize {
			t[op].cost = truncateCost
		}
	}
	costs(bulkCost, opMemoryInit, opMemoryCopy, opMemoryFill, opTableInit, opTableCopy, opTableFill)
	costs(growCost, opMemoryGrow)
	costs(tableCost, opTableGrow)
	costs(refFuncCost, opRefFunc)
}

// moveCost is what the arrival costs at a place where so many values may have to be moved.
func moveCost(n int) int64 { return int64(max(n-freeMoves, 0) >> moveShift) }

// What a function's frame is estimated from, in bytes.
const (
	frameBase   = 128
	frameValue  = 8 // each local and parameter, twice for vectors, and what the widest call passes
	frameResult = 2 // each instruction that leaves a value
	frameMerge  = 2 // each value that may have to move where control flow meets
)

// What instructions become when wazero compiles them, in bytes, at worst.
const (
	plainSize    = 8
	accessSize   = 48 // to memory or a table, with the check of its bounds
	divideSize   = 128
	truncateSize = 200
	vectorSize   = 48
	bulkSize     = 1000 // more than it is: it takes long to compile
	indirectSize = 220
	chargeSize   = 48 // what is inserted
	moveSize     = 16 // a value that moves, on each way, or is passed
)
