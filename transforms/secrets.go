package transforms

import (
	"bytes"
	"errors"
	"regexp"

	"github.com/awf-project/awf-hook/engine/secret"
)

// quoted matches what a message quotes of a value, escaped as %q does it, to the message's end if that was cut. An apostrophe within a
// word quotes nothing.
var quoted = regexp.MustCompile(`"(?:\\.|[^"\\])*(?:"|\\?$)|\B'(?:\\.|[^'\\])*(?:'|\\?$)|\bgot -?[0-9]+`)

// hidden is a message without what it quotes, if that may come from a secret.
func hidden(message string, isSecret bool) string {
	if !isSecret {
		return message
	}
	return quoted.ReplaceAllString(message, secret.Mask)
}

// Hidden is an error without what it quotes, if that may come from a secret. [ErrDrop] and nil stay.
func Hidden(err error, isSecret bool) error {
	if !isSecret || err == nil || errors.Is(err, ErrDrop) {
		return err
	}
	return errors.New(hidden(err.Error(), true))
}

// leaves lists where the texts and numbers stand in JSON that begins at start and ends with the text.
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

// inText is where in the text that a JSON string is a byte of the string stands.
func inText(quoted []byte, at int) int {
	text, _ := unquote(append(bytes.Clone(quoted[:at]), '"'))
	return len(text)
}
