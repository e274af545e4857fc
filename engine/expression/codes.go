package expression

// codes maps errors of expr's parser and checker, and the source after their place, to kinds of mistakes. The first match counts.
// Package config documents the kinds.
var codes = []answer{
	{`^unexpected token Operator`, ``, `^=([^=~<>]|$)`, "expr.assign"},
	{`^unexpected token Operator|^unrecognized character: U\+007E|^Operator `, ``, ``, "expr.operator"},
	{`^unknown (name|field|pointer)`, ``, ``, "expr.name"},
	{`has no (?:method|field)|is undefined$`, ``, ``, "expr.member"},
	{`^(not enough|too many) arguments|^expected at least`, ``, ``, "expr.arguments"},
	{`as argument |takes only array|^sortBy order`, ``, ``, "expr.argument"},
	{`is not callable$|is nil; cannot call`, ``, ``, "expr.function"},
	{`mismatched type|^expected bool|^non-bool|^predicate should`, ``, ``, "expr.type"},
	{`to get an element|an integer|^non-integer|^type |^cannot slice`, ``, ``, "expr.type"},
	{`^error parsing regexp`, ``, ``, "expr.pattern"},
	{`maximum allowed nodes$`, ``, ``, "expr.size"},
	{``, ``, ``, "expr.syntax"},
}

var codeRules = compileLater(codes)
