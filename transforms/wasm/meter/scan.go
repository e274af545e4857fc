package meter

import "math"

// node is a stretch of code with a single entry: it starts at the function's entry, a loop's header, an arm of an if, or after
// an end, and extends to the next of these. Each arrival runs each of its instructions at most once, so a charge on arrival
// covers the node.
type node struct {
	cost   int64
	early  int64 // the part of cost that is charged in advance for nodes below
	parent int32 // the node that every arrival here has passed once; -1 for the entry and for a loop's header
	always bool  // each arrival at the parent reaches this node once, or traps
	depth  int   // of the compiler's tree of dominators, at most
}

// block is an open block, loop or if, or the function itself.
type block struct {
	op      opcode // opElse in the second arm
	opener  int32  // the node that it started in
	header  int32  // of a loop
	sets    int    // locals set before it
	ways    int    // edges to its label and its end
	params  int
	results int
	size    int  // of compiled code before it, or before its second arm
	height  int  // operands below its own
	loops   int  // around it, itself included
	live    bool // its start is reachable
	sure    bool // no branch leads past its start, from the node that it started in
	out     int  // the outermost block that a branch in it leads to, by its place in the stack of blocks
	shallow int  // the least depth that an edge to its label or end comes from
}

// flow is what a scan finds in a function.
type flow struct {
	nodes    []node
	cost     int64 // of all nodes together, without folded callees
	loops    int
	bulk     int // operations that are charged by length
	values   int // instructions that leave a value
	arity    int // the most parameters and results of a call
	merges   int // values that may have to move where control flow meets
	moves    int // the same, over all edges
	size     int // bytes of compiled code
	walks    int // steps of the compiler to find the loops: the depth, for each stretch of code and each branch
	calls    []uint32
	indirect []uint32 // types
	work
}

// scanner walks one function.
type scanner struct {
	stream
	flow
	blocks []block
	node   int32 // the current one
	sets   int   // instructions that set a local, so far
	live   bool  // the code here is reachable, as an engine sees it
	left   bool  // a branch may have left the current node
	folded []int64
}

// scan reads a function and finds its nodes. s.folded has the cost of each function that its callers pay for, or is nil.
func (m *module) scan(f int, s *scanner) error {
	c := &m.codes[f]
	result := m.types[m.funcs[m.importedFuncs+f]].Results
	*s = scanner{
		stream: m.stream(c, s.out), folded: s.folded, blocks: s.blocks[:0], live: true,
		flow: flow{
			nodes: append(s.nodes[:0], node{cost: 1, parent: -1}), calls: s.calls[:0], indirect: s.indirect[:0], work: newWork(s.work, c.count),
		},
	}
	s.blocks = append(s.blocks, block{op: opBlock, results: len(result), live: true, out: math.MaxInt, shallow: math.MaxInt})
	for len(s.blocks) > 0 && s.err == nil {
		if in := s.next(); s.err == nil {
			s.step(in)
		}
	}
	if s.err == nil && s.at != s.end {
		s.fail("code after the function's end")
	}
	s.checkWork()
	for _, n := range s.nodes {
		s.cost += n.cost
	}
	return s.err
}

// checkWork refuses a function that would take long to compile: the compiler cannot be interrupted within a function.
func (s *scanner) checkWork() {
	switch {
	case s.loops > maxLoops:
		s.fail("%d loops in a function, want at most %d", s.loops, maxLoops)
	case s.bulk > maxBulk:
		s.fail("%d bulk operations in a function, want at most %d", s.bulk, maxBulk)
	case len(s.nodes) > maxNodes:
		s.fail("%d branches in a function, want at most %d", len(s.nodes), maxNodes)
	case s.checks > maxChecks:
		s.fail("%d instructions in a function that access memory or may trap otherwise, want at most %d", s.checks, maxChecks)
	case s.reloads > maxReloads:
		s.fail("too many globals that can change, for so many calls in a function: want at most %d of them after all calls together", maxReloads)
	case s.lives() > maxLives:
		s.fail("too many values live on at too many branches: want at most %d", maxLives)
	case s.pairs() > maxPairs:
		s.fail("too many values meet at too many branches: want at most %d pairs", maxPairs)
	}
}

func (s *scanner) pay(cost int64) { s.nodes[s.node].cost += cost }

func (s *scanner) step(in *instr) {
	shape := shapes[in.op]
	s.pay(int64(shape.cost))
	s.size += int(shape.size)
	if shape.size >= accessSize {
		s.checks++
	}
	s.height = max(s.height-int(shape.takes), s.base())
	switch in.op {
	case opBlock, opLoop, opIf:
		s.open(in)
	case opElse:
		s.otherwise()
	case opEnd:
		s.close()
	case opBr:
		s.branch(in.x)
		s.stop()
	case opBrIf:
		s.branch(in.x)
		s.deeper()
	case opBrTable:
		for _, target := range in.list {
			s.branch(uint64(target))
		}
		s.branch(in.x)
		s.size += targetSize * len(in.list)
		s.stop()
	case opReturn:
		s.branchOut()
		s.stop()
	case opUnreachable:
		s.stop()
	case opLocalGet, opLocalSet, opLocalTee:
		s.local(in)
	case opCall:
		s.call(in)
	case opCallIndirect:
		s.callIndirect(in)
	case opRefFunc:
		if f := uint32(in.x); s.m.hasStart && f == s.m.start && !s.m.startSeen {
			s.fail("undeclared reference to function %d", f) // the export that is added would declare it
		}
		s.m.take(uint32(in.x))
	case opMemoryGrow, opMemoryInit, opMemoryCopy, opMemoryFill, opTableInit, opTableCopy, opTableGrow, opTableFill:
		s.bulk++
		s.trap()
	}
	if shape.result {
		s.values++
		s.height++
	}
}

func (s *scanner) local(in *instr) {
	switch {
	case !s.live:
	case in.op == opLocalGet:
		s.get(in.x, s.nodes[s.node].depth)
	default:
		s.set(in.x)
		s.sets++
	}
}

// branchOut notes a return.
func (s *scanner) branchOut() {
	s.blocks[len(s.blocks)-1].out, s.left = 0, true
	if s.live {
		s.edge(&s.blocks[0])
	}
}

// edge notes an edge from here to a block's label or end.
func (s *scanner) edge(to *block) {
	to.ways++
	to.shallow = min(to.shallow, s.nodes[s.node].depth)
}

// base is the height of the stack below the operands of the innermost block.
func (s *scanner) base() int { return s.blocks[len(s.blocks)-1].height }

// stop marks the rest of the block as unreachable.
func (s *scanner) stop() {
	s.live = false
	s.height = s.base()
}

func (s *scanner) call(in *instr) {
	s.callee(s.m.types[s.m.funcs[in.x]])
	if in.x < uint64(s.m.importedFuncs) {
		s.pay(hostCost)
		return
	}
	f := uint32(in.x) - uint32(s.m.importedFuncs)
	s.calls = append(s.calls, f)
	s.pay(callCost)
	if s.folded != nil {
		s.pay(s.folded[f])
	}
}

func (s *scanner) callIndirect(in *instr) {
	s.pay(indirectCost + foldCap)
	s.checks += indirectChecks - 1
	if s.m.hostTaken {
		s.pay(hostCost)
	}
	s.callee(s.m.types[in.x])
	s.indirect = append(s.indirect, uint32(in.x))
}

func (s *scanner) callee(of Signature) {
	s.height = max(s.height-len(of.Params), s.base()) + len(of.Results)
	n := len(of.Params) + len(of.Results)
	s.pay(moveCost(n))
	s.size += n * moveSize
	s.arity = max(s.arity, n)
	s.values += len(of.Results)
	s.reloads += s.m.mutables
	s.trap()
}

// begin starts the next node, below a dominator of the given depth.
func (s *scanner) begin(parent int32, depth int) {
	next := node{parent: parent, depth: depth}
	if parent < 0 {
		next.cost = 1 // a header must always have a charge, where the guest traps
	}
	s.node, s.left = int32(len(s.nodes)), false
	s.nodes = append(s.nodes, next)
	s.deeper()
	s.trap()
	s.size += chargeSize
	s.reloads += s.m.mutables // a refill may change them
}

// deeper notes that the compiler starts another stretch of code.
func (s *scanner) deeper() {
	s.nodes[s.node].depth++
	s.walks += s.nodes[s.node].depth
	s.stretch()
}

// trap notes an edge to the trap that charges share. The compiler goes from there to the entry, in steps that are short beside others.
func (s *scanner) trap() { s.walks += s.nodes[s.node].depth / shortSteps }

// jump charges a node for a jump across the code since a position.
func (s *scanner) jump(to int32, since int) {
	if s.size-since > farDistance {
		s.nodes[to].cost += farCost
	}
}

func (s *scanner) open(in *instr) {
	if len(s.blocks) == maxDepth {
		s.fail("blocks are nested more than %d deep", maxDepth)
		return
	}
	b := block{op: in.op, opener: s.node, sets: s.sets, live: s.live, sure: !s.left, size: s.size, out: math.MaxInt, shallow: math.MaxInt}
	switch {
	case in.x&isType != 0:
		of := s.m.types[in.x&^isType]
		b.params, b.results = len(of.Params), len(of.Results)
	case in.x != noType:
		b.results = 1
	}
	b.height = max(s.height-b.params, s.base())
	b.loops = s.blocks[len(s.blocks)-1].loops
	switch in.op {
	case opLoop:
		b.loops++
		s.nested = max(s.nested, b.loops)
		s.begin(-1, s.nodes[s.node].depth)
		b.header = s.node
		s.loops++
	case opIf:
		s.begin(b.opener, s.nodes[b.opener].depth)
	}
	s.blocks = append(s.blocks, b)
}

func (s *scanner) otherwise() {
	b := &s.blocks[len(s.blocks)-1]
	if b.op != opIf {
		s.fail("else without if")
		return
	}
	b.op = opElse
	if s.live {
		s.edge(b)
	}
	s.live, s.height = b.live, b.height+b.params
	s.begin(b.opener, s.nodes[b.opener].depth)
	s.jump(s.node, b.size)
	b.size = s.size
}

func (s *scanner) close() {
	b := s.blocks[len(s.blocks)-1]
	s.blocks = s.blocks[:len(s.blocks)-1]
	set := min(s.sets-b.sets, s.locals)
	if b.op == opLoop {
		s.meet(b.params, b.ways+1)
		if b.ways > 0 {
			s.merge(b.header, set+b.params, b.ways+1)
			s.jump(b.header, b.size)
		}
		b.ways, b.shallow = 0, math.MaxInt
	}
	if s.live {
		s.edge(&b)
	}
	if b.op == opIf && b.live { // past the arm
		b.ways++
		b.shallow = min(b.shallow, s.nodes[b.opener].depth)
	}
	if len(s.blocks) == 0 {
		s.leave(b.results, b.ways)
		return
	}
	s.live, s.height = b.live, b.height+b.results
	above := s.nodes[b.opener].depth
	if b.ways > 0 { // a dominator of this node dominates all that leads here
		above = b.shallow
	}
	s.begin(b.opener, above)
	around := &s.blocks[len(s.blocks)-1]
	around.out = min(around.out, b.out)
	s.nodes[s.node].always = b.sure && b.out >= len(s.blocks)
	s.jump(s.node, b.size)
	if b.ways < 2 {
		set = 0
	} else {
		s.meet(b.results, b.ways)
	}
	s.merge(s.node, set+b.results, b.ways)
}

// merge notes that n values may have to move on each edge to a node.
func (s *scanner) merge(to int32, n, ways int) {
	s.nodes[to].cost += moveCost(n)
	s.merges += n
	s.leave(n, ways)
}

// leave notes that n values may have to move on each of some edges.
func (s *scanner) leave(n, ways int) {
	s.moves += n * ways
	s.size += n * ways * moveSize
	if s.moves > maxMerges {
		s.fail("too many values meet at too many branches: want at most %d", maxMerges)
	}
}

func (s *scanner) branch(label uint64) {
	if label >= uint64(len(s.blocks)) {
		s.fail("label %d of %d", label, len(s.blocks))
		return
	}
	target := len(s.blocks) - 1 - int(label)
	around := &s.blocks[len(s.blocks)-1]
	around.out, s.left = min(around.out, target), true
	if s.live {
		s.edge(&s.blocks[target])
		s.walks += s.nodes[s.node].depth
		s.stretch()
	}
}
