package spelling

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/legible"
)

// maxListed is how many names an error lists.
const maxListed = 100

// Unknown returns the error for a name that does not exist. It suggests the nearest of the names, or lists them. It quotes a name that
// could break the line or control a terminal.
func Unknown(kind, name string, names []string) error {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if near := Nearest(name, names); near != "" {
		return fmt.Errorf("no %s is called %s: did you mean %s?", kind, legible.Plain(name), legible.Plain(near))
	}
	if len(names) == 0 {
		return fmt.Errorf("no %s is called %s: there is none", kind, legible.Plain(name))
	}
	more := ""
	if left := len(names) - maxListed; left > 0 {
		names, more = names[:maxListed], fmt.Sprintf(" and %d more", left)
	}
	return fmt.Errorf("no %s is called %s: want one of %s%s", kind, legible.Plain(name), legible.Plain(strings.Join(names, ", ")), more)
}

// Suggest returns the end of an error about an unknown name: the name that was probably meant; "" if there is none.
func Suggest(name string, names []string) string {
	if near := Nearest(name, names); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// Hint is like Suggest, but lists the names if none was probably meant.
func Hint(name string, names []string) string {
	return cmp.Or(Suggest(name, names), ", want one of "+strings.Join(names, ", "))
}

// Join joins words by commas, and the last two by a word: "a, b or c".
func Join(by string, words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " " + by + " " + words[last]
}
