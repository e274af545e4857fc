package filters

import (
	"maps"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// types lists the event types that AWF is known to write.
var types = event.Types()

// Types lists the event types that AWF is known to write, and those of operator events. Other events may have any type.
func Types() []string { return slices.Concat(types, event.OperatorTypes()) }

// meant lists the types that were probably meant by a name or glob that no event has.
func meant(pattern string) []string {
	plain := strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToLower(pattern))
	if slices.Contains(types, plain) {
		return []string{plain}
	}
	others := event.OtherNames()
	for _, glob := range []Glob{Glob(plain), Glob(plain + "_*"), Glob("*_" + plain)} { // the name, its beginning, its end
		var found []string
		for name, of := range others {
			if glob.Match(name) {
				found = append(found, of...)
			}
		}
		for _, typ := range types {
			if glob.Match(typ) && typ != event.StepRetry { // which AWF does not write
				found = append(found, typ)
			}
		}
		if len(found) > 0 {
			slices.SortFunc(found, func(a, b string) int { return slices.Index(types, a) - slices.Index(types, b) })
			return slices.Compact(found)
		}
	}
	if near := spelling.Nearest(plain, Types()); near != "" {
		return []string{near}
	}
	return others[spelling.Nearest(plain, slices.Sorted(maps.Keys(others)))]
}

// Unlikely says why a glob probably matches nothing: AWF is not known to write such a type. It returns "" for a likely
// glob. Your own events may have any type.
func Unlikely(g Glob) string {
	switch {
	case slices.ContainsFunc(types, g.Match), event.IsOperator(string(g)):
		return ""
	case strings.ContainsAny(string(g), "*?") && slices.ContainsFunc(event.OperatorTypes(), g.Match):
		return "awf-hook's own events must be named whole: " + spelling.Join("or", event.OperatorTypes())
	}
	why := "no event of AWF has this type"
	if names := meant(string(g)); len(names) > 0 {
		return why + ", did you mean " + spelling.Join("or", names) + "?"
	}
	return why
}
