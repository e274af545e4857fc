package store

import (
	"encoding/json"
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// madeText is what a content has beside its body where something of the body is secret. Else its headers stand alone.
type madeText struct {
	Header [][2]string `json:"header,omitempty"`
	Secret [][2]int    `json:"secret"`
}

// HeaderText is a content's headers, and which parts of its body are secret, as a store's one column has them; "" for neither.
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

// ParseHeader reads what HeaderText wrote.
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
