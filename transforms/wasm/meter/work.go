package meter

import (
	"errors"
	"fmt"
)

// work is what a compiler has to do for a function besides writing its code: for each stretch of code it keeps every value that lives on
// beyond it, and where ways meet it compares all pairs of values that may differ, for each way, as often as that finds some that do not. Both grow by
// the square of a function's length, or faster. They are counted as if every local that lives on anywhere did so everywhere.
type work struct {
	setAt     []int32 // by local: 1 and the number of stretches before it was set last, 0 if it was not
	isLasting []bool  // by local: it is read in another stretch than it was set in
	lasting   int     // how many are
	nested    int     // loops within loops, at most
	stretches int     // of code, and ways between them
	waiting   int     // operands, over all stretches
	height    int     // operands now
	ways      int     // to places where ways meet
	passed    int     // blocks' parameters and results there, over all ways
	squares   int64   // of these, over all ways
	steps     int     // back to where a local was set
	reloads   int     // of globals, all mutable ones after each call
	checks    int     // instructions that may trap, of which a compiler keeps much more than of others; those on vectors are counted too
}

// newWork is that of a function of so many locals, with the memory of another one's.
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

// get notes that a local is read, as far from where it may have been set as the stretch is deep.
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

// stretch notes that another stretch of code begins, or that a way leads to one.
func (w *work) stretch() {
	w.stretches++
	w.waiting += w.height
}

// meet notes a place where some values of the stack and all locals may meet.
func (w *work) meet(passed, ways int) {
	w.ways += ways
	w.passed += passed * ways
	w.squares += int64(passed) * int64(passed) * int64(ways)
}

// lives is how many values live, over all stretches.
func (w *work) lives() int { return w.lasting*w.stretches + w.waiting }

// rounds are what a compiler makes to find pairs that do not differ, in which each may tell something of another, or of one loop further out.
const rounds = 16

// pairs is how many pairs of values may meet, over all ways, for each so many rounds.
func (w *work) pairs() int64 {
	n := int64(w.lasting)
	once := n*n*int64(w.ways) + 2*n*int64(w.passed) + w.squares
	if w.nested == 0 {
		return once
	}
	return once * (1 + (n+int64(w.nested))/rounds)
}

// sums are what a compiler has to do for all functions.
type sums struct {
	moves, size, walks, lives, steps, reloads int
	pairs                                     int64
}

// add counts a function, and refuses one that is too much together with those before it.
func (all *sums) add(f *flow) error {
	all.moves += f.moves
	all.size += f.size
	all.walks += f.walks
	all.lives += f.lives()
	all.steps += f.steps
	all.reloads += f.reloads
	all.pairs += f.pairs()
	switch {
	case all.moves > maxAllMerges:
		return fmt.Errorf("too many values meet at too many branches in all functions, want at most %d", maxAllMerges)
	case all.walks > maxWalks, all.steps > maxSteps:
		return errors.New("too many branches after each other: it would take too long to compile")
	case all.reloads > maxAllReloads:
		return fmt.Errorf("too many globals that can change, for so many calls: want at most %d of them after all calls together", maxAllReloads)
	case all.lives > maxAllLives:
		return fmt.Errorf("too many values live on at too many branches in all functions, want at most %d", maxAllLives)
	case all.pairs > maxAllPairs:
		return fmt.Errorf("too many values meet at too many branches in all functions, want at most %d pairs", maxAllPairs)
	case all.size > maxCompiled:
		return fmt.Errorf("too much code in all functions: it would become more than %d bytes", maxCompiled)
	}
	return nil
}
