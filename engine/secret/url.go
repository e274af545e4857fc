package secret

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/lazy"
)

// ParseURL parses a receiver's URL as a browser's address bar does: it percent-encodes what people write into a query,
// and keeps what is encoded. Its errors quote nothing of the URL, which may be a credential.
func ParseURL(text string) (*url.URL, error) {
	before, query, hasQuery := strings.Cut(text, "?")
	if err := checkCharacters(before, text); err != nil {
		return nil, err
	}
	if hasQuery {
		text = before + "?" + encodeQuery(query)
	}
	u, err := url.Parse(text) // the error quotes the URL
	switch {
	case err != nil && strings.Contains(err.Error(), "invalid port"):
		return nil, errors.New("want a port from 1 to 65535")
	case err != nil:
		return nil, errors.New(whyNoURL(text))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("want a URL that begins with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("want a URL with a host")
	case strings.Contains(strings.TrimSuffix(u.Hostname(), ".")+".", "..") || strings.HasPrefix(u.Hostname(), "."):
		return nil, errors.New("the host has an empty label: two dots in a row, or one at its beginning")
	}
	if port, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || port < 1 || port > 65535) {
		return nil, errors.New("want a port from 1 to 65535")
	}
	if err := checkHost(u.Hostname()); err != nil {
		return nil, err
	}
	return u, nil
}

// whyNoURL says why a text is not a URL, without quoting it.
func whyNoURL(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	authority, _, _ := strings.Cut(rest, "/")
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	switch {
	case strings.ContainsAny(text[:1], `"'<`+"`"):
		return "not a URL: remove the characters around it"
	case badEscape().MatchString(text):
		return "not a URL: two hexadecimal digits follow a %, and a plain % is written %25"
	case strings.ContainsRune(host, '\\'):
		return "not a URL: want / instead of \\"
	case strings.Contains(host, "[") != strings.Contains(host, "]"):
		return "not a URL: put the IPv6 address in [ ]"
	case strings.ContainsAny(host, "{}<>"):
		return "not a URL: ${NAME} reads a variable, and other brackets do not"
	case host != authority:
		return "not a URL: write what is not a letter or digit in the password percent-encoded"
	}
	return "not a URL"
}

var badEscape = lazy.Regexp(`%(?:[^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)`)

// checkHost refuses names that no resolver knows and numbers that are no address.
func checkHost(host string) error {
	if strings.Contains(host, ":") { // IPv6, which was parsed
		return nil
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if numeric().MatchString(labels[len(labels)-1]) {
		if _, err := netip.ParseAddr(host); err != nil {
			return errors.New("the host ends in a number, but is not an address of four numbers from 0 to 255")
		}
		return nil
	}
	if len(host) > 253 {
		return errors.New("the host is longer than 253 bytes")
	}
	for _, label := range labels {
		switch i := strings.IndexFunc(label, notInHost); {
		case i >= 0:
			return fmt.Errorf("the host has an invalid character: %q", []rune(label[i:])[0])
		case len(label) > 63:
			return errors.New("a part of the host is longer than 63 bytes")
		case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
			return errors.New("a part of the host begins or ends with -")
		}
	}
	return nil
}

// numeric is a last label that makes a host an address, as a browser reads it.
var numeric = lazy.Regexp(`^(?:[0-9]+|0[xX][0-9A-Fa-f]*)$`)

func notInHost(r rune) bool {
	return r < utf8.RuneSelf && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// checkCharacters refuses characters that nobody puts into a URL on purpose. The query, which comes after before, may have white space.
func checkCharacters(before, whole string) error {
	if strings.TrimFunc(whole, unicode.IsSpace) != whole {
		return errors.New("white space at its beginning or end")
	}
	for i, r := range whole {
		switch {
		case r == '#':
			return errors.New("a # begins a fragment, which is never sent; a # that belongs to the URL is written %23")
		case r == ' ' && i >= len(before):
		case unicode.IsSpace(r), r < ' ', r == 0x7f:
			return errors.New("white space or a control character in it")
		case unicode.In(r, unicode.Cf, unicode.Zs, unicode.Zl, unicode.Zp):
			return fmt.Errorf("an invisible character (U+%04X) in it", r)
		case r == unicode.ReplacementChar:
			return errors.New("not UTF-8")
		}
	}
	return nil
}

// encodeQuery encodes what a browser encodes in a query.
func encodeQuery(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>'`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// reference is a variable in braces, as configurations read it, or an escaped dollar.
var reference = lazy.Regexp(`\$\$|\$\{([^}:]*)[^}]*\}`)

// SplitHost returns the name of a variable in the user, password or host of a URL's text whose value would end the host too early: with a
// / in a password, half of the password would become the host. It returns "" for none.
func SplitHost(text string, value func(name string) string) string {
	_, authority, isURL := strings.Cut(text, "://")
	if !isURL {
		return ""
	}
	masked := reference().ReplaceAllStringFunc(authority, func(ref string) string { return strings.Repeat("x", len(ref)) })
	if end := strings.IndexAny(masked, `/?#\`); end >= 0 {
		authority = authority[:end]
	}
	for _, at := range reference().FindAllStringSubmatchIndex(authority, -1) {
		if at[2] < 0 || at[1] == len(authority) { // what ends the host may go on with a path
			continue
		}
		if name := authority[at[2]:at[3]]; strings.ContainsAny(value(name), `/?#\`) {
			return name
		}
	}
	return ""
}
