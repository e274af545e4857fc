package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"
)

// printTable prints rows in columns, the first row as the header. On a terminal it cuts lines to the terminal's width; in a
// pipe it cuts nothing.
func printTable(out io.Writer, rows [][]string) {
	for _, line := range tableLines(rows, terminalWidth(out)) {
		fmt.Fprintln(out, line)
	}
}

// tableLines returns the lines of a table, cut to a width unless that is 0.
func tableLines(rows [][]string, width int) (lines []string) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = plain(row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // into memory
	for line := range strings.Lines(text.String()) {
		line = strings.TrimRight(line, " \n")
		if width > 1 {
			line = cut(line, width)
		}
		lines = append(lines, line)
	}
	return lines
}

// cut cuts a line to a width, at least 1.
func cut(line string, width int) string {
	if runes := []rune(line); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return line
}

// terminalWidth returns a terminal's number of columns; 0 if a stream is no terminal.
func terminalWidth(stream any) int {
	width, _ := terminalSize(stream)
	return width
}

// terminalHeight returns a terminal's number of lines; 0 if a stream is no terminal.
func terminalHeight(stream any) int {
	_, height := terminalSize(stream)
	return height
}

func terminalSize(stream any) (width, height int) {
	f, ok := stream.(interface{ Fd() uintptr })
	if !ok {
		return 0, 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Col), int(size.Row)
}
