package expression

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// answer is a mistake in awf-hook's words. Three patterns select it: for the message of the parser or checker, and for the source before
// and after the place.
type answer struct {
	message, before, after string // regular expressions; "" fits anything
	say                    string // $1 is the message's first group, $b1 and $a1 are those of before and after
}

// inOurWords names Go's types in the words of the configuration.
var inOurWords = strings.NewReplacer(
	"map[string]interface {}", "map", "map[string]any", "map", "[]interface {}", "list", "[]any", "list", "[]int", "list",
	"[]string", "list", "[]uint8", "bytes",
	"float64", "float", "time.Time", "time", "time.Duration", "duration", "interface {}", "value",
)

// rule is an answer with its regular expressions compiled.
type rule struct {
	message, before, after *regexp.Regexp
	say                    string
}

// compileLater returns a function that compiles answers when it is first called.
func compileLater(answers []answer) func() []rule {
	return sync.OnceValue(func() []rule {
		all := make([]rule, len(answers))
		for i, a := range answers {
			all[i] = rule{regexp.MustCompile(a.message), regexp.MustCompile(`(?s)` + a.before), regexp.MustCompile(`(?s)` + a.after), a.say}
		}
		return all
	})
}

var rules = compileLater(answers)

// inAnswers names the types that rules tell apart, and puts the article before a vowel.
var inAnswers = strings.NewReplacer(
	"*time.Location", "timezone", "time.Location", "timezone", "time.Month", "month", "time.Weekday", "weekday", "got unknown", "got nil",
	"a int has", "an int has", "a int among", "an int among", "a int,", "an int,",
)

// functionType is a function's type as the checker writes it.
var functionType = lazy.Regexp(`func\((?:[^()]|\([^()]*\))*\)(?: \([^)]*\)| \w+)?`)

// phrase fills in the $words of an answer.
type phrase struct {
	source, until, rest    string // all of it, and the parts before and after the mistake
	message, before, after []string
	isBool                 bool
}

// answer returns what the first rule that fits says. The last rule fits anything.
func (p *phrase) answer(rules []rule, message string) string {
	for _, r := range rules {
		if p.message = r.message.FindStringSubmatch(message); p.message == nil {
			continue
		}
		p.before, p.after = r.before.FindStringSubmatch(p.until), r.after.FindStringSubmatch(p.rest)
		if p.before != nil && p.after != nil {
			return inAnswers.Replace(p.expand(r.say))
		}
	}
	return ""
}

var dollar = lazy.Regexp(`\$\{?(b?a?\d|timeMethod|[a-z]+)\}?`)

func (p *phrase) expand(say string) string {
	return dollar().ReplaceAllStringFunc(say, func(word string) string {
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

// word returns the text for a $word.
func (p *phrase) word(word string) string {
	switch word {
	case "kinds":
		known := slices.DeleteFunc(p.message[2:4], func(kind string) bool { return kind == "" || kind == "unknown" || kind == "value" })
		return cmp.Or(strings.Join(known, " and "), "nil")
	case "quote":
		return "a text begins with a quote and does not end with the same one"
	case "unclosed":
		return unclosed(p.source)
	case "between":
		return p.between()
	case "piped":
		return p.piped()
	case "seconds":
		text := beginOfUnits().FindString(p.until) + restOfUnits().FindString(p.rest)
		if len(p.after) > 1 {
			text = p.after[1]
		}
		d, err := ParseDuration(text)
		if err != nil {
			return text + " is not a number"
		}
		return fmt.Sprintf("want seconds without a unit: %v; or a duration: duration(%q)", d.Seconds(), text)
	case "arrow":
		if slices.Contains(roots, p.before[1]) || strings.Contains(p.before[1], ".") {
			return fmt.Sprintf("want a dot before a member's name: %s.%s", p.before[1], p.after[1])
		}
		return "want # for the element: any(payload.list, # > 1)"
	case "call":
		if _, isLoop := loops[p.before[1]]; isLoop {
			return "want what is computed of each element behind the list: reduce(payload.list, #acc + #, 0)"
		}
		return "unknown function " + p.before[1] + meant(p.before[1], functionNames())
	case "key":
		if _, isKey := payloadTypes[p.before[2]]; isKey && p.before[1] == "" {
			return ", or payload." + p.before[2]
		}
		return map[string]string{"type": ", or event"}[p.before[2]]
	case "timeMethod":
		return timeMethod(p.message[2])
	case "method":
		return methodOf(p.before[1], p.after[1])
	case "member":
		return p.member()
	case "name":
		return p.name(p.message[1])
	}
	return ""
}

// member returns the answer for a member that a text or number does not have.
func (p *phrase) member() string {
	kind, name, of := p.message[1], p.message[2], p.before[1]
	switch {
	case kind == "function":
		return fmt.Sprintf("%s is a function: want %s(…)", of, of)
	case of == fields[0] && slices.Contains(slices.Concat(fields, roots), name):
		return fmt.Sprintf("%s is a string, the event's type: want %s", of, name)
	case of == fields[0] && (name == "type" || name == "name") && !strings.HasPrefix(p.rest, name+"("):
		return fmt.Sprintf("%s is a string, the event's type: want %s", of, of)
	}
	return cmp.Or(insteadOf(of, name), fmt.Sprintf("%s is a %s, which has no members", of, kind))
}

// methodOf returns the answer for a call of a method that a value does not have.
func methodOf(of, name string) string {
	return cmp.Or(insteadOf(of, name), fmt.Sprintf("%s.%s is not a function", of, name))
}

// insteadOf says what to write instead of a method, "" if nothing is like it.
func insteadOf(of, name string) string {
	if say, known := adviceOn(otherMethods, name); known {
		return "want " + strings.ReplaceAll(say, "$of", of)
	}
	for _, infix := range strings.Split(infixes, "|") {
		if strings.EqualFold(strings.ReplaceAll(name, "_", ""), infix) {
			return fmt.Sprintf("want %s between two values: %s %s …", infix, of, infix)
		}
	}
	if _, isLoop := loops[name]; isLoop {
		return fmt.Sprintf("want %s(%s, # > 1)", name, of)
	}
	if d, isFunction := functions[name]; isFunction {
		more := ""
		if needed, _, _ := strings.Cut(d.args, "?"); len(strings.TrimSuffix(needed, d.args[strings.IndexByte(d.args, ':'):])) > 1 {
			more = ", …"
		}
		return fmt.Sprintf("want %s(%s%s)", name, of, more)
	}
	return ""
}

// timeMethod returns the method of a time that a name probably means.
func timeMethod(name string) string {
	if say, known := adviceOn(otherTimeMethods, name); known {
		return ": want " + say
	}
	return meant(name, timeMethods)
}

// name returns the answer for an unknown name.
func (p *phrase) name(name string) string {
	unknown := "unknown name " + name
	own := slices.Concat(fields, roots)
	switch {
	case slices.Contains(knownValues["event"], name) && comparedWith().MatchString(p.until):
		return fmt.Sprintf("%s: want a text in quotes: %q", unknown, name)
	case (name == "body" || name == "with") && p.isBool:
		return unknown + ": a filter sees the event alone"
	case inLoop(p.until) && (len(name) <= shortName || slices.Contains(elementNames, name)):
		return unknown + ": want # for the element: any(payload.list, # > 1)"
	case strings.HasSuffix(strings.TrimSpace(p.until), "--"):
		return unknown + ": a comment is /* … */"
	case name == "$" || name[0] == '$' && slices.Contains(own, name[1:]):
		return fmt.Sprintf("%s: want %s", unknown, cmp.Or(name[1:], "a name without $: payload.error"))
	case name[0] == '$':
		return unknown + ": want with of a transform, which reads variables"
	case dashed().MatchString(p.until) && !slices.Contains(own, name):
		key := dashed().FindStringSubmatch(p.until)
		return fmt.Sprintf("%s: want %s[\"%s-%s\"] for a key with a dash", unknown, key[1], key[2], name)
	}
	if _, isKey := payloadTypes[name]; isKey {
		return fmt.Sprintf("%s: want payload.%s", unknown, name)
	}
	if mean := near(name, own); len(mean) >= minSlip { // more likely a slip than a text without quotes
		return fmt.Sprintf("%s: did you mean %s?", unknown, mean)
	}
	other, known := adviceOn(otherNames, name)
	isCompared := comparedWith().MatchString(p.until) && (!inLoop(p.until) || comparedWithin().MatchString(p.until))
	if isCompared && meant(name, own) == "" && !aLiteral().MatchString(other) && !calledOrMember().MatchString(p.rest[len(name):]) {
		return fmt.Sprintf("%s: want a text in quotes: %q", unknown, name)
	}
	if inLoop(p.until) && !comparedWithin().MatchString(p.until) {
		return fmt.Sprintf("%s: want .%s for a member of the element, # for the element", unknown, name)
	}
	if known {
		return fmt.Sprintf("%s: want %s", unknown, other)
	}
	if mean := meant(name, slices.Concat(own, functionNames())); mean != "" {
		return unknown + mean
	}
	if i := slices.IndexFunc(timeMethods, func(m string) bool { return strings.EqualFold(m, name) }); i >= 0 {
		return fmt.Sprintf("%s: want timestamp.%s()", unknown, timeMethods[i])
	}
	if other := near(name, strings.Fields(strings.Join(otherNames, " "))); other != "" {
		if say, known := adviceOn(otherNames, other); known {
			return fmt.Sprintf("%s: want %s", unknown, say)
		}
	}
	if key := near(name, payloadKeys); key != "" {
		return fmt.Sprintf("%s: did you mean payload.%s?", unknown, key)
	}
	if strings.HasPrefix(p.rest, name+"(") {
		return "unknown function " + name
	}
	return unknown + ": want event, workflow_id, workflow_name, timestamp or payload"
}

// minSlip is the least length, in bytes, at which a similar name is taken for a slip. A compared text may look like a shorter name by
// chance.
const minSlip = 8

// elementNames are names that other languages have for a loop's element.
var elementNames = []string{"_", "$", "it", "item", "this", "value", "element", "elem", "el", "acc", "each", "self", "entry"}

// dashed is a member whose name ends with a dash.
var dashed = lazy.Regexp(`([\w.]+)\.(\w+)-$`)

// inLoop reports whether a text ends within the body of a loop.
func inLoop(before string) bool {
	call := openCall().FindStringSubmatch(before)
	if call == nil {
		return false
	}
	_, isLoop := loops[call[1]]
	return isLoop
}

var openCall = lazy.Regexp(`\b(\w+)\([^()]*,[^()]*$`)

// comparedWithin ends with an operator, and not with the comma before a loop's body.
var comparedWithin = lazy.Regexp(`(?:==|!=|\[|\b(?:` + infixes + `)) *$`)

var (
	aLiteral       = lazy.Regexp(`^(?:nil|true|false)$`)
	calledOrMember = lazy.Regexp(`^\s*[.(\[]`)

	beginOfUnits = lazy.Regexp(`[\d.smhd]*$`)
	restOfUnits  = lazy.Regexp(`^[\d.smhd]*`)
)

var comparedWith = lazy.Regexp(`(?:==|!=|\[|,|\b(?:` + infixes + `)|timezone\(|[?:]) *$`)

// shortName is the length up to which a name resembles too many others.
const shortName = 2

// meant returns the name that was probably meant.
func meant(name string, names []string) string {
	slices.Sort(names)
	for _, n := range names {
		if strings.EqualFold(strings.ReplaceAll(n, "_", ""), strings.ReplaceAll(name, "_", "")) {
			return fmt.Sprintf(": did you mean %s?", n)
		}
	}
	if n := near(name, names); n != "" {
		return fmt.Sprintf(": did you mean %s?", n)
	}
	return ""
}

// near returns the nearest name, but for a short name only one that differs little.
func near(name string, names []string) string {
	n := spelling.Nearest(name, names)
	if len(name) <= shortName || len(name) <= 5 && n != "" && (len(n) > len(name)+1 || !strings.EqualFold(n[:1], name[:1])) {
		return ""
	}
	return n
}

func functionNames() []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(functions)), maps.Keys(loops))
}

// timeMethods are the methods of a time that people call.
var timeMethods = []string{"Add", "AddDate", "After", "Before", "Compare", "Day", "Equal", "Format", "Hour", "In", "Minute",
	"Month", "Round", "Second", "String",
	"Sub", "Truncate", "UTC", "Unix", "UnixMilli", "Weekday", "Year", "YearDay"}

// unclosed names the brackets or quotes that a source leaves open at its end.
func unclosed(source string) string {
	open, _ := brackets(source)
	switch {
	case open != "":
		return fmt.Sprintf("the %c is not closed", open[len(open)-1])
	case letInLet().MatchString(source):
		return "want ( ) around a let within a let: let x = (let y = 1; y); x > 0"
	case lastLet().MatchString(source):
		return "want ; and an expression after let: let x = 1; x > 0"
	case strings.TrimSpace(source) == "" || strings.HasPrefix(strings.TrimSpace(source), "//"):
		return "want an expression, got nothing"
	}
	return "the expression ends where a value is wanted"
}

var (
	letInLet = lazy.Regexp(`\blet\s+\w+\s*=\s*let\b`)
	lastLet  = lazy.Regexp(`(?:^|;)\s*let\b[^;]*$`)
)

// brackets returns the brackets that a text opens and does not close, and whether it ends within quotes.
func brackets(source string) (open string, isQuoted bool) {
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
			open += string(r)
		case strings.ContainsRune(")]}", r) && open != "":
			open = open[:len(open)-1]
		}
	}
	return open, quote != 0
}
