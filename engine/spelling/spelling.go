// Package spelling finds the name that was probably meant by one that nobody knows.
package spelling

import "strings"

// Nearest returns the name that was probably meant: one that is at most two edits away, and fewer than its length; "" if there is none.
func Nearest(name string, names []string) string {
	best, distance := "", 3
	for _, candidate := range names {
		if d := edits(strings.ToLower(name), candidate); d < distance && d < len(candidate) {
			best, distance = candidate, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two short texts.
func edits(a, b string) int {
	const limit = 40 // bytes; longer ones are no misspelling
	if len(a) > limit {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
