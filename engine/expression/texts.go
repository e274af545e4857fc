package expression

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Text returns a value as it appears within a text: a string unchanged, nil as "", and anything else as JSON without quotes.
func Text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	text, err := AppendJSON(nil, v)
	if err == nil && len(text) > 1 && text[0] == '"' { // a time or a duration
		text = text[1 : len(text)-1]
	}
	return string(text), err
}

// truncate cuts a text to n characters as a reader counts them. If it cuts, the last one is "…".
func truncate(b *budget, args []any) (any, error) {
	s, n := args[0].(string), args[1].(int)
	if n < 1 {
		return nil, fmt.Errorf("want a number from 1, got %d", n)
	}
	if len(s) <= n {
		return s, nil
	}
	rest, state, cut := s, -1, 0
	for i := 1; rest != ""; i++ {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		b.spend(4)
		if i < n {
			cut += len(cluster)
		}
		if i == n && rest != "" {
			return s[:cut] + "…", nil
		}
	}
	return s, nil
}

// glob reports whether a pattern matches a text, as [MatchGlob] does.
func glob(b *budget, args []any) (any, error) {
	pattern, s := args[0].(string), args[1].(string)
	b.spend(len(s) * (1 + strings.Count(pattern, "*")*len(pattern)) / bytesPerStep)
	return MatchGlob(pattern, s), nil
}

// MatchGlob reports whether the pattern matches all of s. "*" matches any run of characters, "?" matches one.
// At worst it takes time proportional to the product of both lengths.
func MatchGlob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0 // the last star, and where its run begins
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == '?':
			_, size := utf8.DecodeRuneInString(s[i:])
			p++
			i += size
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func toJSON(_ *budget, args []any) (any, error) {
	text, err := AppendJSON(nil, args[0])
	return string(text), err
}

// jsonBytes is roughly the memory that a byte of JSON takes when decoded. Small lists and maps take several times as much.
const jsonBytes = 8

func fromJSON(b *budget, args []any) (any, error) {
	text := []byte(args[0].(string))
	b.grow(jsonBytes * len(text))
	v, err := jsonbytes.Decode(text)
	if err != nil {
		return nil, errors.New("the string is not valid JSON")
	}
	return v, nil
}

func ofText(f func(string) string) function {
	return func(_ *budget, args []any) (any, error) { return f(args[0].(string)), nil }
}

func ofTexts(f func(s, t string) any) function {
	return func(_ *budget, args []any) (any, error) { return f(args[0].(string), args[1].(string)), nil }
}

// index makes a function that finds a text in another. It counts in characters, as parts of texts do, and returns -1 for none.
func index(find func(s, t string) int) function {
	return ofTexts(func(s, t string) any {
		at := find(s, t)
		if at < 0 {
			return at
		}
		return utf8.RuneCountInString(s[:at])
	})
}

// optional returns the i-th argument, or its default if the caller left it out.
func optional[T any](args []any, i int, preset T) T {
	if i < len(args) {
		return args[i].(T)
	}
	return preset
}

// withSpace makes a function whose second argument defaults to a space.
func withSpace(f func(s, t string) string) function {
	return func(_ *budget, args []any) (any, error) { return f(args[0].(string), optional(args, 1, " ")), nil }
}

func trim(b *budget, args []any) (any, error) {
	if len(args) == 1 {
		return strings.TrimSpace(args[0].(string)), nil
	}
	s, cutset := args[0].(string), args[1].(string)
	b.spend(len(s) * len(cutset) / bytesPerStep)
	return strings.Trim(s, cutset), nil
}

func fromBase64(_ *budget, args []any) (any, error) {
	text, err := base64.StdEncoding.DecodeString(args[0].(string))
	if err != nil {
		return nil, errors.New("want base64")
	}
	return string(text), nil
}

// percentEncode encodes everything but letters, digits, "-", ".", "_" and "~" as %XX. The result fits any part of a URL.
func percentEncode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func urlencode(b *budget, args []any) (any, error) {
	b.grow(2 * len(args[0].(string)))
	return percentEncode(args[0].(string)), nil
}

func urldecode(_ *budget, args []any) (any, error) {
	text, err := url.PathUnescape(args[0].(string))
	if err != nil {
		return nil, errors.New("want % followed by two hexadecimal digits")
	}
	return text, nil
}

// split makes a function that splits a text at each separator, into at most n parts.
func split(f func(s, separator string, n int) []string) function {
	return func(b *budget, args []any) (any, error) {
		s, separator, n := args[0].(string), args[1].(string), optional(args, 2, -1)
		b.list(strings.Count(s, separator) + 1)
		list := []any{}
		for _, part := range f(s, separator, n) {
			list = append(list, part)
		}
		return list, nil
	}
}

func repeat(b *budget, args []any) (any, error) {
	s, n := args[0].(string), args[1].(int)
	if n < 0 {
		return nil, fmt.Errorf("want a number from 0, got %d", n)
	}
	if n > maxMemory || len(s)*n > maxMemory {
		return nil, errMemory
	}
	return strings.Repeat(s, n), nil
}

func replace(b *budget, args []any) (any, error) {
	s, old, with, n := args[0].(string), args[1].(string), args[2].(string), optional(args, 3, -1)
	found := strings.Count(s, old)
	if n >= 0 {
		found = min(found, n)
	}
	if longer := len(with) - len(old); longer > 0 && found > 0 && longer > maxMemory/found {
		return nil, errMemory
	}
	return strings.Replace(s, old, with, n), nil
}

func join(b *budget, args []any) (any, error) {
	var text strings.Builder
	glue, glued := optional(args, 1, ""), ""
	for _, v := range args[0].([]any) {
		switch v.(type) {
		case nil:
			continue
		case []any, map[string]any:
			return nil, fmt.Errorf("want strings and numbers, got %s", kindOf(v))
		}
		s, err := Text(v)
		if err != nil {
			return nil, err
		}
		text.WriteString(glued)
		glued = glue
		if text.WriteString(s); text.Len() > b.bytes {
			return nil, errMemory
		}
	}
	return text.String(), nil
}
