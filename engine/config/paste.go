package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// parseURL reads a receiver's address as people paste it. It says what is wrong without quoting it, since it may be a credential.
// What a browser would encode in the query is encoded; what is encoded already stays.
func parseURL(text string) (u *url.URL, wrong string) {
	hidden := func(r rune) bool { return unicode.Is(unicode.Cf, r) }
	beforeQuery, query, hasQuery := strings.Cut(text, "?")
	switch {
	case strings.TrimSpace(text) != text:
		return nil, "not a URL: there is white space around it"
	case strings.ContainsFunc(beforeQuery, unicode.IsSpace):
		return nil, "not a URL: there is white space in it"
	case strings.ContainsFunc(text, hidden):
		return nil, "not a URL: there is a character in it that cannot be seen"
	}
	if hasQuery {
		query, fragment, hasFragment := strings.Cut(query, "#")
		text = beforeQuery + "?" + encodeQuery(query)
		if hasFragment {
			text += "#" + fragment
		}
	}
	u, err := url.Parse(text) // its error quotes the URL
	if err != nil {
		return nil, "not a URL"
	}
	switch port, hasPort := u.Port(), strings.HasSuffix(u.Host, ":"+u.Port()); {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "want a URL that begins with https:// or http://"
	case u.Hostname() == "":
		return nil, "want a URL with a host"
	case hasPort && port != "" && !isPort(port):
		return nil, "want a port from 1 to 65535"
	case hasEmptyLabel(u.Hostname()):
		return nil, "not a URL: a part of the host between two dots is empty"
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, "what follows # is never sent: leave it out, or write %23 for a plain #"
	}
	return u, ""
}

func isPort(text string) bool {
	port, err := strconv.Atoi(text)
	return err == nil && port >= 1 && port <= 65535
}

func hasEmptyLabel(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	return strings.HasPrefix(host, ".") || strings.Contains(host, "..")
}

// encodeQuery encodes what no query may hold as a browser does, and a % that begins no escape.
func encodeQuery(query string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(query) {
		c := query[i]
		isEscape := c == '%' && i+2 < len(query) && isHex(query[i+1]) && isHex(query[i+2])
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 || c == '%' && !isEscape {
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// plainVariable is what other tools take for a variable: $NAME, and %NAME% of Windows.
var plainVariable = regexp.MustCompile(`(?:^|[^$])\$[A-Z_][A-Z0-9_]+|(%[A-Z_][A-Z0-9_]{2,}%)`)

// warnPlainVariable warns of a variable without braces. It does not name it, since it may be a part of a credential.
func (d *decoder) warnPlainVariable(n *yaml.Node, path string) {
	m := plainVariable.FindStringSubmatch(n.Value)
	if m == nil || m[1] != "" && isHex(m[1][1]) && isHex(m[1][2]) { // %E4… is an escape
		return
	}
	d.warn(n, path, "a variable without braces, as in $NAME, stays as it is written: ${NAME} reads one, and a plain $ is written $$")
}

// oddSecret says what of a secret was probably not meant, "" for nothing. It tells nothing of the value.
func oddSecret(text string) string {
	quoted := func(quote string) bool {
		return len(text) > 1 && strings.HasPrefix(text, quote) && strings.HasSuffix(text, quote)
	}
	switch {
	case strings.TrimSpace(text) == "":
		return "is nothing but white space"
	case strings.HasPrefix(text, "\ufeff"):
		return "begins with a byte order mark"
	case strings.ContainsAny(text, "\r\n"):
		return "holds a line break"
	case strings.TrimSpace(text) != text:
		return "begins or ends with white space"
	case quoted(`"`) || quoted("'"):
		return "stands in quotes, which are a part of it"
	case strings.HasPrefix(text, "v1,"):
		return "begins with v1, as a signature does: the secret begins with whsec_"
	}
	return ""
}
