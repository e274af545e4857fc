package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// An excerpt shows a line with a mark at its mistake. It hides all that may be a credential, however the line writes it.
func TestExcerpt(t *testing.T) {
	for _, tt := range []struct{ text, at, want string }{
		{"webhooks:\n  - url: https://h/HIDDEN\n    timeout: 9h\n", "3:14", "    timeout: 9h\n             ^"},
		{"webhooks:\n  - url: ftp://h/HIDDEN\n", "2:10", "  - url: ftp://h/<secret>\n         ^"},
		{"webhooks:\n  - {url: \"https://h/HIDDEN\", secret: 'HIDDEN', timeout: 9h}\n", "2:58",
			"  - {url: https://h/<secret>, secret: <secret>, timeout: 9h}\n                                                         ^"},
		{"webhooks:\n  - {secret: \"HID\\u0044EN\", timeout: 9h}\n", "2:38",
			"  - {secret: <secret>, timeout: 9h}\n                                ^"},
		{"webhooks:\n  - {secret: HIDDEN, timeout: 9h} # note\n", "2:31",
			"  - {secret: <secret>, timeout: 9h} # note\n                                ^"},
		{"webhooks:\n  - {secret: HIDDEN\n      HIDDEN, timeout: 9h}\n", "3:24", "<secret>timeout: 9h}\n                 ^"},
		{"webhooks:\n  - secret: |\n      HIDDEN\n    tiemout: 9h\n", "4:5", "    tiemout: <secret>\n    ^"},
		{"webhooks:\n  - secret: |\n      HIDDEN\n    tiemout: 9h\n", "3:1", "<secret>\n^"},
		{"webhooks:\n  - secret: !!str HIDDEN\n", "2:13", "  - secret: <secret>\n            ^"},
		{"webhooks:\n  - secret: [HIDDEN, {value: HIDDEN, not_after: x}]\n", "2:49",
			"  - secret: [<secret>, {value: <secret>, not_after: x}]\n                                                    ^"},
		{"webhooks:\n  - headers: {X-Key: HIDDEN, Host: HIDDEN}\n", "2:30",
			"  - headers: {X-Key: <secret>, Host: <secret>}\n                               ^"},
		{"webhooks:\n  - {sercet: HIDDEN}\n", "2:6", "  - {sercet: <secret>}\n     ^"},
		{"webhooks:\n  - {sercet: [HIDDEN, {a: HIDDEN}]}\n", "2:6", "  - {sercet: [<secret>, {<secret>: <secret>}]}\n     ^"},
		{"webhooks:\n  - secret: {HIDDEN: HIDDEN}\n", "2:13", "  - secret: {<secret>: <secret>}\n            ^"},
		{"webhooks: HIDDEN\n", "1:11", "webhooks: <secret>\n          ^"},
		{"HIDDEN\n", "1:1", "<secret>\n^"},
		{"name: HIDDEN\nwebhook: []\n", "2:1", "webhook: []\n^"},
		{"webhooks:\n  - {name: 部署, timeout: 9h}\n", "2:25", "  - {name: 部署, timeout: 9h}\n                          ^"},
		{"webhooks:\n  - {name: \"a\tb\", timeout: 9h}\r\n", "2:28", "  - {name: \"a b\", timeout: 9h}\n                           ^"},
		// The names of a format's options show and their values do not. The names of variables show, and a URL's scheme and host.
		{"webhooks:\n  - transform: {format: x, with: {routing_key: HIDDEN, more: [{to: HIDDEN}], HIDDEN}}\n", "2:33",
			"  - transform: {format: x, with: {routing_key: <secret>, more: [{to: <secret>}], <secret>}}\n                                ^"},
		{"webhooks:\n  - secret: ${A}HIDDEN${B:-HIDDEN}HIDDEN$${HIDDEN}\n", "2:13",
			"  - secret: ${A}<secret>${B:-<secret>}<secret>\n            ^"},
		{"webhooks:\n  - secret: $$${A}HIDDEN\n", "2:13", "  - secret: <secret>${A}<secret>\n            ^"},
		{"webhooks:\n  - url: https://h.example:99999/${A}/HIDDEN?x=${B}\n", "2:10",
			"  - url: https://h.example:99999/${A}<secret>${B}\n         ^"},
		{"webhooks:\n  - url: https://h.example:99999/\n", "2:10", "  - url: https://h.example:99999/\n         ^"},
		{"webhooks:\n  - url: 'https://u:HIDDEN@h/it''s'\n", "2:10", "  - url: <secret>\n         ^"},
		{"webhooks:\n  - url: https://u:HID/DEN@h/\n", "2:10", "  - url: <secret>\n         ^"},
		{"webhooks:\n  - url: https://u:HIDDEN\n", "2:10", "  - url: <secret>\n         ^"},
		{"webhooks:\n  - url: h.example/HIDDEN\n", "2:10", "  - url: <secret>\n         ^"},
		{"webhooks:\n  - url: https:///HIDDEN\n", "2:10", "  - url: <secret>\n         ^"},
		{"webhooks:\n  - url: https://h?HIDDEN\n", "2:10", "  - url: <secret>\n         ^"},
		{"webhooks:\n  - {headers: {X: 'it''s HIDDEN', Y: \"HIDDEN\\\"HIDDEN\"}, timeout: 9h}\n", "2:16",
			"  - {headers: {X: <secret>, Y: <secret>}, timeout: 9h}\n               ^"},
		// what is not YAML
		{"webhooks:\n\t- secret: HIDDEN\n", "2:1", " - secret: <secret>\n^"},
		{"webhooks:\n  - url: https://h/HIDDEN\n    filter: \"a\" == event\n", "3:13", "    filter: \"a\" == event\n            ^"},
		{"webhooks:\n  - url: https://h/HIDDEN\n    filter: \"a\" == event\n", "2:5", "  - url: <secret>\n    ^"},
		{"webhooks:\n  - secret: |\n      HIDDEN\n      name: HIDDEN\n    timeout = 5s\n   x: y\n", "4:7", "      <secret>\n      ^"},
		{"webhooks:\n  - secret: |\n      HIDDEN\n      name: HIDDEN\n    timeout = 5s\n   x: y\n", "5:5", "    timeout = 5s\n    ^"},
		{"webhooks:\n  - {url: https://h/HIDDEN, filter: \"a\" == x}\n", "2:5", "  <secret>\n          ^"},
		{"webhooks:\n  - filter: \"a\" == x, secret: HIDDEN}\n", "2:5", "  - filter: <secret>\n    ^"},
		{"webhooks:\n  - filter: \"a\" == x\n    headers: {X: HIDDEN}\n", "3:5", "    headers: <secret>\n    ^"},
		{"webhooks:\n  - filter: \"a\" == x\n    tokne: HIDDEN\n", "3:5", "    <secret>\n    ^"},
		{"webhooks: [{secret: HIDDEN}" + strings.Repeat(" ", 200), "1:1", "\n^"}, // too long for a terminal
		{"webhooks: []\n", "7:1", "\n^"},
	} {
		var pos config.Pos
		if _, err := fmt.Sscanf(tt.at, "%d:%d", &pos.Line, &pos.Col); err != nil {
			t.Fatal(err)
		}
		line, indent := config.NewSource([]byte(tt.text)).Excerpt(pos)
		if got := line + "\n" + indent + "^"; got != tt.want {
			t.Errorf("%q at %s:\n%s\nwant:\n%s", tt.text, tt.at, got, tt.want)
		}
	}
}
