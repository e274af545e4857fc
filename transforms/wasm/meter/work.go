package meter

import (
	"errors"
	"fmt"
)

// work is what a compiler has to do for a function besides writing its code: for each stretch of code it keeps every value that
// lives on beyond it, and where ways meet it compares all pairs of values that may differ, for each way. Both grow by the square of a function's length,
// or faster. They are counted as if every local that the function uses lived everywhere.
type work struct {
	used      []int32 // by local: 0 if it is not, -1 if it is only read, else 1 and the number of stretches before it was set last
	distinct  int     // how many of them are used
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

func newWork(used []int32, locals int) work {
	if cap(used) < locals {
		used = make([]int32, locals)
	}
	used = used[:locals]
	clear(used)
	return work{used: used}
}

// set notes that a local is set.
func (w *work) set(local uint64) {
	if w.used[local] == 0 {
		w.distinct++
	}
	w.used[local] = 1 + int32(w.stretches)
}

// get notes that a local is read, as far from where it may have been set as the stretch is deep.
func (w *work) get(local uint64, depth int) {
	switch w.used[local] {
	case 0:
		w.distinct++
		w.used[local] = -1
		w.steps += depth
	case 1 + int32(w.stretches):
	default:
		w.steps += depth
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
func (w *work) lives() int { return w.distinct*w.stretches + w.waiting }

// pairs is how many pairs of values may meet, over all ways.
func (w *work) pairs() int64 {
	n := int64(w.distinct)
	return n*n*int64(w.ways) + 2*n*int64(w.passed) + w.squares
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
