// Package spelling suggests the known name that a misspelled one probably means.
//
// Other programs should not import it: it serves only this module and may change at any time.
package spelling

import "strings"

// Nearest returns the name that was probably meant: at most two edits away, and fewer edits than letters; "" if there is
// none. An edit adds, removes or replaces a letter. Swapping two adjacent letters, a common typing mistake, counts as
// half an edit.
func Nearest(name string, names []string) string {
	best, distance := "", 2*edit+1
	for _, candidate := range names {
		if d := edits(strings.ToLower(name), strings.ToLower(candidate)); d < distance && d < edit*len(candidate) {
			best, distance = candidate, d
		}
	}
	return best
}

// edit is the distance that an edit adds.
const edit = 2

// edits returns the distance of two short texts: Levenshtein's, with swaps.
func edits(name, known string) int {
	const limit = 120 // bytes; longer ones are no misspelling
	if len(name) > limit {
		return edit * len(name)
	}
	a, b := []rune(name), []rune(known)
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = edit * j
	}
	for i := range len(a) {
		next[0] = edit * (i + 1)
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost = edit + min(row[j], row[j+1], next[j])
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cost = min(cost, before[j-1]+1)
			}
			next[j+1] = cost
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
