package format

import (
	"slices"
	"strings"
)

// markup lists the characters that a receiver reads as more than text.
type markup struct {
	// No character is in two of these.
	anywhere string // characters that are always markup
	edges    string // characters that are markup except inside a word
	begins   string // characters that are markup at the beginning of a line
}

// markdown is the markup that most chats have in common.
var markdown = markup{anywhere: "@<`[~$\\", edges: "*_#|", begins: ">-+=0123456789"}

// inert breaks the markup of a text with invisible spaces.
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
	return utf16Units(s) + countAny(s, k.anywhere) + countAny(s, k.edges) + countAny(s, k.begins)
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
