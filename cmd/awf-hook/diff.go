package main

import (
	"fmt"
	"strings"
)

// Bounds of a difference.
const (
	diffContext = 3         // lines around a change
	maxDiff     = 4_000_000 // pairs of lines that are compared; beyond it all lines differ
)

// unifiedDiff shows how two texts differ, line by line; "" if they do not.
func unifiedDiff(oldName, newName, before, after string) string {
	if before == after {
		return ""
	}
	a, b := diffLines(before), diffLines(after)
	edits := diffEdits(a, b)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", oldName, newName)
	for i := 0; i < len(edits); {
		if edits[i].kind == ' ' {
			i++
			continue
		}
		start, end := max(0, i-diffContext), i
		for quiet := 0; end < len(edits) && quiet <= 2*diffContext; end++ {
			if quiet++; edits[end].kind != ' ' {
				quiet = 0
			}
		}
		for end > 0 && end > start+1 && isQuiet(edits[:end]) {
			end--
		}
		writeHunk(&out, edits[start:end])
		i = end
	}
	return out.String()
}

// isQuiet says whether more lines without a change stand at the end than are shown.
func isQuiet(edits []edit) bool {
	if len(edits) <= diffContext {
		return false
	}
	for _, e := range edits[len(edits)-diffContext-1:] {
		if e.kind != ' ' {
			return false
		}
	}
	return true
}

func writeHunk(out *strings.Builder, hunk []edit) {
	var removed, added int
	for _, e := range hunk {
		if e.kind != '+' {
			removed++
		}
		if e.kind != '-' {
			added++
		}
	}
	fmt.Fprintf(out, "@@ -%d,%d +%d,%d @@\n", hunk[0].a+min(removed, 1), removed, hunk[0].b+min(added, 1), added)
	for _, e := range hunk {
		fmt.Fprintf(out, "%c%s\n", e.kind, e.line)
	}
}

func diffLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// edit is a line that stayed, went or came, with its places in both texts.
type edit struct {
	kind rune
	line string
	a, b int
}

// diffEdits finds a longest common part, and what lies between.
func diffEdits(a, b []string) []edit {
	first := 0
	for first < len(a) && first < len(b) && a[first] == b[first] {
		first++
	}
	last := 0
	for last < len(a)-first && last < len(b)-first && a[len(a)-1-last] == b[len(b)-1-last] {
		last++
	}
	n, m := len(a)-first-last, len(b)-first-last
	common := make([][]int32, n+1) // of what follows
	if n*m > maxDiff {
		common = nil
	}
	for i := range common {
		common[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0 && common != nil; i-- {
		for j := m - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[first+i] == b[first+j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var edits []edit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		x, y := i-first, j-first
		inside := x >= 0 && y >= 0 && (x < n || y < m)
		switch {
		case !inside || common != nil && x < n && y < m && a[i] == b[j]:
			edits = append(edits, edit{' ', a[i], i, j})
			i++
			j++
		case x < n && (y == m || common == nil || common[x+1][y] >= common[x][y+1]):
			edits = append(edits, edit{'-', a[i], i, j})
			i++
		default:
			edits = append(edits, edit{'+', b[j], i, j})
			j++
		}
	}
	return edits
}
