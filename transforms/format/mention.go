package format

import "fmt"

// checkMentions checks the mentions that are no expressions.
func (f *Format) checkMentions(good func(string) bool, want string) []Mistake {
	var mistakes []Mistake
	for i, entry := range f.values["mentions"].list {
		if entry != nil && entry.isLiteral() && entry.literal != "" && !good(entry.literal) {
			name := fmt.Sprintf("mentions[%d]", i)
			mistakes = append(mistakes, Mistake{Option: name, Message: fmt.Sprintf("want %s, got %q", want, shorten(entry.literal))})
		}
	}
	return mistakes
}

// hexColor writes a colour as #rrggbb.
func hexColor(rgb int) string { return fmt.Sprintf("#%06x", rgb) }
