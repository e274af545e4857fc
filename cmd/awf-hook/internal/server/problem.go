package server

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Reason says why events were refused, for metrics.
type Reason string

const (
	Bad          Reason = "bad"
	TooLarge     Reason = "too_large"
	Unauthorized Reason = "unauthorized"
	Limited      Reason = "rate"
	Full         Reason = "full"
)

// Reasons lists all reasons.
var Reasons = []Reason{Bad, TooLarge, Unauthorized, Limited, Full}

// problem is a refusal.
type problem struct {
	status       int
	text         string
	line, column int // of the body; 0 for none
	retryAfter   time.Duration
	reason       Reason
}

// placed returns the line, the column and the text.
func (p *problem) placed() string { return fmt.Sprintf("%d:%d: %s", p.line, p.column, p.text) }

func (p problem) write(w http.ResponseWriter) {
	h := w.Header()
	if p.retryAfter > 0 {
		setRetryAfter(w, p.retryAfter)
	}
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="awf-hook"`)
	}
	answer(w, p.status, struct {
		Error  string `json:"error"`
		Line   int    `json:"line,omitempty"`
		Column int    `json:"column,omitempty"`
	}{p.text, p.line, p.column})
}

func setRetryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}

// answer writes a value as JSON.
func answer(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client may be gone
}
