package engine

import "github.com/awf-project/awf-hook/engine/expression"

// orderKey returns the key by which the webhook orders its deliveries: order_by's value, else the format's own. The store
// keeps a delivery waiting while an earlier one with the same key is in flight or due. "" means no key.
func (w *webhook) orderKey(in *expression.Env) (string, error) {
	switch {
	case w.orderBy == nil && w.format != nil:
		return w.format.OrderKey(in.Event()), nil
	case w.orderBy == nil:
		return "", nil
	}
	value, err := w.orderBy.Value(in)
	if err == nil && value == nil {
		return "", nil
	}
	var key string
	if err == nil {
		key, err = expression.Text(value)
	}
	if err != nil {
		return "", w.OrderBy.Fail(1, 0, "", err.Error())
	}
	return key, nil
}
