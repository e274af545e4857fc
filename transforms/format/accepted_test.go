package format_test

import (
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// A 2xx means delivered unless the body is a refusal that the format knows. A Slack-like receiver that accepts in other words must not
// get the same message ten times.
func TestAcceptedUnlessTheBodyIsAKnownRefusal(t *testing.T) {
	for _, tt := range []struct {
		format, body string
		want         delivery.Outcome
	}{
		{"slack", "ok", delivery.Delivered}, {"slack", "", delivery.Delivered}, {"slack", "accepted", delivery.Delivered},
		{"slack", "success", delivery.Delivered}, {"slack", `{"success":true}`, delivery.Delivered}, {"slack", `{"ok":true}`, delivery.Delivered},
		{"slack", " <!DOCTYPE html><title>Sign in", delivery.Retry}, {"slack", `{"id":"x"}`, delivery.Delivered},
		{"slack", "no_text", delivery.Dead}, {"slack", "invalid_payload", delivery.Dead}, {"slack", "no_service", delivery.Dead},
		{"slack", `{"ok":false,"error":"channel_not_found"}`, delivery.Dead}, {"slack", `{"ok":false}`, delivery.Dead},
		{"slack", `{"ok":false,"error":"ratelimited"}`, delivery.Retry}, {"slack", `{"ok":false,"error":"rate_limited"}`, delivery.Retry},
		{"telegram", `{"ok":true}`, delivery.Delivered}, {"telegram", "", delivery.Delivered}, {"telegram", "<html>", delivery.Retry},
		{"telegram", `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, delivery.Dead},
		{"telegram", `{"ok":false,"error_code":429,"parameters":{"retry_after":3}}`, delivery.Retry},
		{"telegram", `{"ok":false}`, delivery.Retry},
	} {
		v := open(t, tt.format, required[tt.format]...).Judge(delivery.Answer{Status: 200, Body: []byte(tt.body)})
		if !v.Known {
			v.Outcome = delivery.Delivered // by the general rules
		}
		if v.Outcome != tt.want {
			t.Errorf("%s, 200 %q: %v, want %v", tt.format, tt.body, v.Outcome, tt.want)
		}
	}
}
