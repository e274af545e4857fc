package meter

// What a module may contain. Each bound limits the work of rewriting, compiling or instantiating it.
const (
	maxFuel       = 1 << 60
	maxPages      = 1 << 16 // of memory
	maxTypes      = 20_000
	maxImports    = 1_000
	maxFunctions  = 50_000 // defined ones
	maxTables     = 16
	maxMemories   = 100     // more than one is refused as a feature
	maxElements   = 1 << 16 // of a table, and of all tables at first
	maxGlobals    = 20_000
	maxExports    = 20_000
	maxSegments   = 1 << 17  // of data, and of elements; Go makes tens of thousands
	maxInits      = 1 << 17  // elements in all segments
	maxConstant   = 1_000    // instructions of an initialiser
	maxGap        = 64       // bytes of zeros between data segments that become one
	maxArity      = 1_000    // parameters, or results, of a function or a block
	maxLocals     = 20_000   // of a function, parameters included
	maxAllLocals  = 2 << 20  // of all functions
	maxBody       = 2 << 20  // bytes of a function's code
	maxDepth      = 5_000    // of blocks within blocks
	maxLoops      = 1_000    // of a function
	maxBulk       = 1_000    // operations of a function that are charged by length
	maxNodes      = 16_384   // of a function: loops, arms and ends
	maxTargets    = 8_192    // of one br_table; Go makes 1,000
	maxMerges     = 1 << 20  // of a function: values that move where control flow meets, over all edges
	maxAllMerges  = 8 << 20  // of all functions
	maxCompiled   = 64 << 20 // bytes of compiled code, by an estimate that is about twice the real size
	maxWalks      = 9 << 20  // steps to find the loops of all functions, each up to 0.2 µs
	maxLives      = 1 << 20  // of a function: live values, over all stretches of code
	maxAllLives   = 16 << 20 // of all functions
	maxPairs      = 1 << 27  // of a function: pairs of values that may meet, over all edges
	maxAllPairs   = 1 << 30  // of all functions
	maxSteps      = 1 << 26  // steps back to where the locals of all functions were set
	maxChecks     = 1 << 15  // of a function: instructions that access memory or may trap otherwise
	maxReloads    = 1 << 18  // of a function: mutable globals, for each call
	maxAllReloads = 1 << 24  // of all functions
	maxDeclared   = 1 << 26  // globals times functions: a compiler declares all globals in each function
	maxName       = 100_000  // bytes
	grownFrom     = 5 << 20  // bytes of a module: the bounds of all functions together grow with a longer one
	maxGrowth     = 6        // times the module's length, at most, and outputFloor
	outputFloor   = 1 << 20  // bytes that any module may grow to
)
