package expression

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/awf-project/awf-hook/engine/spelling"
)

// answer says a mistake in our words. It is found by what the parser or checker says of it, with the source before and after the place.
type answer struct {
	message, before, after string // regular expressions; "" fits anything
	say                    string // $1 is the message's first group, $b1 and $a1 are those of before and after
}

const (
	unexpected = `^unexpected token `
	mismatch2  = `^invalid operation: (\S+) \(mismatched types `
	infixes    = `startsWith|endsWith|contains|matches|in`
)

// answers are tried in their order.
var answers = []struct {
	code    string
	answers []answer
}{
	{"expr.operator", []answer{
		{unexpected, `[^|]\| *\w+ *$`, `^[=!<>]`, "want or between conditions; | passes a value to a function"},
	}},
	{"expr.assign", []answer{
		{unexpected, `===?$|!==?$`, `^=`, "want == or !="},
	}},
	{"expr.operator", []answer{
		{unexpected, `<$`, `^>`, "want != for what is not equal"},
		{unexpected, ``, `^=~|^~`, `want matches: event matches "^workflow_"`},
		{unexpected, ``, `^!~`, `want not (… matches …): not (event matches "^workflow_")`},
		{`^unrecognized character: U\+007E`, ``, ``, `want matches: event matches "^workflow_"`},
		{unexpected, ``, `^=>`, "want >= (or, for a function of an element, #: any(payload.list, # > 1))"},
		{unexpected, ``, `^=<`, "want <="},
		{unexpected, `=$`, `^>`, "want >= (or, for a function of an element, #: any(payload.list, # > 1))"},
		{unexpected, `=$`, `^<`, "want <="},
		{unexpected, `-$`, `^>`, "want # for the element: any(payload.list, # > 1)"},
		{unexpected, ``, `^! ?=|^=!`, "want !="},
		{unexpected, `=$`, `^!`, "want !="},
		{unexpected, `\blet $`, ``, "want a name after let: let x = 1; x > 0"},
	}},
	{"expr.assign", []answer{
		{unexpected, ``, `^=`, "want == to compare"},
	}},
	{"expr.operator", []answer{
		{unexpected, `(?:&&|\|\||and|or) *$`, `^(&&|\|\||and\b|or\b)`, "want a condition before $a1"},
		{unexpected, ``, `^&`, "want and"},
		{unexpected, ``, `^(A[Nn][Dd]|O[Rr]|N[Oo][Tt]|I[Nn]|Contains|Matches|StartsWith|EndsWith)\b`,
			"want $a1 as it is written in small letters: and, or, not, in, contains, startsWith"},
		{unexpected, ``, `^(?i)is +not\b`, "want !="},
		{unexpected, ``, `^(?i)(?:is|eq|equals)\b`, "want =="},
		{unexpected, ``, `^(?i)(?:ne|neq)\b`, "want !="},
		{unexpected, ``, `^(?i)(gte?|lte?|ge|le)\b`, "want >, >=, < or <= instead of $a1"},
		{unexpected, ``, `^(?i)like\b`, `want glob("deploy-*", workflow_name) or matches`},
		{unexpected, ``, `^(?i)(?:has|includes?)\b`, `want contains for a text, "a" in payload.list for a list`},
		{unexpected, ``, `^then\b`, "want condition ? value : other value"},
		{unexpected, `\+\+ *$|-- *$`, ``, "want + 1 or - 1"},
	}},
	{"expr.function", []answer{
		{unexpected, `(?:^|[^.\w])$`, `^(startsWith|endsWith|contains|matches)\(`, `want $a1 between two texts: event $a1 "a"`},
		{unexpected, `\b(every|some|each|forEach|exists)\([^()]*$`, `^#`, "unknown function $b1: want any or all"},
		{unexpected, `\b(\w+)\([^()]*$`, `^#`, "unknown function $b1$mean"},
		{unexpected, ``, `^#`, "# is the element in any, all, none, one, map, filter and their like; a comment is /* … */"},
		{unexpected, `\b(\w+) $`, `^\w`, "$b1$wants"},
	}},
	{"expr.syntax", []answer{
		{unexpected, `\bin *[({]?[^\[\]]*$`, `^,`, `want a list in square brackets: ["a", "b"]`},
		{unexpected, `\d$`, `^,\d`, "want a point in a number: 1.5"},
		{unexpected, `\d\.\d+$`, `^\.\d`, "want a number with one point"},
		{unexpected, ``, `^/[^/]`, `want the pattern in quotes: event matches "^workflow_"`},
		{unexpected, `\$$`, `^\{`, "variables are not read in an expression: want a name such as event"},
		{`^a map key`, `^\{$`, ``, "want the expression without {{ }}: those belong to the texts of a map"},
		{`^a map key`, ``, ``, "want a key in quotes"},
		{unexpected, ``, `^\.\w`, "want a name without the dot before it"},
		{unexpected, ``, `^([)\]}])`, "$unopened"},
		{unexpected + `EOF|^unexpected end`, ``, ``, "$unclosed"},
		{`^literal not terminated`, ``, ``, "$quote"},
		{`^unrecognized character: U\+(?:201[89CD]|00AB|00BB)`, ``, ``, `want straight quotes: "a"`},
		{`^unrecognized character: U\+\w+ '(.+)'$`, ``, ``, "unexpected $1"},
		{`^invalid char escape`, ``, ``, `unknown \ in a text: want \\, or the text in backquotes`},
		{`^unclosed comment`, ``, ``, "the comment is not closed: want */"},
		{`^bad number syntax: "(\d+)[smhd]+"`, ``, ``, `want seconds without a unit: $1; or a duration: duration("${1}s")`},
		{`^bad number syntax: (.+)`, ``, ``, "$1 is no number"},
		{`^(?:invalid \w+ literal|integer literal|float literal)`, ``, ``, "the number is too large"},
		{`^expected name`, ``, `^[.?\[]`, "want a member's name after the dot"},
		{`^expected name`, ``, ``, "want a name"},
	}},
	{"expr.arguments", []answer{
		{`^expected at least (\d+)`, `\b(\w+)\([^()]*$`, ``, "$b1: want $1 arguments: $b1(payload.list, # > 1)"},
	}},
	{"expr.syntax", []answer{
		{`^wrap predicate`, ``, ``, "want the function of an element in { and }"},
		{`^Operator \((.+)\) and coalesce`, ``, ``, "want ( ) around what stands beside ??: (payload.exit_code ?? 0) > 1"},
		{unexpected + `\w+\("(.+)"\)$`, ``, ``, "unexpected $1"},
		{unexpected + `(.+)`, ``, ``, "unexpected $1"},
	}},
	{"expr.type", []answer{
		{`^expected bool, but got (.+)|^non-bool expression \(type (.+)\)`, ``, ``, "want a condition that is true or false, got $1$2"},
		{`^predicate should return boolean \(got (.+)\)`, ``, ``, "want a condition that is true or false, got $1"},
		{`^invalid operation: (?:not|!) `, ``, `^(?:not |! ?)(\S+) (` + infixes + `|==|!=) (.+)`,
			`not binds to $a1 alone: want not ($a1 $a2 …)`},
		{`^invalid operation: (not|!) \(mismatched type (.+)\)`, ``, ``, "not wants a condition that is true or false, got $2"},
		{`^invalid operation: (and|or|&&|\|\|) \(mismatched types (.+) and (.+)\)`, ``, ``,
			"$1 wants conditions that are true or false, got $2 and $3"},
		{mismatch2 + `func`, `([\w.]*?)(\w+)\s*$`, ``, "$b2 is a function: want $b1$b2(…)$key"},
		{mismatch2 + `\S+ and func`, ``, `(\w+)\s*$`, "$a1 is a function: want $a1(…)"},
		{mismatch2 + `(?:float|int) and duration`, `payload\.duration\s*$`, ``,
			"payload.duration is a number of seconds: want payload.duration > 60"},
		{mismatch2 + `.*\btime\.Weekday`, ``, ``, `want timestamp.Weekday().String() == "Monday", or int(timestamp.Weekday()) == 1`},
		{mismatch2 + `.*\btime\.Month`, ``, ``, `want int(timestamp.Month()) == 1, or timestamp.Month().String() == "January"`},
		{mismatch2 + `time and (?:string|int)`, ``, `^[-<>=!]+ *"?(\d{4}-\d\d-\d\d)`, `want date("$a1")`},
		{mismatch2 + `time and int`, ``, `^[-+]`, `want a duration: timestamp - duration("60s")`},
		{mismatch2 + `(?:int|float) and string`, ``, `^\S+ *"[\d.]+"`, "want the number without quotes"},
		{`^invalid operation: (\S+) \(mismatched types? (.+?)(?: and (.+))?\)$`, ``, ``, "$1 is not for $2$and3"},
		{`^(?:builtin )?(\w+) takes only array \(got (.+)\)`, ``, ``, "$1: want a list, got $2"},
	}},
	{"expr.name", []answer{
		{`^unknown pointer #(\w+)`, ``, ``, "#$1 is known in reduce alone: reduce(payload.list, #acc + #, 0)"},
	}},
	{"expr.type", []answer{
		{`^cannot use pointer accessor`, ``, ``, "# is the element in any, all, none, one, map, filter and their like"},
		{`^cannot use (.+) as argument \(type \*time\.Location\) to call (\w+)`, ``, ``, `$2: want timezone("Europe/Paris"), got $1`},
		{`^cannot use (.+) as argument \(type (.+)\) to call (\w+)`, ``, ``, "$3: want $2, got $1"},
	}},
	{"expr.arguments", []answer{
		{`^(not enough|too many) arguments to call (\w+)`, ``, ``, "$2: $1 arguments"},
		{`^invalid number of arguments \(expected (\d+), got (\d+)\)`, ``, ``, "want $1 arguments, got $2"},
	}},
	{"expr.type", []answer{
		{`^cannot use (.+) to get an element from (.+)`, ``, ``, "want a name or a text as the key of a $2, got $1"},
		{`^array elements can only be selected using an integer \(got (.+)\)|^non-integer slice index (.+)`, ``, ``,
			"want a whole number as the index, got $1$2"},
		{`^type string\[`, ``, ``, `want a part of a text as event[0:1]`},
	}},
	{"expr.member", []answer{
		{`^type (.+)\[(.+)\] is undefined`, ``, ``, "a $1 has no members"},
	}},
	{"expr.type", []answer{
		{`^sortBy order argument`, ``, ``, `sortBy: want the order "asc" or "desc"`},
	}},
	{"expr.member", []answer{
		{`^type (?:string|\w+) has no (?:method|field) (startsWith|endsWith|contains|matches|in)$`, `(\w[\w.]*)\.$`, ``,
			`want $1 between two values: $b1 $1 …`},
		{`^type time has no (?:method|field) (\w+)`, ``, ``, "a time has no $1$method"},
		{`^type (.+) has no (?:method|field) (\w+)`, `(\w[\w.]*)\.$`, ``, "$member"},
		{`^type (.+) has no (?:method|field) (\w+)`, ``, ``, "a $1 has no $2"},
	}},
	{"expr.name", []answer{
		{`^unknown field (\w+)`, ``, ``, "unknown name $1"},
	}},
	{"expr.type", []answer{
		{`is not callable$`, ``, `^(\w+)\(`, "$a1 is no function"},
		{`is not callable$|is nil; cannot call`, ``, ``, "want a function's name before ("},
		{`^cannot redeclare (?:\w+ )?(\w+)$`, ``, ``, "the name $1 is taken: want another one"},
	}},
	{"expr.name", []answer{
		{`^unknown name (.+)`, `\.\.$`, ``, "want one dot before a name"},
		{`^unknown name (.+)`, ``, ``, "$name"},
	}},
	{"expr.pattern", []answer{
		{`^error parsing regexp: (.+)`, ``, ``, "the pattern cannot be read: $1"},
	}},
	{"expr.member", []answer{
		{`^cannot slice (.+)`, ``, ``, "a $1 has no parts: want a text or a list"},
	}},
	{"expr.size", []answer{
		{`exceeds maximum allowed nodes$`, ``, ``, fmt.Sprintf("want at most %d operators, operands and calls", MaxNodes)},
	}},
}

// otherNames are what other languages and people call ours, with what to write.
var otherNames = map[string]string{
	"null": "nil", "None": "nil", "undefined": "nil", "NULL": "nil", "Nil": "nil", "True": "true", "TRUE": "true",
	"False": "false", "FALSE": "false",
	"NOT": "not", "Not": "not", "name": "workflow_name", "workflow": "workflow_name", "id": "workflow_id",
	"run_id": "workflow_id", "kind": "payload.kind",
	"time": "timestamp", "date": "timestamp", "ts": "timestamp", "now": "timestamp", "data": "payload", "every": "all",
	"some": "any", "size": "len", "length": "len",
	"exists": "payload.error != nil", "has": "payload.error != nil", "defined": "payload.error != nil", "isset": "payload.error != nil",
	"regex": `event matches "^workflow_"`, "test": `event matches "^workflow_"`, "match": "matches", "includes": "contains",
	"substr": "a part such as event[0:3]", "substring": "a part such as event[0:3]", "toLowerCase": "lower", "toUpperCase": "upper",
	"env": "with of a transform, which reads variables", "getenv": "with of a transform, which reads variables",
	"$env": "a name such as event",
}

// inOurWords names Go's types as a configuration's writer knows them.
var inOurWords = strings.NewReplacer(
	"map[string]interface {}", "map", "map[string]any", "map", "[]interface {}", "list", "[]any", "list", "[]int", "list",
	"[]string", "list",
	"float64", "float", "time.Time", "time", "time.Duration", "duration", "interface {}", "value",
)

// rules are the answers with their regular expressions compiled.
var rules = sync.OnceValue(func() []rule {
	var all []rule
	for _, group := range answers {
		for _, a := range group.answers {
			before, after := regexp.MustCompile(`(?s)`+a.before), regexp.MustCompile(`(?s)`+a.after)
			all = append(all, rule{regexp.MustCompile(a.message), before, after, a.say, group.code})
		}
	}
	return all
})

// rule is an answer with its regular expressions compiled.
type rule struct {
	message, before, after *regexp.Regexp
	say, code              string
}

// inWords says a mistake at an offset of the source, in characters, in our words.
func inWords(message, source string, offset int, isBool bool) (code, said string) {
	runes := []rune(source)
	offset = min(max(offset, 0), len(runes))
	before, after := string(runes[:offset]), string(runes[offset:])
	message = inOurWords.Replace(message)
	for _, r := range rules() {
		m, b, a := r.message.FindStringSubmatch(message), r.before.FindStringSubmatch(before), r.after.FindStringSubmatch(after)
		if m != nil && b != nil && a != nil {
			return r.code, (&phrase{source, before, m, b, a, isBool}).expand(r.say)
		}
	}
	return "expr.syntax", message
}

// phrase fills the $words of an answer in.
type phrase struct {
	source, until          string // all of it, and what stands before the mistake
	message, before, after []string
	isBool                 bool
}

var dollar = regexp.MustCompile(`\$\{?(b?a?\d|[a-z]+3?)\}?`)

func (p *phrase) expand(say string) string {
	return dollar.ReplaceAllStringFunc(say, func(word string) string {
		word = strings.Trim(word, "${}")
		group, from := word, p.message
		switch {
		case word[0] == 'b' && len(word) == 2:
			group, from = word[1:], p.before
		case word[0] == 'a' && len(word) == 2:
			group, from = word[1:], p.after
		}
		if i := int(group[0] - '0'); len(group) == 1 && i >= 0 && i < 10 {
			if i < len(from) {
				return from[i]
			}
			return ""
		}
		return p.word(word)
	})
}

// word computes what a $word stands for.
func (p *phrase) word(word string) string {
	switch word {
	case "and3":
		if p.message[3] == "" {
			return ""
		}
		return " and " + p.message[3]
	case "quote":
		return "a text begins with a quote and does not end with the same one"
	case "unclosed":
		return unclosed(p.source)
	case "unopened":
		return fmt.Sprintf("the %s closes nothing", p.after[1])
	case "mean":
		return meant(p.before[1], functionNames())
	case "key":
		if _, isKey := payloadTypes[p.before[2]]; isKey && p.before[1] == "" {
			return ", or payload." + p.before[2]
		}
		return map[string]string{"type": ", or event"}[p.before[2]]
	case "method":
		return meant(p.message[1], timeMethods)
	case "wants":
		if slices.Contains(functionNames(), p.before[1]) {
			return " is a function: want " + p.before[1] + "(…)"
		}
		return ": want an operator after it"
	case "member":
		return p.member()
	case "name":
		return p.name(p.message[1])
	}
	return ""
}

// member answers a member that a text or number does not have.
func (p *phrase) member() string {
	kind, name, of := p.message[1], p.message[2], p.before[1]
	if other, known := otherNames[name]; known {
		name = other
	}
	if slices.Contains(functionNames(), name) {
		return fmt.Sprintf("want %s(%s)", name, of)
	}
	if slices.Contains(strings.Split(infixes, "|"), name) {
		return fmt.Sprintf("want %s between two values: %s %s …", name, of, name)
	}
	return fmt.Sprintf("%s is a %s, which has no members", of, kind)
}

// name answers a name that nobody knows.
func (p *phrase) name(name string) string {
	unknown := "unknown name " + name
	switch other, known := otherNames[name]; {
	case slices.Contains(knownValues["event"], name) && comparedWith.MatchString(p.until):
		return fmt.Sprintf("%s: want a text in quotes: %q", unknown, name)
	case (name == "body" || name == "with") && p.isBool:
		return unknown + ": a filter sees the event alone"
	case known:
		return fmt.Sprintf("%s: want %s", unknown, other)
	case name[0] == '$' && len(name) > 1:
		return fmt.Sprintf("%s: want %s", unknown, name[1:])
	}
	if _, isKey := payloadTypes[name]; isKey {
		return fmt.Sprintf("%s: want payload.%s", unknown, name)
	}
	if mean := meant(name, slices.Concat(fields, roots, functionNames())); mean != "" {
		return unknown + mean
	}
	if other := spelling.Nearest(name, slices.Collect(maps.Keys(otherNames))); other != "" && len(name) > shortName {
		return fmt.Sprintf("%s: want %s", unknown, otherNames[other])
	}
	if comparedWith.MatchString(p.until) {
		return fmt.Sprintf("%s: want a text in quotes: %q", unknown, name)
	}
	if key := spelling.Nearest(name, payloadKeys); key != "" && len(name) > shortName {
		return fmt.Sprintf("%s: did you mean payload.%s?", unknown, key)
	}
	return unknown
}

var comparedWith = regexp.MustCompile(`(?:==|!=|\[|,|\b(?:` + infixes + `)) *$`)

// shortName is the length up to which a name is like too many others.
const shortName = 2

// meant is what was probably meant.
func meant(name string, names []string) string {
	slices.Sort(names)
	if nearest := spelling.Nearest(name, names); nearest != "" && len(name) > shortName {
		return fmt.Sprintf(": did you mean %s?", nearest)
	}
	for _, n := range names {
		if strings.EqualFold(strings.ReplaceAll(n, "_", ""), name) {
			return fmt.Sprintf(": did you mean %s?", n)
		}
	}
	return ""
}

func functionNames() []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(functions)), maps.Keys(loops))
}

// timeMethods are the methods of a time that people call.
var timeMethods = []string{"Add", "AddDate", "After", "Before", "Compare", "Day", "Equal", "Format", "Hour", "In", "Minute",
	"Month", "Round", "Second", "String",
	"Sub", "Truncate", "UTC", "Unix", "UnixMilli", "Weekday", "Year", "YearDay"}

// unclosed names what a source that ends too early did not close.
func unclosed(source string) string {
	var open []rune
	var quote rune
	for _, r := range source {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case strings.ContainsRune("\"'`", r):
			quote = r
		case strings.ContainsRune("([{", r):
			open = append(open, r)
		case strings.ContainsRune(")]}", r) && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	switch {
	case len(open) > 0:
		return fmt.Sprintf("the %c is not closed", open[len(open)-1])
	case strings.HasPrefix(strings.TrimSpace(source), "let "):
		return "want ; and an expression after let: let x = 1; x > 0"
	case strings.TrimSpace(source) == "" || strings.HasPrefix(strings.TrimSpace(source), "//"):
		return "want an expression, got nothing"
	}
	return "the expression ends where a value is wanted"
}
