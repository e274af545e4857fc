package meter

import "fmt"

// work is what a compiler does for a function besides writing its code. For each stretch of code it keeps the values that are
// live after it. Where edges meet it compares all pairs of values that may differ, and repeats that until it finds no more
// that are equal. Both grow with the square of a function's length, or faster. They are counted as if every local that is
// live anywhere were live everywhere.
type work struct {
	setAt     []int32 // by local: 1 + the number of stretches before it was last set; 0 if it was not
	isLasting []bool  // by local: it is read in another stretch than the one that set it
	lasting   int     // how many locals are
	nested    int     // loops within loops, at most
	stretches int     // of code, and edges between them
	waiting   int     // operands, over all stretches
	height    int     // operands now
	ways      int     // edges to places where edges meet
	passed    int     // parameters and results of blocks there, over all edges
	squares   int64   // of these, over all edges
	steps     int     // back to where a local was set
	reloads   int     // of globals: all mutable ones after each call
	checks    int     // instructions that may trap, for which a compiler keeps much; vectors' are counted, too
}

// shortSteps is the number of steps along a chain of dominators that take as long as a step to find loops.
const shortSteps = 16

// newWork starts the work of a function with so many locals. It reuses the memory of w.
func newWork(w work, locals int) work {
	if cap(w.setAt) < locals {
		w.setAt, w.isLasting = make([]int32, locals), make([]bool, locals)
	}
	w = work{setAt: w.setAt[:locals], isLasting: w.isLasting[:locals]}
	clear(w.setAt)
	clear(w.isLasting)
	return w
}

// set notes that a local is set.
func (w *work) set(local uint64) { w.setAt[local] = 1 + int32(w.stretches) }

// get notes that a local is read. A compiler walks up to depth stretches back to where the local was set.
func (w *work) get(local uint64, depth int) {
	if w.setAt[local] == 1+int32(w.stretches) {
		return
	}
	w.steps += depth
	if !w.isLasting[local] {
		w.isLasting[local] = true
		w.lasting++
	}
}

// stretch notes another stretch of code, or an edge to one. The operands live on over it.
func (w *work) stretch() {
	w.stretches++
	w.waiting += w.height
}

// meet notes a place where edges meet, which pass so many values of the stack.
func (w *work) meet(passed, ways int) {
	w.ways += ways
	w.passed += passed * ways
	w.squares += int64(passed) * int64(passed) * int64(ways)
}

// lives is the number of live values, over all stretches.
func (w *work) lives() int { return w.lasting*w.stretches + w.waiting }

// rounds is how many pairs, or nested loops, a compiler resolves in one repetition: each may depend on another one.
const rounds = 16

// pairs is the number of pairs of values that are compared, over all edges and repetitions.
func (w *work) pairs() int64 {
	n := int64(w.lasting)
	once := n*n*int64(w.ways) + 2*n*int64(w.passed) + w.squares
	if w.nested == 0 {
		return once
	}
	return once * (1 + (n+int64(w.nested))/rounds)
}

// sums is the work for all functions.
type sums struct {
	moves, size, walks, lives, steps, reloads int
	pairs                                     int64
}

// grown returns a bound for a module of the given length: it grows with a module of more than grownFrom bytes. The host limits the length.
func grown(most int64, length int) int64 {
	return max(most, int64(float64(most)*float64(length)/grownFrom))
}

// add counts a function of a module of the given length. It refuses one that is too much together with those before it.
func (all *sums) add(f *flow, length int) error {
	all.moves += f.moves
	all.size += f.size
	all.walks += f.walks
	all.lives += f.lives()
	all.steps += f.steps
	all.reloads += f.reloads
	all.pairs += f.pairs()
	for _, sum := range []struct {
		fault, unit string
		got, most   int64
	}{
		{"too many values meet at too many branches in all functions", "values", int64(all.moves), maxAllMerges},
		{"too many branches after each other", "steps to find loops", int64(all.walks), maxWalks},
		{"too many branches after each other", "steps to where locals are set", int64(all.steps), maxSteps},
		{"too many globals that can change, for so many calls", "reads after calls", int64(all.reloads), maxAllReloads},
		{"too many values live on at too many branches in all functions", "values", int64(all.lives), maxAllLives},
		{"too many values meet at too many branches in all functions", "pairs", all.pairs, maxAllPairs},
		{"too much code in all functions", "bytes when compiled", int64(all.size), maxCompiled},
	} {
		if most := grown(sum.most, length); sum.got > most {
			return fmt.Errorf("%s: want at most %d %s in a module of %d bytes, got more", sum.fault, most, sum.unit, length)
		}
	}
	return nil
}
