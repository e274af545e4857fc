package format

import "fmt"

// match checks the texts that are no expressions against what their options allow.
func (f *Format) match() []Mistake {
	var mistakes []Mistake
	for i := range f.Receiver.Keys {
		key := &f.Receiver.Keys[i]
		v := f.values[key.Name]
		switch {
		case key.match == nil:
		case key.Kind == KindSecret && v.secret != "" && !key.match(v.secret):
			mistakes = append(mistakes, Mistake{Option: key.Name, Message: "want " + key.want})
		case v.text.isWrong(key):
			mistakes = append(mistakes, Mistake{Option: key.Name, Message: wantMatch(key, v.text.literal)})
		}
		for n, entry := range v.list {
			if entry.isWrong(key) {
				mistakes = append(mistakes, Mistake{Option: fmt.Sprintf("%s[%d]", key.Name, n), Message: wantMatch(key, entry.literal)})
			}
		}
	}
	return mistakes
}

// isWrong reports whether a literal text is one that the key does not allow.
func (t *text) isWrong(key *Key) bool {
	return t != nil && key.match != nil && t.isLiteral() && (t.literal != "" || key.Required) && !key.match(t.literal)
}

func wantMatch(key *Key, got string) string {
	return fmt.Sprintf("want %s, got %q", key.want, shorten(got))
}
