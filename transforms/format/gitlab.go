package format

import (
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

var gitlab = Receiver{
	Name:    "gitlab",
	Summary: "a trigger of a GitLab pipeline, with the event in its variables",
	URL:     "https://gitlab.example.com/api/v4/projects/ID/trigger/pipeline",
	Keys: []Key{
		{Name: "token", Kind: KindSecret, Required: true, Is: "the pipeline trigger's token"},
		{Name: "ref", Kind: KindText, Required: true,
			Is: "the branch or tag to run", want: "a branch or tag", match: matches(`^[^\s~^:?*\\[]{1,250}$`)},
		{Name: "variables", Kind: KindFields, Max: maxFields,
			Is:   "variables in addition to AWF_EVENT, AWF_WORKFLOW, AWF_RUN, AWF_STATUS, AWF_STEP and AWF_ERROR",
			want: "a name of letters, digits and _", match: matches(`^[A-Za-z_][A-Za-z0-9_]{0,254}$`)},
	},
	Limits: []Limit{
		{"ref", 250, Characters, "ours"},
		{"a variable", 4000, Characters, "ours; a job's environment takes 128 KiB, of which GitLab.com allows 120"},
		{"variables", maxFields + 6, Entries, "ours"},
	},
	Policy: Policy{
		Rate:    Rate{N: 25, Per: time.Minute, Burst: 5},
		Success: "201",
		Retry:   "429 with Retry-After",
		address: pathEnds("GitLab", "/trigger/pipeline"),
		answers: answers{reason: []string{"message", "message.base", "error"}},
	},
	isData: true,
	sample: sample{url: "https://gitlab.example.com/api/v4/projects/ID/trigger/pipeline",
		with: []Option{{Name: "token", Value: sampleToken}, {Name: "ref", Value: "main"}}},
	write: func(m *message) {
		status := strings.TrimPrefix(m.look.words, "was ")
		standard := []field{
			{"AWF_EVENT", m.typ}, {"AWF_WORKFLOW", m.name}, {"AWF_RUN", m.id},
			{"AWF_STATUS", status}, {"AWF_STEP", m.known.step}, {"AWF_ERROR", clean(m.known.err)},
		}
		given := m.labelled("variables")
		standard = slices.DeleteFunc(standard, func(f field) bool {
			return slices.ContainsFunc(given, func(g field) bool { return g.label == f.label })
		})
		variables := jsonbytes.Object("{}")
		for _, v := range append(standard, given...) {
			value := cut(v.value, m.limit("a variable")/2, utf16Units)
			variables.Text(v.label, strings.ReplaceAll(value, "$", "$$")) // GitLab expands $NAME, and some variables are secrets
		}
		m.put(object{{"token", m.format.values["token"].secret}, {"ref", m.matching("ref")}, {"variables", raw(variables)}})
	},
}
