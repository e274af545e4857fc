package format

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// markup says which characters a receiver reads as more than text.
type markup struct {
	kinds  [256]kind // of ASCII; all other bytes are text
	escape string    // before a mark and at the beginning of a line; "" if there is none: then a look-alike stands for a mark
	encode string    // characters that are percent-encoded in a URL, where all others stay
}

// kind is how a character is markup.
type kind byte

const (
	isText  kind = iota
	isApart      // does nothing before a zero-width space: it begins mentions, links or tags
	isEdge       // the same, except inside a word
	isMark       // some receivers read it as markup whatever is beside it
	isBegin      // is markup at the beginning of a line
)

// newMarkup makes a markup of the characters of each kind, in the kinds' order.
func newMarkup(escape, encode string, kinds ...string) *markup {
	k := &markup{escape: escape, encode: encode}
	for i, set := range kinds {
		for _, c := range set {
			k.kinds[c] = isApart + kind(i)
		}
	}
	return k
}

// markdown is the markup that most chats have in common.
var markdown = newMarkup("", "@]$"+emphasis, "@#<]\\", "|", emphasis+"$", ">-+=0123456789")

// mrkdwn is the markup of Slack's notifications and of Google Chat.
var mrkdwn = newMarkup("", "@"+emphasis, "<", "@", emphasis)

// emphasis has the marks of emphasis and code.
const emphasis = "*_~`"

// alike has a look-alike for each mark.
var alike = map[byte]string{'*': "\u2217", '_': "\u02cd", '~': "\u223c", '`': "\u02cb", '$': "\uff04"}

// inert returns a text in a form that is shown as it was written. A URL in it still leads to the same place, unless it has a mark before
// its path: then it is text, not a link.
func (k *markup) inert(s string) string {
	if k.count(s) == 0 {
		return s
	}
	var b strings.Builder
	begins, end := true, 0 // of a line; the end of the last URL
	for i := range len(s) {
		c := s[i]
		if c == 'h' && i >= end {
			end = i + k.lengthOfURL(s, i)
		}
		is := k.kinds[c]
		switch {
		case is == isText, i < end && !k.isEncoded(s, i):
			b.WriteByte(c)
		case i < end:
			fmt.Fprintf(&b, "%%%02X", c)
		case is == isMark && k.escape != "":
			b.WriteString(k.escape + string(c))
		case is == isMark && !(c == '_' && isInside(s, i)):
			b.WriteString(alike[c])
		case is == isApart, is == isEdge && !isInside(s, i):
			b.WriteString(string(c) + zeroWidthSpace)
		case is == isBegin && begins:
			b.WriteString(cmp.Or(k.escape, zeroWidthSpace) + string(c))
		default:
			b.WriteByte(c)
		}
		begins = c == '\n' || begins && (c == ' ' || k.escape != "" && is == isBegin)
	}
	return b.String()
}

// count counts the characters of a text that may be markup.
func (k *markup) count(s string) (n int) {
	for i := range len(s) {
		if k.kinds[s[i]] != isText {
			n++
		}
	}
	return n
}

// cost measures the most that inert makes of a text.
func (k *markup) cost(s string) int { return utf16Units(s) + (len("%XX")-1)*k.count(s) }

// isEncoded reports whether the character at i in a text is percent-encoded if it is part of a URL.
func (k *markup) isEncoded(s string, i int) bool {
	return strings.IndexByte(k.encode, s[i]) >= 0 && !(s[i] == '_' && isInside(s, i))
}

// lengthOfURL returns the length of the web URL that begins at i in a text, 0 if none does. It ends before whatever ends it for a receiver.
// A URL whose user or host would be encoded does not count: with %40 for its @, or with %2A in its host, it would lead nowhere.
func (k *markup) lengthOfURL(s string, i int) int {
	if !strings.HasPrefix(s[i:], "http") || i > 0 && isWord(s[i-1]) {
		return 0
	}
	s = s[:min(len(s), i+maxLink+1)] // it is not read to its end once it is too long
	n := strings.IndexFunc(s[i:], func(r rune) bool { return !isOfURL(r) || strings.ContainsRune("()[],;'", r) })
	if n < 0 {
		n = len(s) - i
	}
	if !isWebURL(s[i : i+n]) {
		return 0
	}
	begin := i + strings.Index(s[i:], "://") + len("://")
	for at := begin; at < i+n && strings.IndexByte("/?#", s[at]) < 0; at++ {
		if k.isEncoded(s, at) {
			return 0
		}
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

// isInside reports whether the character at i in a text is inside a word.
func isInside(s string, i int) bool { return i > 0 && i < len(s)-1 && isWord(s[i-1]) && isWord(s[i+1]) }

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
