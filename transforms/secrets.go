package transforms

import (
	"bytes"
	"errors"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/secret"
)

// quoted matches a value that a message quotes, escaped as by %q. If the message was cut, the quotation reaches to its end. An
// apostrophe inside a word begins no quotation.
var quoted = lazy.Regexp(`"(?:\\.|[^"\\])*(?:"|\\?$)|\B'(?:\\.|[^'\\])*(?:'|\\?$)|\bgot -?[0-9]+`)

// hidden returns a message, with its quotations masked if they may come from a secret.
func hidden(message string, isSecret bool) string {
	if !isSecret {
		return message
	}
	return quoted().ReplaceAllString(message, secret.Mask)
}

// Hidden returns an error, with its quotations masked if they may come from a secret. [ErrDrop] and nil stay as they are.
func Hidden(err error, isSecret bool) error {
	if !isSecret || err == nil || errors.Is(err, ErrDrop) {
		return err
	}
	return errors.New(hidden(err.Error(), true))
}

// leaves lists the places of all texts, numbers and booleans in the JSON at text[start:].
func leaves(text []byte, start int) (list [][2]int) {
	for i := start; i < len(text); i++ {
		from := i
		switch c := text[i]; {
		case c == '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			list = append(list, [2]int{from + 1, i})
		case c == '-' || c >= '0' && c <= '9':
			for i+1 < len(text) && bytes.IndexByte([]byte("+-.0123456789Ee"), text[i+1]) >= 0 {
				i++
			}
			list = append(list, [2]int{from, i + 1})
		case c == 't' || c == 'f': // true and false
			for i+1 < len(text) && text[i+1] >= 'a' && text[i+1] <= 'z' {
				i++
			}
			list = append(list, [2]int{from, i + 1})
		}
	}
	return list
}

// inText converts a position in a JSON string to a position in the decoded text.
func inText(quoted []byte, at int) int {
	at = max(1, min(at, len(quoted)-1)) // a secret may be the whole string, with its quotes
	return len(jsonbytes.String(append(bytes.Clone(quoted[:at]), '"')))
}
