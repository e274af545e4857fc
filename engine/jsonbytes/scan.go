package jsonbytes

// maxDepth is the depth to which values may be nested, as in encoding/json.
const maxDepth = 10_000

// scanValue returns the end of the JSON value that begins at i, or -1 if it is invalid. Depth is the number of objects and lists around it.
func scanValue(text []byte, i, depth int) int {
	if i >= len(text) {
		return -1
	}
	switch text[i] {
	case '"':
		return scanString(text, i)
	case '{', '[':
		return scanMembers(text, i, depth)
	case 't':
		return scanWord(text, i, "true")
	case 'f':
		return scanWord(text, i, "false")
	case 'n':
		return scanWord(text, i, "null")
	}
	return scanNumber(text, i)
}

// scanMembers is scanValue for an object or a list.
func scanMembers(text []byte, i, depth int) int {
	if depth++; depth > maxDepth {
		return -1
	}
	isObject, closing := text[i] == '{', text[i]+2 // of [ and { in ASCII
	if i = space(text, i+1); i < len(text) && text[i] == closing {
		return i + 1
	}
	for {
		if isObject {
			if i = scanName(text, i); i < 0 {
				return -1
			}
		}
		if i = scanValue(text, i, depth); i < 0 {
			return -1
		}
		if i = space(text, i); i >= len(text) {
			return -1
		}
		switch text[i] {
		case closing:
			return i + 1
		case ',':
			i = space(text, i+1)
		default:
			return -1
		}
	}
}

// scanName returns the beginning of the value of the member whose name begins at i, or -1 if the name or its colon is invalid.
func scanName(text []byte, i int) int {
	if i = scanString(text, i); i < 0 {
		return -1
	}
	if i = space(text, i); i >= len(text) || text[i] != ':' {
		return -1
	}
	return space(text, i+1)
}

// scanString is scanValue for a string. Like encoding/json, it accepts invalid UTF-8.
func scanString(text []byte, i int) int {
	if i >= len(text) || text[i] != '"' {
		return -1
	}
	for i++; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			if i = scanEscape(text, i+1); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// scanEscape returns the last byte of the escape whose letter is at i, or -1 if it is invalid.
func scanEscape(text []byte, i int) int {
	if i >= len(text) {
		return -1
	}
	switch text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		const digits = 4
		if i+digits >= len(text) {
			return -1
		}
		for _, c := range text[i+1 : i+1+digits] {
			if !isDigit(c) && (c|' ' < 'a' || c|' ' > 'f') {
				return -1
			}
		}
		return i + digits
	}
	return -1
}

func scanWord(text []byte, i int, word string) int {
	if end := i + len(word); end <= len(text) && string(text[i:end]) == word {
		return end
	}
	return -1
}

// scanNumber is scanValue for a number.
func scanNumber(text []byte, i int) int {
	if text[i] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		return i > from
	}
	if i < len(text) && text[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if i < len(text) && text[i] == '.' {
		if i++; !digits() {
			return -1
		}
	}
	if i < len(text) && text[i]|' ' == 'e' {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// space returns the place of the first byte at or after i that is not white space.
func space(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}
