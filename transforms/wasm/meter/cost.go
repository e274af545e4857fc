package meter

// What things cost, in units of fuel; an ordinary instruction costs 1. The costs follow the worst case of wazero's compiled
// code, so that fuel bounds time whatever the guest does.
const (
	callCost     = 24
	indirectCost = 10
	hostCost     = 300 // an imported function; the host itself charges work that depends on the guest's lengths
	storeCost    = 10  // a store across two pages that were not touched lately
	bulkCost     = 48  // besides the share of the length
	growCost     = 1500
	tableCost    = 300 // table.grow, which leaves compiled code, besides the length
	refFuncCost  = 200 // leaves compiled code, too
	divideCost   = 8
	loadCost     = 32 // a load that waits for memory takes as long as hundreds of other instructions

	vectorCost   = 4
	truncateCost = 8
	floatCost    = 6 // numbers near zero are slow on some processors

	// Every cycle passes a function's entry or a loop's header, where the guest traps if the fuel is below zero. Other charges
	// need not trap in a function that costs at most maxLate and, if it calls others, at most maxLateByte for each byte of
	// its frame. The frames that return without passing an entry or header then overdraw at most maxLate, and maxLateByte
	// times the stack, together.
	maxLate     = 200_000
	maxLateByte = 8

	foldCap = 32 // callers pay for a function without loops that costs no more

	bulkShift = 2  // a bulk operation costs its bytes >> 2
	pageShift = 15 // a page of new memory costs 1 << 15

	// What a new instance costs: the engine makes or evaluates each of these and copies each byte of data, and nothing is in a cache.
	instanceCost = 100_000
	globalCost   = 1_400
	elementCost  = 1_800
	segmentCost  = 1_000 // of data
	dataShift    = 1     // and its bytes << 1

	farCost     = 6    // a jump across much code, which may have to be fetched from memory
	farDistance = 1024 // bytes of compiled code

	mostEarly  = 16
	earlyShare = 4 // a node pays in advance for others that cost up to this part of its own cost

	freeMoves = 16 // values that move for free where control flow meets
	moveShift = 1  // others cost 1/2 each
)

// moveCost is the cost of arriving where n values may have to move.
func moveCost(n int) int64 { return int64(max(n-freeMoves, 0) >> moveShift) }

// What a function's frame is estimated from, in bytes.
const (
	frameBase   = 128
	frameValue  = 8 // for each local and parameter, twice for vectors, and each value that the widest call passes
	frameResult = 2 // for each instruction that leaves a value
	frameMerge  = 2 // for each value that may have to move where control flow meets
)

// indirectChecks is for how many instructions that may trap an indirect call counts.
const indirectChecks = 3

// The size of wazero's compiled code, in bytes, at worst.
const (
	plainSize    = 8
	accessSize   = 48 // a load or store, with the check of its bounds
	divideSize   = 128
	truncateSize = 200
	vectorSize   = 48
	bulkSize     = 1000 // more than it is, since it takes long to compile
	indirectSize = 220
	targetSize   = 16 // each of a br_table
	chargeSize   = 48 // the code that charges
	moveSize     = 16 // a value that moves or is passed, for each edge
)
