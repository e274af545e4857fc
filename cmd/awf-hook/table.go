package main

import (
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// printTable prints rows in columns, the first row as the header. On a terminal it cuts lines to the terminal's width; in a
// pipe it cuts nothing.
func printTable(out io.Writer, rows [][]string) {
	_, _ = io.WriteString(out, tableText(rows, terminalWidth(out)))
}

// printList prints a table of rows, or as JSON an object for each entry of the list.
func printList[T any](out io.Writer, list []T, asJSON bool, rows func([]T) [][]string) {
	if !asJSON {
		printTable(out, rows(list))
		return
	}
	for i := range list {
		encode(out, &list[i])
	}
}

// tableText returns a table, cut to a width unless that is 0.
func tableText(rows [][]string, width int) string {
	return strings.Join(tableLines(rows, width), "\n") + "\n"
}

const (
	gap      = 2  // columns of a terminal between those of a table
	leastCut = 16 // the width to which a column may be cut
)

// tableLines returns the lines of a table, cut to a width unless that is 0.
func tableLines(rows [][]string, width int) (lines []string) {
	var widest []int // by column
	for _, row := range rows {
		for i := range row {
			row[i] = plain(row[i])
			if i == len(widest) {
				widest = append(widest, 0)
			}
			widest[i] = max(widest[i], uniseg.StringWidth(row[i]))
		}
	}
	if width > 0 {
		shrink(widest, width)
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i < len(row)-1 {
				cell = pad(cut(cell, widest[i]), widest[i]+gap)
			}
			b.WriteString(cell)
		}
		line := strings.TrimRight(b.String(), " ")
		if width > 0 {
			line = cut(line, width)
		}
		lines = append(lines, line)
	}
	return lines
}

// shrink narrows columns, the widest one first, until those behind them have room too. It leaves the first one, which identifies a row,
// and the last one, which ends where the terminal does.
func shrink(widest []int, width int) {
	if len(widest) < 3 {
		return
	}
	last := len(widest) - 1
	over := min(widest[last], leastCut) - width
	for _, n := range widest[:last] {
		over += n + gap
	}
	between := widest[1:last]
	for ; over > 0; over-- {
		most := slices.Max(between)
		if most <= leastCut {
			return
		}
		between[slices.Index(between, most)]--
	}
}

// cut cuts a line to a width of at least 1, as a terminal shows it: some characters are two columns wide.
func cut(line string, width int) string {
	if uniseg.StringWidth(line) <= width {
		return line
	}
	end, taken, rest, state := 0, 0, line, -1
	for {
		var cluster string
		var columns int
		cluster, rest, columns, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if taken += columns; taken > width-1 || cluster == "" {
			return line[:end] + "…"
		}
		end += len(cluster)
	}
}

// pad fills a text up with spaces to a width, as a terminal shows it.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-uniseg.StringWidth(text), 0))
}

// terminalWidth returns a terminal's number of columns; 0 if a stream is not a terminal.
func terminalWidth(stream any) int {
	width, _ := terminalSize(stream)
	return width
}

// terminalSize returns a terminal's numbers of columns and lines; 0 if a stream is not a terminal.
func terminalSize(stream any) (width, height int) {
	if f := fileOf(stream); f != nil {
		if width, height, err := term.GetSize(int(f.Fd())); err == nil {
			return width, height
		}
	}
	return 0, 0
}
