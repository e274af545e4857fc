package format

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// markup is what a receiver reads as more than text.
type markup struct {
	anywhere string // characters that are always markup
	edges    string // characters that are markup but inside a word
	begins   string // characters that are markup where a line begins
}

// markdown is the markup that most chats have in common.
var markdown = markup{anywhere: "@<`[~$\\", edges: "*_#|", begins: ">-+=0123456789"}

// inert breaks the markup of a text with spaces that are not seen.
func (k *markup) inert(s string) string {
	if !strings.ContainsAny(s, k.anywhere+k.edges+k.begins) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if (i == 0 || s[i-1] == '\n') && strings.IndexByte(k.begins, s[i]) >= 0 {
			b.WriteString(zeroWidthSpace)
		}
		b.WriteByte(s[i])
		inside := i > 0 && i < len(s)-1 && isWord(s[i-1]) && isWord(s[i+1])
		if strings.IndexByte(k.anywhere, s[i]) >= 0 || !inside && strings.IndexByte(k.edges, s[i]) >= 0 {
			b.WriteString(zeroWidthSpace)
		}
	}
	return b.String()
}

// cost measures the most that inert makes of a text.
func (k *markup) cost(s string) int {
	n := utf16Units(s)
	for i := range len(s) {
		if s[i] < utf8.RuneSelf && (strings.IndexByte(k.anywhere, s[i]) >= 0 || strings.IndexByte(k.edges, s[i]) >= 0 || strings.IndexByte(k.begins, s[i]) >= 0) {
			n++
		}
	}
	return n
}

// inertFields breaks the markup of labels and values.
func (k *markup) inertFields(fields []field) []field {
	inert := make([]field, len(fields))
	for i, f := range fields {
		inert[i] = field{k.inert(f.label), k.inert(f.value)}
	}
	return inert
}

func isWord(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// zeroWidthSpace stands between characters that would be markup together.
const zeroWidthSpace = "\u200b"

// fence keeps a text inside a code block: three backticks in it would end the block.
func fence(s string) string {
	return strings.ReplaceAll(s, "`", "`"+zeroWidthSpace)
}

// fenced measures what fence makes of a text.
func fenced(cost measure) measure {
	return func(s string) int { return cost(s) + strings.Count(s, "`")*cost(zeroWidthSpace) }
}

// codeBlock is a text between fences, "" for none. Three backticks in it do not end it.
func codeBlock(s string) string {
	if s == "" {
		return ""
	}
	return "```\n" + fence(s) + "\n```"
}

// paragraphs joins the texts that are not empty, with an empty line between them.
func paragraphs(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "\n\n")
}
