package expression

import (
	"slices"
	"strings"
)

// The tables below have answers for names and words of other languages: jq, JavaScript, Python, Go, SQL, CEL, Jinja, shells and CI systems.
// Their keys are in small letters without "_".

// adviceOn returns what a table says to write instead of a word. A line of the table has words in small letters, ":" and the advice.
func adviceOn(table []string, word string) (say string, known bool) {
	word = strings.ToLower(strings.ReplaceAll(word, "_", ""))
	for _, l := range table {
		words, say, _ := strings.Cut(l, ": ")
		if slices.Contains(strings.Fields(words), word) {
			return say, true
		}
	}
	return "", false
}

// otherNames maps other languages' names to awf-hook's.
var otherNames = []string{
	"null none undefined nil: nil", "true: true", "false: false", "not: not", "name workflow: workflow_name",
	"id run runid executionid: workflow_id",
	"time date ts datetime today now currenttimestamp: timestamp", "data: payload", "every forall: all", "some anymatch: any",
	"size length strlen charlength count_of: len",
	"exists has defined isset present notnull isnotnull notempty: payload.error != nil",
	"empty isempty isnull isnil isnullorempty isundefined isnone: payload.error == nil",
	"coalesce ifnull nvl default lookup try can getordefault: payload.error ?? \"none\"",
	"regex test regexp re regexmatch regexpmatch regexplike search rematch: event matches \"^workflow_\"", "match: matches",
	"includes strpos position instr: contains", "substr substring slice left mid charat: a part such as event[0:3]",
	"tolower tolowercase lcase downcase asciidowncase: lower", "toupper touppercase ucase upcase asciiupcase: upper",
	"strip: trim", "ltrim lstrip: trimPrefix", "rtrim rstrip: trimSuffix",
	"parseint number toint tointeger atoi integer: int", "parsefloat tonumber tofloat double: float",
	"str tostring text dyn bytes: string", "avg average: mean", "sorted orderby: sort", "set distinct unique: uniq",
	"list array tuple: a list as [1, 2]", "range: 1..10", "enumerate zip: #index in map(payload.list, [#index, #])",
	"isinstance typeof gettype isa: type(payload.error) == \"string\"",
	"parsejson jsondecode loadjson unmarshal: fromJSON", "stringify jsonencode marshal dumps dump: toJSON",
	"format sprintf printf print println echo: \"a\" + event, which joins texts",
	"math json: the function alone: max(1, 2), round(1.5), json(payload)",
	"strings fmt: the function or operator alone: event contains \"a\", upper(event)",
	"env environ getenv secrets vars process os environment config: with of a transform, which reads variables",
	"$env: a name such as event",
	"github gitlab ctx context request msg message record row obj self this root loop awf: " +
		"event, workflow_id, workflow_name, timestamp or payload",
	"steps jobs job task: payload.step", "input params parameters args: payload.inputs",
	"code exitstatus returncode rc: payload.exit_code",
	"output outputs: payload.result", "err reason: payload.error",
	"always: true", "failure failed: event == \"workflow_error\"", "success succeeded: event == \"workflow_end\"",
	"cancelled canceled: event == \"workflow_cancel\"",
	"if iif ifelse switch choose when: condition ? value : other value", "unless: not (…)",
}

// otherMethods maps members and methods of a value to awf-hook's functions, operators or members. $of is the value.
var otherMethods = []string{
	`length size len count: len($of)`, `tolower tolowercase downcase asciidowncase: lower($of)`,
	`toupper touppercase upcase asciiupcase: upper($of)`, `strip: trim($of)`,
	`includes include contain has haskey hasownproperty containskey: $of contains "a" for a text, "a" in $of for a list or a map`,
	`startwith hasprefix beginswith: $of startsWith "a"`, `endwith hassuffix: $of endsWith "a"`,
	`match test search fullmatch matcher: $of matches "^a"`, `equals eq is equalto compareto: $of == "a"`,
	`equalsignorecase: lower($of) == "a"`, `ne: $of != "a"`,
	`isempty empty blank isblank isnullorempty isnull isnil nil null: $of == nil or $of == ""`,
	`present exists isdefined: $of != nil, or any($of, # > 1) for a list`,
	`substring substr slice charat sub: $of[0:3]`, `tostring str text: string($of)`, `toint intvalue toi tonumber: int($of)`,
	`some anymatch: any($of, # > 1)`, `every allmatch: all($of, # > 1)`, `foreach each select where: filter($of, # > 1)`,
	`isin oneof: $of in ["a", "b"]`, `index find_index: indexOf($of, "a")`,
	`append push plus: $of + "a"`, `getordefault default orelse: $of ?? "none"`,
	`type class gettype: type($of)`, `tofixed: round($of)`, `items entries: toPairs($of)`,
	`tojson stringify: toJSON($of)`, `json: fromJSON($of)`,
	`seconds totalseconds getseconds: $of > 60: it is a number of seconds`,
}

// otherTimeMethods are methods of a time by other names.
var otherTimeMethods = []string{
	"gethours getutchours hourofday: Hour()", "getminutes: Minute()",
	"getday dayofweek getdayofweek isoweekday dow: Weekday()", "getdate dayofmonth: Day()",
	"date todate: Format(\"2006-01-02\")",
	"getmonth: Month()", "getfullyear getyear: Year()", "gettime epoch timestamp totimestamp: Unix()",
	"strftime tostring isoformat: Format(\"2006-01-02\")",
	"now: timestamp itself",
	"adddays addhours addminutes plus: Add(duration(\"24h\"))", "tz local tolocaltime: In(timezone(\"Europe/Paris\"))", "dayofyear: YearDay()",
	"isbefore: Before(date(\"2026-01-02\"))", "isafter: After(date(\"2026-01-02\"))",
}

// otherOperators are words for operators.
var otherOperators = []string{
	"and or not in contains matches startswith endswith: %s as it is written in small letters: and, or, not, in, contains, startsWith",
	"is eq equals isequal: ==", "notin: not in", "glob: glob(\"workflow_*\", event)",
	"ne neq isnt: !=", "gt gte lt lte ge le: >, >=, < or <= instead of %s",
	"div: / instead of %s", "mod rem: % instead of %s", "xor: (event == \"a\") != (workflow_name == \"b\")",
	`like ilike: glob("deploy-*", workflow_name) or matches`, `regexp rlike similar regex match: event matches "^workflow_"`,
	`has includes include: contains for a text, "a" in payload.list for a list`, "then: condition ? value : other value",
	"between: payload.duration >= 1 and payload.duration <= 2", "unless: and not (…)",
	"if when: and between conditions, or condition ? value : other value", "where while for given: and between conditions",
	"instanceof isa: type(payload.error) == \"string\"", "as of to: an operator instead of %s", "else: condition ? value : other value",
}

// otherStatements are words that begin statements in other languages.
var otherStatements = []string{
	"const var def set local my: let x = 1; x > 0", "return yield echo print assert select: the condition alone, without %s",
	"function lambda fn func: # for the element: any(payload.list, # > 1)", "typeof: type(payload.error) == \"string\"",
	"new: the function alone: date(\"2026-01-02\")", "if elif case when: condition ? value : other value", "unless: not (…)",
	"not: not as it is written in small letters: and, or, not, in, contains, startsWith",
	"on: the condition alone, without %s", "for foreach while: any(payload.list, # > 1)",
	"where from: the condition alone, without %s", "eq: event == \"a\"", "ne: event != \"a\"",
	"gt lt ge le: payload.exit_code > 1", "test: the condition alone, without %s",
	"interval: duration(\"24h\")", "hour: timestamp.Hour()",
}
