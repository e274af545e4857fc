package format

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Unit is the unit of a limit.
type Unit string

const (
	Characters Unit = "characters" // counted as UTF-16 units, which are never fewer
	UTF16      Unit = "UTF-16 units"
	Bytes      Unit = "bytes" // of the body, with escapes
	Entries    Unit = "entries"
)

// Limit is a limit that a format keeps.
type Limit struct {
	What   string `json:"text"`
	Max    int    `json:"max"`
	Unit   Unit   `json:"unit"`
	Source string `json:"reference"` // where the limit comes from
}

// A measure returns the cost of a text in a receiver's unit, in the form in which the body has it.
// The cost of two texts in a row is the sum of their costs.
type measure func(s string) int

// utf16Units counts UTF-16 units. It counts a receiver's "characters" too: there are never more of those.
func utf16Units(s string) int {
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x80 || c >= 0xc0 && c < 0xf0:
			n++
		case c >= 0xf0:
			n += 2
		}
	}
	return n
}

// bytesOf counts bytes.
func bytesOf(s string) int { return len(s) }

// A cut text keeps a part of its end; its beginning gets the rest of the room.
const (
	tailShare = 3  // a third
	leastTail = 60 // units; a shorter limit keeps only the beginning
)

// cut returns s if it costs at most limit. Otherwise it keeps the beginning and the end, and says how much it cut:
// "head… (1,234 characters cut) …tail". A short limit keeps the beginning and "…" only. It cuts at grapheme boundaries.
func cut(s string, limit int, cost measure) string {
	if cost(s) <= limit {
		return s
	}
	if limit < leastTail*tailShare {
		return head(s, limit-cost("…"), cost) + head("…", limit, cost)
	}
	room := limit - cost(cutMark(len(s)))
	end := tail(s, room/tailShare, cost)
	begin := head(s[:len(s)-len(end)], room-cost(end), cost)
	return begin + cutMark(utf8.RuneCountInString(s[len(begin):len(s)-len(end)])) + end
}

func cutMark(n int) string { return "… (" + thousands(n) + " characters cut) …" }

// thousands writes a number as 1,234,567.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// head returns the longest beginning of s that costs at most room and ends at a grapheme boundary.
// It cuts a first grapheme that is too long between its runes.
func head(s string, room int, cost measure) string {
	end, spent, state := 0, 0, -1
	for rest := s; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		spent += cost(cluster)
		if spent > room {
			if end == 0 {
				return headOfRunes(cluster, room, cost)
			}
			break
		}
		end += len(cluster)
	}
	return s[:end]
}

func headOfRunes(s string, room int, cost measure) string {
	end := 0
	for i, r := range s {
		if room -= cost(string(r)); room < 0 {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	return s[:end]
}

// tail returns a long ending of s that costs at most room and begins at a grapheme boundary, "" if the last grapheme is too long.
func tail(s string, room int, cost measure) string {
	const bytesPerUnit = 4 // at most
	from := safeBorder(s, max(0, len(s)-room*bytesPerUnit))
	var clusters []string
	state := -1
	for rest := s[from:]; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		clusters = append(clusters, cluster)
	}
	begin := len(s)
	for i := len(clusters) - 1; i >= 0; i-- {
		if room -= cost(clusters[i]); room < 0 {
			break
		}
		begin -= len(clusters[i])
	}
	return s[begin:]
}

// safeBorder returns a grapheme boundary at or before i that can be found without reading s from its beginning:
// one between two letters that never join. It returns 0 if there is none within reach.
func safeBorder(s string, i int) int {
	const reach = 4096 // bytes
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	after := false
	for j := i; j > max(0, i-reach); {
		r, size := utf8.DecodeLastRuneInString(s[:j])
		if single(r) && after {
			return j
		}
		after = single(r)
		j -= size
	}
	return 0
}

// single reports whether a rune is a grapheme by itself next to another such rune. It knows only the common letters.
func single(r rune) bool {
	return r >= ' ' && r <= '~' || r >= 0xc0 && r <= 0x2af || r >= 0x391 && r <= 0x481 || r >= 0x5d0 && r <= 0x5ea ||
		r >= 0x621 && r <= 0x64a || r >= 0x3041 && r <= 0x3096 || r >= 0x30a1 && r <= 0x30fa || r >= 0x4e00 && r <= 0x9fff
}

// budget is the rest of a limit that several texts share.
type budget struct {
	left     int
	cost     measure
	overhead int // of each field, beside its texts
}

// take cuts a text to at most so much of the budget, and charges it.
func (b *budget) take(s string, most int) string {
	if s == "" {
		return ""
	}
	s = cut(s, max(0, min(most, b.left)), b.cost)
	b.left -= b.cost(s)
	return s
}

// takeFields cuts labels and values, and says how many fields did not fit.
func (b *budget) takeFields(fields []field, value int) []field {
	const rest = 60 // units kept for saying it
	var taken []field
	for i, f := range fields {
		if b.left < rest+b.overhead+len(f.label) {
			last := field{"More", thousands(len(fields)-i) + " fields cut"}
			if cost := b.cost(last.label+last.value) + b.overhead; cost <= b.left { // else other texts took all the room before
				b.left -= cost
				taken = append(taken, last)
			}
			return taken
		}
		b.left -= rest + b.overhead
		f = field{strings.TrimSpace(b.take(f.label, maxLabel)), strings.TrimSpace(b.take(f.value, value))}
		b.left += rest
		if f.label != "" && f.value != "" {
			taken = append(taken, f)
		}
	}
	return taken
}
