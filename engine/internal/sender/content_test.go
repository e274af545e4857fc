package sender_test

import (
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/engine/signature"
)

// A transform's headers and URL suffix are sent; the user's own headers override them.
func TestContentGoesOut(t *testing.T) {
	target, requests := receiver(t)
	d := newDelivery()
	d.ContentType = "application/cloudevents+json; charset=UTF-8"
	d.Header = [][2]string{{"ce-type", "awf.workflow_end"}, {"X-Title", "é"}, {"X-Team", "of the event"}}
	w := webhook(t, target)
	w.Headers = [][2]string{{"X-Team", "of the user"}}
	got := send(t, newSender(t, w), d, requests)
	for name, want := range map[string]string{
		"Content-Type": d.ContentType, "Ce-Type": "awf.workflow_end", "X-Title": "é", "X-Team": "of the user", "X-AWF-Delivery": d.ID,
	} {
		if all := got.header.Values(name); len(all) != 1 || all[0] != want {
			t.Errorf("%s = %q, want %q", name, all, want)
		}
	}
	w.Headers = [][2]string{{"content-type", "text/plain"}}
	if got := send(t, newSender(t, w), d, requests).header.Get("Content-Type"); got != "text/plain" {
		t.Errorf("Content-Type = %q, want the user's", got)
	}
}

func TestURLSuffix(t *testing.T) {
	target, requests := receiver(t)
	tests := []struct{ path, suffix, want string }{
		{"/bot", "", "/bot"},
		{"/bot", "/sendMessage", "/bot/sendMessage"},
		{"/bot/", "/sendMessage", "/bot/sendMessage"},
		{"", "/sendMessage", "/sendMessage"},
		{"/hook", "?wait=true", "/hook?wait=true"},
		{"/hook?key=1", "?wait=true", "/hook?key=1&wait=true"},
		{"/hook?key=1", "/a%2Fb/c?x=%26", "/hook/a%2Fb/c?key=1&x=%26"},
		{"/a%2Fb", "/c", "/a%2Fb/c"},
		{"/hook?key=1", "?", "/hook?key=1"},
		{"/hook", "//other.example/x", "/hook//other.example/x"},
	}
	for _, tt := range tests {
		d := newDelivery()
		d.URLSuffix = tt.suffix
		if got := send(t, newSender(t, webhook(t, target+tt.path)), d, requests); got.uri != tt.want || "http://"+got.host != target {
			t.Errorf("%q and %q: %s at %s, want %s", tt.path, tt.suffix, got.uri, got.host, tt.want)
		}
	}
}

// If an event makes what HTTP cannot carry, or must not, no request is made: another attempt cannot help.
func TestBadContentIsDead(t *testing.T) {
	target, requests := receiver(t)
	s := newSender(t, webhook(t, target))
	tests := []struct {
		name   string
		change func(*delivery.Content)
		want   string
	}{
		{"header's name", func(c *delivery.Content) { c.Header = [][2]string{{"X Bad", "1"}} }, "header X Bad: not a header name"},
		{"no name", func(c *delivery.Content) { c.Header = [][2]string{{"", "1"}} }, "not a header name"},
		{"line break in a name", func(c *delivery.Content) { c.Header = [][2]string{{"X\r\nY", "1"}} }, "header X??Y: not a header name"},
		{"line break in a value", func(c *delivery.Content) { c.Header = [][2]string{{"X-A", "hidden\r\nX-Evil: 1"}} },
			"header X-A: control character in a header's value"},
		{"long value", func(c *delivery.Content) { c.Header = [][2]string{{"X-A", strings.Repeat("x", 4097)}} },
			"header X-A: want at most 4096 bytes, got 4097"},
		{"many headers", func(c *delivery.Content) { c.Header = make([][2]string, 51) }, "want at most 50 headers, got 51"},
		{"framing", func(c *delivery.Content) { c.Header = [][2]string{{"Transfer-Encoding", "chunked"}} },
			"belongs to HTTP itself or to awf-hook"},
		{"host", func(c *delivery.Content) { c.Header = [][2]string{{"hOST", "x"}} }, "belongs to HTTP itself or to awf-hook"},
		{"our own", func(c *delivery.Content) { c.Header = [][2]string{{"X-AWF-Delivery", "x"}} }, "belongs to HTTP itself or to awf-hook"},
		{"a signature", func(c *delivery.Content) { c.Header = [][2]string{{"Webhook-Signature", "x"}} },
			"belongs to HTTP itself or to awf-hook"},
		{"GitHub's signature", func(c *delivery.Content) { c.Header = [][2]string{{"x-hub-signature-256", "x"}} }, "an event cannot set it"},
		{"what lets the transport send twice", func(c *delivery.Content) { c.Header = [][2]string{{"Idempotency-Key", "x"}} },
			"belongs to HTTP itself or to awf-hook"},
		{"credentials", func(c *delivery.Content) { c.Header = [][2]string{{"authorization", "x"}} }, "an event cannot set it"},
		{"content type", func(c *delivery.Content) { c.ContentType = "a/b\r\nX-Evil: 1" }, "content type: control character"},
		{"suffix without a beginning", func(c *delivery.Content) { c.URLSuffix = ".evil.example/" }, "URL suffix: want it to begin with / or ?"},
		{"suffix that leads upwards", func(c *delivery.Content) { c.URLSuffix = "/../admin" }, "URL suffix: a path that leads upwards"},
		{"suffix that leads upwards, escaped", func(c *delivery.Content) { c.URLSuffix = "/%2e%2E/admin" },
			"URL suffix: a path that leads upwards"},
		{"suffix that leads upwards by a backslash", func(c *delivery.Content) { c.URLSuffix = `/..\admin` },
			"URL suffix: a path that leads upwards"},
		{"suffix with a fragment", func(c *delivery.Content) { c.URLSuffix = "/a#b" }, "URL suffix: not a path and a query"},
		{"suffix with a line break", func(c *delivery.Content) { c.URLSuffix = "/a HTTP/1.1\r\nX: 1" }, "URL suffix: not a path and a query"},
		{"suffix with a bad escape", func(c *delivery.Content) { c.URLSuffix = "/%zz" }, "URL suffix: not a path and a query"},
		{"long suffix", func(c *delivery.Content) { c.URLSuffix = "/" + strings.Repeat("x", 2048) }, "URL suffix: want at most 2048 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDelivery()
			tt.change(&d.Content)
			a := s.Send(t.Context(), d)
			if a.Outcome != delivery.Dead || !strings.Contains(a.Reason, tt.want) || a.Status != 0 || a.Free {
				t.Errorf("%+v, want dead: %s", a, tt.want)
			}
			if strings.Contains(a.Reason, "hidden") {
				t.Errorf("the reason %q quotes the value", a.Reason)
			}
		})
	}
	if len(requests) > 0 {
		t.Errorf("%d requests were sent", len(requests))
	}
}

// All schemes sign one request, each under as many valid secrets as it has room for.
func TestAllSchemesAtATime(t *testing.T) {
	target, requests := receiver(t)
	now := time.Now()
	w := webhook(t, target)
	w.Signing = signature.Schemes
	stripe := signature.Custom{Header: "Stripe-Signature", Template: "{timestamp}.{body}", Prefix: "t={timestamp},v1=", Separator: ","}
	single := signature.Custom{Header: "X-Single", Template: "{id}{body}"}
	w.Custom = []signature.Custom{stripe, single}
	w.Secrets = []sender.Secret{
		{Value: "of tomorrow 0123456789", NotBefore: now.Add(time.Hour)}, {Value: "new 0123456789"},
		{Value: "old 0123456789", NotAfter: now.Add(time.Hour)}, {Value: "of yesterday 0123456789", NotAfter: now.Add(-time.Hour)},
	}
	got := send(t, newSender(t, w), newDelivery(), requests)
	verify := map[string]func(secret string) error{
		"stripe": func(secret string) error { return stripe.Verify(got.header, got.body, now, secret) },
		"single": func(secret string) error { return single.Verify(got.header, got.body, now, secret) },
	}
	for _, scheme := range signature.Schemes {
		verify[string(scheme)] = func(secret string) error { return signature.Verify(got.header, got.body, scheme, now, secret) }
	}
	for name, check := range verify {
		room := name == "standard" || name == "stripe"
		for secret, want := range map[string]bool{w.Secrets[0].Value: false, w.Secrets[1].Value: true, w.Secrets[2].Value: room,
			w.Secrets[3].Value: false} {
			if err := check(secret); (err == nil) != want {
				t.Errorf("%s under the secret %s: %v, want good %v", name, secret, err, want)
			}
		}
	}
}

// Without a valid secret nothing is sent, and the fault is ours.
func TestNoValidSecretIsFree(t *testing.T) {
	target, requests := receiver(t)
	w := webhook(t, target)
	w.Custom = []signature.Custom{{Header: "X-Signature"}}
	w.Secrets = []sender.Secret{{Value: plainSecret, NotAfter: time.Now().Add(-time.Hour)}}
	a := newSender(t, w).Send(t.Context(), newDelivery())
	if a.Outcome != delivery.Retry || !a.Free || a.Reason != "no secret is valid at this time" || len(requests) > 0 {
		t.Errorf("%+v, want a free retry", a)
	}
}
