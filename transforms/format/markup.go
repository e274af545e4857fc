package format

import (
	"encoding/hex"
	"slices"
	"strings"
)

// markup lists the characters that a receiver reads as more than text.
type markup struct {
	// No character is in two of these.
	apart  string // characters that do nothing before a zero-width space: they begin mentions, links and tags
	edges  string // the same, except inside a word
	marks  string // characters that some receivers read as markup whatever is beside them: a look-alike stands for them
	begins string // characters that are markup at the beginning of a line
}

// markdown is the markup that most chats have in common.
var markdown = markup{apart: "@<]$\\", edges: "#|", marks: emphasis, begins: ">-+=0123456789"}

// emphasis has the marks of emphasis and code.
const emphasis = "*_~`"

// alike has a look-alike for each mark.
var alike = map[byte]string{'*': "\u2217", '_': "\u02cd", '~': "\u223c", '`': "\u02cb"}

// inert makes a text that shows as it is. In a URL it percent-encodes what is markup, so that the URL still leads to the same place.
func (k *markup) inert(s string) string {
	if !strings.ContainsAny(s, k.apart+k.edges+k.marks+k.begins) {
		return s
	}
	var b strings.Builder
	begins, end := true, 0 // of a line; the end of the last URL
	for i := range len(s) {
		c := s[i]
		if i >= end {
			end = i + lengthOfURL(s, i)
		}
		if begins && strings.IndexByte(k.begins, c) >= 0 {
			b.WriteString(zeroWidthSpace)
		}
		begins = c == '\n' || begins && c == ' '
		inside := i > 0 && i < len(s)-1 && isWord(s[i-1]) && isWord(s[i+1])
		isMark := strings.IndexByte(k.marks, c) >= 0 && !(inside && c == '_')
		isApart := strings.IndexByte(k.apart, c) >= 0 || strings.IndexByte(k.edges, c) >= 0 && !inside
		switch {
		case i < end && c != '#' && (isMark || isApart):
			b.WriteString(percentByte(c))
		case isMark:
			b.WriteString(alike[c])
		case isApart && i >= end:
			b.WriteString(string(c) + zeroWidthSpace)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// cost measures the most that inert makes of a text.
func (k *markup) cost(s string) int {
	return utf16Units(s) + (len("%XX")-1)*countAny(s, k.apart+k.edges+k.marks+k.begins)
}

func percentByte(c byte) string { return "%" + strings.ToUpper(hex.EncodeToString([]byte{c})) }

// lengthOfURL returns the length of the web URL that begins at i in a text, 0 if none does. It ends before whatever ends it for a receiver.
func lengthOfURL(s string, i int) int {
	if !strings.HasPrefix(s[i:], "http") || i > 0 && isWord(s[i-1]) {
		return 0
	}
	n := strings.IndexFunc(s[i:], func(r rune) bool { return !isOfURL(r) || strings.ContainsRune("()[],;'", r) })
	if n < 0 {
		n = len(s) - i
	}
	if !isWebURL(s[i : i+n]) {
		return 0
	}
	return n
}

// countAny counts the bytes of a text that are in a set.
func countAny(s, set string) (n int) {
	for i := range len(s) {
		if strings.IndexByte(set, s[i]) >= 0 {
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

// zeroWidthSpace separates characters that would be markup together.
const zeroWidthSpace = "\u200b"

// fence keeps a text inside a code block, which three backticks would end.
func fence(s string) string {
	return strings.ReplaceAll(s, "`", "`"+zeroWidthSpace)
}

// fenceCost measures a text in the form that fence gives it.
func fenceCost(s string) int { return utf16Units(s) + strings.Count(s, "`")*utf16Units(zeroWidthSpace) }

// entities escapes the characters that begin markup in HTML, and mentions and links in Slack.
var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escapeEntities(s string) string { return entities.Replace(s) }

// codeBlock returns a text between fences, which backticks in the text cannot end. It returns "" for "".
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

// labelLines returns labels and values as text, each in a line of its own.
func labelLines(fields []field) string {
	var lines []string
	for _, f := range fields {
		lines = append(lines, f.label+": "+f.value)
	}
	return strings.Join(lines, "\n")
}
