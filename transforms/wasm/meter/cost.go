package meter

// What things cost, in fuel, where an instruction's own is 1. They follow what wazero's compiled code takes at worst, so
// that fuel bounds time whatever the guest does.
const (
	callCost     = 16
	indirectCost = 10
	hostCost     = 300 // an imported function; what it does by the guest's lengths, the host charges itself
	storeCost    = 12  // one across two pages that were not touched lately
	bulkCost     = 48  // and the length's share
	growCost     = 1500
	tableCost    = 300 // table.grow, which leaves compiled code, and the length
	refFuncCost  = 200 // leaves compiled code too
	divideCost   = 8
	loadCost     = 48 // one that waits for memory takes as long as hundreds of others

	vectorCost   = 4
	truncateCost = 8
	floatCost    = 6 // numbers near zero take some processors long

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

// moveCost is what the arrival costs at a place where so many values may have to be moved.
func moveCost(n int) int64 { return int64(max(n-freeMoves, 0) >> moveShift) }

// What a function's frame is estimated from, in bytes.
const (
	frameBase   = 128
	frameValue  = 8 // each local and parameter, twice for vectors, and what the widest call passes
	frameResult = 2 // each instruction that leaves a value
	frameMerge  = 2 // each value that may have to move where control flow meets
)

// indirectChecks is how often an indirect call counts as an instruction that may trap.
const indirectChecks = 3

// What instructions become when wazero compiles them, in bytes, at worst.
const (
	plainSize    = 8
	accessSize   = 48 // to memory or a table, with the check of its bounds
	divideSize   = 128
	truncateSize = 200
	vectorSize   = 48
	bulkSize     = 1000 // more than it is: it takes long to compile
	indirectSize = 220
	targetSize   = 16 // each of a br_table
	chargeSize   = 48 // what is inserted
	moveSize     = 16 // a value that moves, on each way, or is passed
)
