package secret

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/awf-project/awf-hook/engine/lazy"
)

// Pasted describes a probable mistake in a pasted secret; "" if there is none. It does not quote the secret.
func Pasted(value string) string {
	trimmed := strings.TrimFunc(value, unicode.IsSpace)
	bare := strings.TrimPrefix(value, "\ufeff")
	switch {
	case value == "":
		return ""
	case trimmed == "":
		return "it is nothing but white space"
	case bare != value:
		return "it begins with a byte order mark, which belongs to it"
	case strings.ContainsAny(value, "\r\n"):
		return "it holds a line break, which belongs to it"
	case trimmed != value:
		return "it begins or ends with white space, which belongs to it"
	case quoted().MatchString(value):
		return "it stands in quotes, which belong to it"
	case strings.HasPrefix(value, "v1,whsec_"):
		return "it begins with v1, though a secret of Standard Webhooks begins with whsec_"
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.Is(unicode.Cf, r) }):
		return "it holds an invisible character"
	}
	return ""
}

// Placeholder returns the part of a URL, a secret or a header that is a placeholder as other tools write it, not a value. It returns "" if
// there is none.
func Placeholder(text string) string {
	switch {
	case strings.Contains(text, "{{"):
		return "{{ }} is not read here: ${NAME} reads a variable"
	case parenthesis().MatchString(text):
		return "$( ) is not read: ${NAME} reads a variable"
	case angle().MatchString(text):
		return "what stands in < > is sent as it is: replace it, or read a variable with ${NAME}"
	}
	return ""
}

var (
	quoted      = lazy.Regexp("^(?:\".*\"|'.*'|`.*`|[“”„].*[“”]|[‘’‚].*[‘’]|«.*»|».*«)$")
	parenthesis = lazy.Regexp(`\$\([A-Za-z_]`)
	angle       = lazy.Regexp(`<[A-Za-z][A-Za-z0-9_ -]*>`)
)

var (
	dollar  = lazy.Regexp(`\$\$|\$\{|\$([A-Z_][A-Z0-9_]+)`)
	percent = lazy.Regexp(`%([A-Z_][A-Z0-9_]+)%([0-9A-Fa-f]{2})?`)
	encoded = lazy.Regexp(`^[0-9A-F]{2}`)
)

// Unread describes text in a configuration that looks like a variable but is none: $NAME or %NAME% instead of ${NAME}. It returns "" if
// there is none.
func Unread(text string) string {
	for _, match := range dollar().FindAllStringSubmatch(text, -1) {
		if match[1] != "" {
			return fmt.Sprintf("%s is not read as a variable: want ${%s}, or $$ for a plain $", match[0], match[1])
		}
	}
	for _, match := range percent().FindAllStringSubmatch(text, -1) {
		if match[2] == "" || !encoded().MatchString(match[1]) { // else it is percent-encoded
			return fmt.Sprintf("%%%s%% is not read as a variable: want ${%[1]s}", match[1])
		}
	}
	return ""
}
