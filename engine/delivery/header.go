package delivery

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// MaxHeaders is how many headers an event may add to the webhook's static ones.
	MaxHeaders = 50
	// maxHeaderValue is the longest value of a header, in bytes.
	maxHeaderValue = 4096
)

// CheckHeader checks a header that awf-hook does not set itself: a static one, or one made from an event. The error does
// not quote the value.
func CheckHeader(name, value string) error {
	switch {
	case !isHeaderName(name):
		return errors.New("not a header name")
	case isReserved(name):
		return errors.New("belongs to HTTP itself or to awf-hook")
	case len(value) > maxHeaderValue:
		return fmt.Errorf("want at most %d bytes, got %d", maxHeaderValue, len(value))
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return errors.New("control character in a header's value")
	}
	return nil
}

// isHeaderName reports whether s is a token of RFC 9110.
func isHeaderName(s string) bool {
	for _, r := range s {
		isAlnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !isAlnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return s != ""
}

// isReserved reports whether a header belongs to HTTP's framing, makes a transport send a request twice, or is one that awf-hook sends.
func isReserved(name string) bool {
	name = strings.ToLower(name)
	reserved := []string{
		"connection", "content-length", "expect", "host", "idempotency-key", "keep-alive", "proxy-authorization", "proxy-connection",
		"te", "trailer", "transfer-encoding", "upgrade", "x-idempotency-key",
	}
	return slices.Contains(reserved, name) || strings.HasPrefix(name, "x-awf-") || strings.HasPrefix(name, "webhook-")
}
