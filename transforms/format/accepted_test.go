package format_test

import (
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/transforms/format"
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

// No receiver answers with an HTML page: it comes from a proxy or a sign-in page in front of the receiver, so the message was not taken.
// Other answers that begin with a tag, such as XML, may come from receivers that take the format's messages. Receivers that anyone may
// build, such as those of CloudEvents, answer as they like.
func TestWebPagesAreNoAnswers(t *testing.T) {
	pages := []string{
		"<html>Sign in", "\ufeff\r\n<!DOCTYPE HTML PUBLIC>", "<!doctype html>", "<?xml version=\"1.0\"?><html>", "<!-- portal\n --><head>",
		"<?xml version=\"1.0\"?>\n<!-- a --> <!-- b -->\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\">", "<BODY class=x>",
		"<meta http-equiv=refresh content=0>", "<script>location = '/login'</script>",
	}
	others := []string{
		"<?xml version=\"1.0\"?><Response>ok</Response>", "<Response/>", "<soap:Body>", "<header>", "<!-- ok -->", "<ok>", "<!DOCTYPE note>",
		"<!-- <html> --><answer/>", "a <html>", "<", "<?xml", "<!--<html>",
	}
	for _, name := range format.Names() {
		page := delivery.Retry
		if name == "cloudevents" || name == "awf" {
			page = delivery.Delivered
		}
		f := open(t, name, required[name]...)
		for _, status := range []int{200, 201, 202} {
			outcome := func(body string) delivery.Outcome {
				v := f.Judge(delivery.Answer{Status: status, Body: []byte(body)})
				if !v.Known {
					return delivery.Delivered // by the general rules
				}
				return v.Outcome
			}
			for _, body := range pages {
				if got := outcome(body); got != page {
					t.Errorf("%s, %d %q: %v, want %v", name, status, body, got, page)
				}
			}
			for _, body := range others {
				if got, want := outcome(body), outcome("fine"); got != want {
					t.Errorf("%s, %d %q: %v, want %v as for any text", name, status, body, got, want)
				}
			}
		}
	}
}
