package expression

// The rules for nil, which is any value that the event does not have:
//
//   - A test of nil is false. Only == and != compare with it.
//   - A computation with nil is nil, except by the functions in takesNil.
//   - A loop over nil runs over no elements. Functions of lists skip nil elements, and sorts put them last.
//
// Operators of two values that are not == or != call anyNil first.

// takesNil lists the functions that accept nil.
var takesNil = map[string]bool{"type": true, "json": true, "toJSON": true}

// anyNil reports whether a value is missing.
func anyNil(args []any) bool {
	for _, arg := range args {
		if arg == nil {
			return true
		}
	}
	return false
}

// isNil returns 1 for nil and 0 for anything else, so that sorts put nil last.
func isNil(v any) int {
	if v == nil {
		return 1
	}
	return 0
}
