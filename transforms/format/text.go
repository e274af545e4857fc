package format

import "github.com/awf-project/awf-hook/engine/event"

// text is an option that may hold expressions.
type text struct {
	literal string
}

// scope is what the expressions of one message see.
type scope struct {
	event *event.Event
	body  []byte // the previous step's output
}

func compileText(source string) (*text, *Mistake) {
	return &text{source}, nil
}

func (t *text) isLiteral() bool { return true }

// value is the text for an event; a value that is missing is "".
func (t *text) value(*scope) (string, error) {
	if t == nil {
		return "", nil
	}
	return t.literal, nil
}
