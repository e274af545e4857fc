package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
)

// Bytes that are not UTF-8 are refused at their place in every form, and never altered. Other charsets are not guessed.
func TestIntakeRefusesWhatIsNotUTF8(t *testing.T) {
	n := start(t, server.Access{})
	binary := func(typ string) []string {
		return []string{"Content-Type: " + typ, "ce-specversion: 1.0", "ce-id: b", "ce-source: /y", "ce-type: t"}
	}
	latin := envelope("latin", "d\xe9")
	utf16 := "{\x00\"\x00a\x00\"\x00:\x001\x00}\x00"
	for name, tt := range map[string]struct {
		body         string
		headers      []string
		line, column int
		says         string
	}{
		"an envelope":           {`{"event":"` + "x\xffy" + `"}`, []string{asJSON}, 1, 12, "not UTF-8"},
		"a pretty envelope":     {"{\n\"event\":\"é\xe9\"}", []string{asJSON}, 2, 12, "not UTF-8"},
		"a second line":         {envelope("good", "deploy") + "\n" + `{"event":"` + "\xe9" + `"}`, []string{asLines}, 2, 11, "not UTF-8"},
		"an encoded surrogate":  {`{"event":"` + "\xed\xa0\x80" + `"}`, []string{asJSON}, 1, 11, "not UTF-8"},
		"a CloudEvent":          {`{"id":"` + "\xe9" + `"}`, []string{asCloud}, 1, 8, "not UTF-8"},
		"a batch":               {"[" + cloud + ",\n" + `{"id":"` + "\xe9" + `"}]`, []string{asBatch}, 2, 8, "event 2: not UTF-8"},
		"binary JSON":           {"{\"a\":\"\xe9\"}", binary("application/json"), 1, 7, "not UTF-8"},
		"binary JSON of Latin":  {"{\"a\":\"\xc3\xa9\"}", binary("application/x+json; charset=iso-8859-1"), 1, 7, "another charset"},
		"binary JSON of UTF-16": {utf16, binary("application/json; charset=utf-16le"), 1, 2, "another charset"},
		"JSON of UTF-16":        {utf16, []string{asJSON + "; charset=utf-16le"}, 1, 2, "another charset"},
		"base64 of Latin": {`{"specversion":"1.0","id":"l","source":"/x","type":"t","data_base64":"eyJhIjoi6SJ9"}`, []string{asCloud}, 1, 1,
			"data_base64: not UTF-8"},
	} {
		resp, got := n.post(t, "/v1/events", tt.body, tt.headers...)
		at := fmt.Sprint(got["line"], ":", got["column"])
		if resp.StatusCode != 400 || at != fmt.Sprint(tt.line, ":", tt.column) || !strings.Contains(fmt.Sprint(got["error"]), tt.says) {
			t.Errorf("%s: %d %v, want 400 at %d:%d: %s", name, resp.StatusCode, got, tt.line, tt.column, tt.says)
		}
	}
	if resp, got := n.post(t, "/v1/events?partial=1", latin+"\n"+envelope("good", "deploy"), asLines); resp.StatusCode != 202 ||
		fates(got) != "refused accepted" {
		t.Errorf("with partial=1: %d %v", resp.StatusCode, got)
	}
}

// A time is a time, also the one that Go takes for none.
func TestIntakeTakesEveryTime(t *testing.T) {
	n := start(t, server.Access{})
	const usual = "2026-03-01T12:00:00Z"
	for i, stamp := range []string{"0001-01-01T00:00:00Z", "0001-01-01T02:00:00+02:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
		"1970-01-01T00:00:00Z"} {
		id := fmt.Sprint("at-", i)
		for form, body := range map[string]string{
			asJSON:  strings.Replace(envelope(id, "deploy"), usual, stamp, 1),
			asLines: envelope(id+"-before", "deploy") + "\n" + strings.Replace(envelope(id+"-line", "deploy"), usual, stamp, 1),
			asCloud: strings.Replace(strings.Replace(cloud, usual, stamp, 1), `"id":"1"`, `"id":"`+id+`"`, 1),
		} {
			if resp, got := n.post(t, "/v1/events", body,
				form); resp.StatusCode != 202 || strings.TrimSpace(strings.ReplaceAll(fates(got), "accepted", "")) != "" {
				t.Errorf("%s as %s: %d %v", stamp, form, resp.StatusCode, got)
			}
		}
	}
}
