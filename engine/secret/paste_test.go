package secret_test

import (
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/secret"
)

func TestURLsAsPeoplePasteThem(t *testing.T) {
	for text, want := range map[string]string{ // the error, or the URL with its place before it
		"https://h.example/a?q=1":                 "= https://h.example/a?q=1",
		"https://h.example/?q=a b":                "= https://h.example/?q=a%20b",
		"https://h.example/?q=中文":                 "= https://h.example/?q=%E4%B8%AD%E6%96%87",
		`https://h.example/?{"a":1}`:              "= https://h.example/?{%22a%22:1}",
		"https://h.example/?q=<x>|y&z='":          "= https://h.example/?q=%3Cx%3E|y&z=%27",
		"https://h.example/?q=%20%3c%zz%&a=b+c?d": "= https://h.example/?q=%20%3c%zz%&a=b+c?d",
		"https://h.example/%20/a%2Fb":             "= https://h.example/%20/a%2Fb",
		"https://user:p%40ss@h.example:8443/":     "= https://user:p%40ss@h.example:8443/",
		"https://h.example./":                     "= https://h.example./",
		"https://h.example:/":                     "= https://h.example:/",
		"http://[::1]:9000/":                      "= http://[::1]:9000/",
		"https://bücher.example/é":                "= https://b%C3%BCcher.example/%C3%A9",
		"https://h.example:0/":                    "want a port from 1 to 65535",
		"https://h.example:65536/":                "want a port from 1 to 65535",
		"https://h.example:99999999999999999999/": "want a port from 1 to 65535",
		"https://h.example:http/":                 "want a port from 1 to 65535",
		"https://h.example:-1/":                   "want a port from 1 to 65535",
		"https://a..example/":                     "empty label",
		"https://.example/":                       "empty label",
		"https://h.example../":                    "empty label",
		"https://h.example/#top":                  "a # begins a fragment",
		"https://h.example/?a#b":                  "a # begins a fragment",
		" https://h.example/":                     "white space at its beginning or end",
		"https://h.example/?a \n":                 "white space at its beginning or end",
		"https://h.example/a b":                   "white space or a control character in it",
		"https://h .example/":                     "white space or a control character in it",
		"https://h.example/?a\tb":                 "white space or a control character in it",
		"https://h.example/?a\u00a0b":             "white space or a control character in it",
		"https://h.exa\u200bmple/":                "an invisible character (U+200B) in it",
		"https://h.example/?a=\ufeffb":            "an invisible character (U+FEFF) in it",
		"https://h.example/\xff":                  "not UTF-8",
		"ftp://h.example/":                        "want a URL that begins with https:// or http://",
		"h.example/hook":                          "want a URL that begins with https:// or http://",
		"https:///hook":                           "want a URL with a host",
		"https://%zz/":                            "two hexadecimal digits follow a %",
		"https://h.example/100%":                  "two hexadecimal digits follow a %",
		"\"https://h.example/\"":                  "remove the characters around it",
		"<https://h.example/>":                    "remove the characters around it",
		"https://h.example\\x":                    "want / instead of \\",
		"https://[::1/":                           "put the IPv6 address in [ ]",
		"https://{host}/":                         "${NAME} reads a variable",
		"https://h,example/":                      "an invalid character: ','",
		"https://$(HOST)/":                        "an invalid character: '$'",
		"https://-h.example/":                     "begins or ends with -",
		"https://1.2.3/":                          "not an address of four numbers",
		"https://1.2.3.4.5/":                      "not an address of four numbers",
		"https://127.0.0.256/":                    "not an address of four numbers",
		"https://0x7f000001/":                     "not an address of four numbers",
		"https://017.0.0.1/":                      "not an address of four numbers",
		"https://h_x.1a.example./":                "= https://h_x.1a.example./",
		"https://bücher.example/":                 "= https://b%C3%BCcher.example/",
		"https://[::1]:8080/":                     "= https://[::1]:8080/",
		"https://hidden:hid%zz@h.example/":        "not a URL",
	} {
		u, err := secret.ParseURL(text)
		switch expected, good := strings.CutPrefix(want, "= "); {
		case good && (err != nil || u.String() != expected):
			t.Errorf("%q: %v, %v, want %s", text, u, err, expected)
		case !good && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, %v, want an error with %q", text, u, err, want)
		case err != nil && (strings.Contains(err.Error(), "example") || strings.Contains(err.Error(), "hidden")):
			t.Errorf("%q: %v quotes the URL", text, err)
		}
	}
}

// A query is encoded where a browser would do so, and encoding it twice changes nothing.
func FuzzParseURL(f *testing.F) {
	f.Add("a b", "x")
	f.Add("%20<'", "😀")
	f.Fuzz(func(t *testing.T, query, path string) {
		u, err := secret.ParseURL("https://h.example/" + path + "?" + query)
		if err != nil {
			return
		}
		again, err := secret.ParseURL(u.String())
		if err != nil || again.String() != u.String() || u.Host != "h.example" {
			t.Errorf("%q: %s, then %v, %v", query, u, again, err)
		}
	})
}

func TestVariableThatSplitsTheHost(t *testing.T) {
	values := map[string]string{"GOOD": "good.example", "PATH": "h.example/hook", "SLASH": "ab/cd", "MARK": "ab?cd", "HASH": "ab#cd",
		"BACK": `ab\cd`, "ALL": "https://u:p@h.example/"}
	for text, want := range map[string]string{
		"https://${SLASH}@h.example/":           "SLASH",
		"https://user:${MARK}@h.example/":       "MARK",
		"https://user:${HASH:-x}@h.example/":    "HASH",
		"https://${BACK}.example/":              "BACK",
		"https://${SLASH}:8080/":                "SLASH",
		"https://${GOOD}:${SLASH}@h.example":    "SLASH",
		"https://${GOOD}@h.example/${SLASH}":    "",
		"https://${PATH}":                       "",
		"https://${PATH}/${SLASH}":              "",
		"https://h.example/${SLASH}@h.example/": "",
		"https://h.example?${SLASH}@h.example/": "",
		"${ALL}":                                "",
		"https://$${SLASH}@h.example/":          "",
	} {
		if got := secret.SplitHost(text, func(name string) string { return values[name] }); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestSecretsAsPeoplePasteThem(t *testing.T) {
	for value, want := range map[string]string{
		"0123456789abcdef": "", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3": "", "inner space is fine": "", "'": "", "": "", "a'": "",
		" 0123456789abcdef": "white space", "0123456789abcdef\t": "white space", "0123456789abcdef\n": "a line break",
		"0123456789\nabcdef": "a line break", "\u00a00123456789abcdef": "white space", "   ": "nothing but white space",
		"\n":                     "nothing but white space",
		"\ufeff0123456789abcdef": "byte order mark", `"0123456789abcdef"`: "quotes", "'0123456789abcdef'": "quotes",
		"“0123456789abcdef”": "quotes", "„0123456789abcdef“": "quotes", "‘0123456789abcdef’": "quotes", "«0123456789abcdef»": "quotes",
		"`0123456789abcdef`": "quotes", "v1,whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3": "v1", "0123456789\u200babcdef": "invisible",
	} {
		got := secret.Pasted(value)
		if (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "0123") {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestVariablesThatAreNotRead(t *testing.T) {
	for text, want := range map[string]string{
		"$TOKEN": "$TOKEN", "Bearer $TOKEN": "$TOKEN", "%TOKEN%": "%TOKEN%", "https://h/?a=%API_KEY%&b": "%API_KEY%", "$_A": "$_A",
		"%ADMIN%": "%ADMIN%", "%ADMIN%20x": "", "${TOKEN}": "", "$$TOKEN": "", "$$$TOKEN": "$TOKEN", "${A}$B2": "$B2", "$5": "",
		"a$": "", "$filter": "",
		"%20A%20": "", "%E4%BD%A0": "", "100%": "", "%%": "", "50% OFF %": "",
	} {
		got, _, _ := strings.Cut(secret.Unread(text), " ")
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestPlaceholder(t *testing.T) {
	for text, want := range map[string]string{
		"https://h.example/${TOKEN}":  "",
		"https://h.example/{id}":      "",
		"https://h.example/{{TOKEN}}": "{{ }} is not read here",
		"https://h.example/<token>":   "< >",
		"Bearer $(cat token)":         "$( ) is not read",
		"a<b>1":                       "< >",
		"1 < 2 > 1":                   "",
	} {
		if got := secret.Placeholder(text); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
