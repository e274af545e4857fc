package store

import (
	"encoding/json"
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// madeText holds a content's headers and the secret parts of its body. If no part is secret, the headers are stored
// alone.
type madeText struct {
	Header [][2]string `json:"header,omitempty"`
	Secret [][2]int    `json:"secret"`
}

// HeaderText encodes a content's headers and the secret parts of its body for a single column; "" if it has neither.
func HeaderText(c *delivery.Content) string {
	var text []byte // texts and numbers always encode
	switch {
	case len(c.Secret) > 0:
		text, _ = json.Marshal(madeText{c.Header, c.Secret})
	case len(c.Header) > 0:
		text, _ = json.Marshal(c.Header)
	}
	return string(text)
}

// ParseHeader decodes the result of HeaderText.
func ParseHeader(text string, c *delivery.Content) error {
	switch {
	case text == "":
		return nil
	case !strings.HasPrefix(text, "{"):
		return json.Unmarshal([]byte(text), &c.Header)
	}
	var made madeText
	err := json.Unmarshal([]byte(text), &made)
	c.Header, c.Secret = made.Header, made.Secret
	return err
}
