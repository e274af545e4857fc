package wasm

import (
	"bytes"
	"strconv"

	"github.com/awf-project/awf-hook/engine/lazy"
)

// longNumber matches digits that a Number may not hold in full.
var longNumber = lazy.Regexp(`[0-9]{16}`)

// isLongInteger reports whether a number is an integer that a script gets as a BigInt if no Number holds it.
func isLongInteger(number []byte) bool {
	digits := bytes.TrimPrefix(number, []byte("-"))
	return len(digits) >= 16 && len(digits) <= 1000 && !bytes.ContainsAny(digits, "+-.eE") // exact in script.js agrees
}

// level is an object or a list around a position in a JSON text.
type level struct {
	isList bool
	index  int
	name   []byte // of the member, as JSON
}

// longIntegers returns what the prologue needs to keep the digits of the long integers in a JSON text: nothing if there are none, else a
// list of their places, each the names and indices that lead there, after "", and the digits. If that list would be much longer than the
// text, longIntegers returns true instead, and the engine looks at the digits of each number, for which it takes eight times as long.
func longIntegers(text []byte) (places []byte) {
	const room = 4096 // bytes
	if !longNumber().Match(text) {
		return nil
	}
	var around []level
	var last []byte // string
	places = append(places, '[')
	for i := 0; i < len(text); i++ {
		from, top := i, len(around)-1
		switch c := text[i]; {
		case c == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			last = text[from:min(i+1, len(text))]
		case c == '{' || c == '[':
			around = append(around, level{isList: c == '['})
		case top < 0 && c != '-' && (c < '0' || c > '9'):
		case c == '}' || c == ']':
			around = around[:top]
		case c == ':':
			around[top].name = last
		case c == ',':
			around[top].index++
		case c == '-' || c >= '0' && c <= '9':
			for i+1 < len(text) && isNumeric[text[i+1]] {
				i++
			}
			if number := text[from : i+1]; isLongInteger(number) {
				places = appendPlace(places, around, number)
			}
		}
		if len(places) > 2*len(text)+room {
			return []byte("true")
		}
	}
	return append(places, ']')
}

// isNumeric holds the bytes of numbers.
var isNumeric = [256]bool{'+': true, '-': true, '.': true, 'e': true, 'E': true, '0': true, '1': true, '2': true, '3': true, '4': true,
	'5': true, '6': true, '7': true, '8': true, '9': true}

func appendPlace(places []byte, around []level, number []byte) []byte {
	if len(places) > 1 {
		places = append(places, ',')
	}
	places = append(places, `["",`...)
	for _, l := range around {
		if l.isList {
			places = strconv.AppendInt(places, int64(l.index), 10)
		} else {
			places = append(places, l.name...)
		}
		places = append(places, ',')
	}
	return append(append(append(places, '"'), number...), `"]`...)
}
