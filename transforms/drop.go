package transforms

import "errors"

// ErrDrop says that a step has nothing to send, which is a decision and not a failure. A map drops an event if its body
// is empty, a format if its receiver gets no message about the event, and a module or script if it returns no body. The
// engine then settles the delivery as dropped.
var ErrDrop = errors.New("nothing to send")

// isEmptyBody reports whether a map drops the event.
func isEmptyBody(body []byte) bool {
	switch string(body) {
	case "null", `""`, "[]", "{}":
		return true
	}
	return false
}
