package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/spelling"
	"gopkg.in/yaml.v3"
)

// field reads a value into a field. The field's type decides the form, the key the bounds.
func (d *decoder) field(n node, to any) {
	switch to := to.(type) {
	case **Tree:
		if n.Tag == "!!null" && n.Value == "" { // probably a forgotten value, unlike a null that is written out
			d.fail(n, "value.type", "want a value, got %s", describe(n.Node))
			return
		}
		*to = d.tree(n)
		return
	case *Text:
		d.pointable(n, to)
		return
	case *[]SigningSecret:
		d.secrets(n, to)
		return
	}
	if text, ok := d.value(n); ok {
		d.parse(n, text, to)
	}
}

// parse parses the text of a scalar into a field.
func (d *decoder) parse(n node, text string, to any) {
	switch to := to.(type) {
	case *string:
		d.choice(n, text, to)
	case *bool:
		if text != "true" && text != "false" {
			d.fail(n, "value.form", "want true or false, got %s", quote(n))
			return
		}
		*to = text == "true"
	case *int:
		if leadingZero().MatchString(text) {
			d.fail(n, "yaml.octal", "a number with a leading zero is octal for some and not for others, got %s: leave the zero out", quote(n))
		} else if i, err := strconv.Atoi(text); d.bounded(n, int64(i), err, "a number") {
			*to = i
		}
	case *int64:
		if size, err := parseSize(text); d.bounded(n, size, err, "a size like 512MiB or 1GiB") {
			*to = size
		}
	case *time.Duration:
		if v, err := ParseDuration(text); d.bounded(n, int64(v), err, "a duration like 10s or 5m") {
			*to = v
		}
	case *time.Time:
		d.time(n, text, to)
	case *Rate:
		d.rate(n, text, to)
	case *secret.Secret:
		if text == "" {
			d.fail(n, "secret.form", "empty")
		}
		*to = secret.New(text)
	default:
		panic(fmt.Sprintf("%s: no field can be a %T", n.path, to))
	}
}

// defaults reads the defaults of the keys below one.
func (d *decoder) defaults(k *Key, owner any) {
	for i := range k.below {
		switch key := &k.below[i]; {
		case key.isPart():
			d.defaults(key, key.field(owner))
		case key.Default != "":
			d.readKey(node{Node: &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key.Default}, path: key.Path, key: key}, owner)
		}
	}
}

// showField formats the value of a field. If zero means the default, it returns the default.
func (k *Key) showField(from any) string {
	switch v := from.(type) {
	case *string:
		return cmp.Or(*v, k.Without)
	case *Text:
		return v.Value
	case *bool:
		return strconv.FormatBool(*v)
	case *int:
		if *v == 0 {
			return k.Without
		}
		return strconv.Itoa(*v)
	case *int64:
		if *v > 0 {
			return shortSize(*v)
		}
		return k.Without
	case *time.Duration:
		if *v > 0 {
			return shortDuration(*v)
		}
		return k.Without
	case *Rate:
		return v.String()
	case *secret.Secret:
		if !v.IsZero() {
			return secret.Mask
		}
	case *[]SigningSecret:
		return showSecrets(*v)
	case *[]time.Duration:
		if len(*v) > 0 {
			return "[" + joined(*v, shortDuration) + "]"
		}
	case *[]string, *[]int, *[]netip.Prefix:
		if list := fmt.Sprint(reflect.ValueOf(v).Elem()); list != "[]" {
			return strings.ReplaceAll(list, " ", ", ")
		}
	}
	return ""
}

// value returns a scalar's text with its variables expanded. It returns false if there is a mistake, or if variables are not looked up.
func (d *decoder) value(n node) (string, bool) {
	if n.key.Plain {
		return d.plainText(n)
	}
	text, ok := d.scalar(n)
	return text, ok && !d.unresolved(n)
}

// formed returns a scalar's text, which must have a form that want describes.
func (d *decoder) formed(n node, want string, isFormed func(text string) bool) (text string, ok bool) {
	if text, ok = d.value(n); ok && !isFormed(text) {
		d.fail(n, "value.form", "want %s, got %s", want, quote(n))
		return "", false
	}
	return text, ok
}

// choice reads a text, which must be one of the key's choices or within its length.
func (d *decoder) choice(n node, text string, to *string) {
	if n.key.anyCase {
		text = strings.ToLower(text)
	}
	switch low, high := int(n.key.Min), int(n.key.Max); {
	case len(n.key.Choices) > 0 && !slices.Contains(n.key.Choices, text):
		meant := ""
		if n.key.anyCase {
			meant = spelling.Suggest(n.Value, n.key.Choices)
		}
		d.fail(n, "value.choice", "want %s, got %s%s", spelling.Join("or", n.key.Choices), quote(n), meant)
	case len(text) < low || high > 0 && len(text) > high:
		d.fail(n, "value.length", "want %s, got %d", strings.TrimPrefix(n.key.Bounds(), "0 to "), len(text))
	default:
		*to = text
	}
}

// leadingZero matches numbers that YAML 1.1 and 1.2 read differently.
var leadingZero = lazy.Regexp(`^[-+]?0[0-9]+$`)

// bounded reports whether a value that was parsed is within the key's bounds. form says in an error what its text should be.
func (d *decoder) bounded(n node, value int64, err error, form string) bool {
	if err == nil && value >= n.key.Min && value <= n.key.Max {
		return true
	}
	low, high := n.key.showBound(n.key.Min), n.key.showBound(n.key.Max)
	switch {
	case err != nil && n.key.Kind == KindNumber:
		d.fail(n, "value.form", "want %s from %s to %s, got %s", form, low, high, quote(n))
	case err != nil:
		d.fail(n, "value.form", "want %s, got %s", form, quote(n))
	default:
		d.fail(n, "value.range", "want %s to %s, got %s", low, high, unquoted(n))
	}
	return false
}

func (d *decoder) time(n node, text string, to *time.Time) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			*to = t
			return
		}
	}
	d.fail(n, "value.form", "want a time like 2026-11-24T00:00:00Z or a date, got %s", quote(n))
}

// plainText reads a scalar without expanding variables.
func (d *decoder) plainText(n node) (string, bool) {
	if !n.isText() || n.Value == "" {
		d.fail(n, "value.type", "want a text, got %s", describe(n.Node))
		return "", false
	}
	return n.Value, true
}

// pointable reads a text inside which mistakes can point.
func (d *decoder) pointable(n node, to *Text) {
	text := n.Value
	switch {
	case n.key.Kind != KindExpr:
		value, ok := d.value(n)
		if ok {
			d.choice(n, value, &text)
		}
		if !ok || d.failed(n) {
			return
		}
	case !n.isText():
		d.fail(n, "value.type", "want an expression, got %s", describe(n.Node))
		return
	case text == "":
		d.fail(n, "value.form", "want an expression, got an empty text")
		return
	}
	*to = d.text(n, text)
}
