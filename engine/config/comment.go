package config

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/lazy"
)

// literalKinds lists the kinds whose values have such a form that nobody takes a comment for a part of one.
var literalKinds = []Kind{KindNumber, KindDuration, KindSize, KindRate, KindPercent, KindDurations, KindNumbers, KindBool, KindTime}

var (
	cutOff   = lazy.Regexp(`^[ \t]+#[^\s#!-]`) // probably no comment, since no space follows
	comment  = lazy.Regexp(`^[ \t]+#`)         // any comment
	halfDone = lazy.Regexp(`(?:[=<>!&|+,(\[{-]|\b(?:and|or|not|in|contains|matches|startsWith|endsWith))$`)
)

// checkComment warns if YAML takes the end of a value for a comment, or a comment for the end of a value. It checks only values on one
// line and without quotes, because quotes show where a value ends.
func (d *decoder) checkComment(n node) {
	if n.key == nil || n.Style != 0 || len(n.Content) > 0 || slices.Contains(literalKinds, n.key.Kind) {
		return
	}
	rest, ends := strings.CutPrefix(d.rest(n.Node), n.Value)
	mayBeCut := cutOff().MatchString(rest) || comment().MatchString(rest) && n.key.isExpression() && isHalf(n.Value)
	switch {
	case !ends:
	case n.Tag == "!!null" && mayBeCut:
		d.warn(n, "yaml.comment", "YAML takes the value for a comment, since it begins with #: put it in quotes")
	case mayBeCut:
		hash := *n.Node
		hash.Column += utf8.RuneCountInString(n.Value) + strings.IndexByte(rest, '#')
		d.warn(node{Node: &hash, path: n.path}, "yaml.comment",
			"YAML takes what follows for a comment: put the whole value in quotes, or a space behind the #")
	case n.key.Kind == KindSecret || n.key.Kind == KindSecrets:
		if strings.Contains(n.Value, "#") {
			d.warn(n, "yaml.comment",
				"the # and what follows it belong to the secret: put it in quotes, or a space before the # of a comment")
		}
	}
}

func (k *Key) isExpression() bool { return k.Kind == KindExpr || k.Kind == KindTree && k.Plain }

// isHalf reports whether an expression ends too early.
func isHalf(text string) bool {
	open := strings.Count(text, "(") + strings.Count(text, "[") - strings.Count(text, ")") - strings.Count(text, "]")
	return open > 0 || halfDone().MatchString(strings.TrimSpace(text))
}
