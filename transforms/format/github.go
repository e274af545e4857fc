package format

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

const githubHeader = `Authorization: "Bearer ${GITHUB_TOKEN}"`

var githubDispatch = Receiver{
	Name:    "github-dispatch",
	Summary: "a repository_dispatch, which starts GitHub workflows with the event as their client_payload",
	URL:     "https://api.github.com/repos/OWNER/REPO/dispatches; a token goes into `headers: {Authorization: Bearer ${GITHUB_TOKEN}}`",
	Keys: []Key{
		{Name: "event_type", Kind: KindText, Default: "the event's type", Is: "a type that the workflow's `types:` lists"},
	},
	Limits: []Limit{
		{"event_type", 100, Characters, "Create a repository dispatch event"},
		{"client_payload", 60_000, Bytes, "Create a repository dispatch event: 64 KB; ten members"},
	},
	Policy: githubPolicy(http.StatusNoContent, "/dispatches"),
	isData: true,
	sample: sample{url: "https://api.github.com/repos/OWNER/REPO/dispatches", header: githubHeader,
		with: []Option{{Name: "event_type", Value: "awf_{{ event }}"}}},
	write: func(m *message) {
		m.put(object{
			{"event_type", cut(cmp.Or(m.line("event_type"), m.typ, "awf"), m.limit("event_type"), utf16Units)},
			{"client_payload", m.envelope(m.limit("client_payload"))},
		})
	},
}

var githubStatus = Receiver{
	Name:    "github-status",
	Summary: "a commit's status on GitHub: pending at a start, then success, failure or error",
	URL:     "https://api.github.com/repos/OWNER/REPO/statuses; a token goes into `headers: {Authorization: Bearer ${GITHUB_TOKEN}}`",
	Keys: append([]Key{
		{Name: "sha", Kind: KindText, Required: true,
			Is: "the commit, 40 hexadecimal digits", want: "40 hexadecimal digits", match: matches(`^[0-9a-f]{40}$`)},
		{Name: "context", Kind: KindText, Default: "`awf/` and the workflow's name; for a step also `/` and its path",
			Is: "the name that distinguishes this status from others of the commit"},
	}, only(chatKeys(), "title", "error", "link")...),
	Limits: []Limit{
		{"description", 140, Characters, "Create a commit status: GitHub refuses a longer one with 422"},
		{"context", 250, Characters, "ours"},
	},
	Policy: githubPolicy(http.StatusCreated, "/statuses"),
	sample: sample{url: "https://api.github.com/repos/OWNER/REPO/statuses", header: githubHeader,
		with: []Option{{Name: "sha", Value: sampleCommit}, {Name: "link", Value: sampleLink}}},
	write: func(m *message) {
		if m.look.commit == "" {
			return
		}
		m.made.URLSuffix = "/" + m.matching("sha")
		context := "awf/" + m.name
		if m.moment.isStep() {
			context += "/" + cmp.Or(m.known.path, m.known.step)
		}
		m.put(object{
			{"state", m.look.commit},
			{"target_url", m.link},
			{"description", cut(m.summary(), m.limit("description"), utf16Units)},
			{"context", cut(cmp.Or(m.line("context"), context), m.limit("context"), utf16Units)},
		})
	},
	order: func(m *message) string { return "awf/" + m.name },
}

func githubPolicy(good int, end string) Policy {
	return Policy{
		Rate:    Rate{N: 1, Per: time.Second, Burst: 10},
		Success: strconv.Itoa(good),
		Retry:   "429, and 403 if the reason is a rate limit: after Retry-After or X-RateLimit-Reset, else a minute",
		address: pathEnds("GitHub", end),
		answers: answers{reason: []string{"message"}, limit: limit{"rate limit", time.Minute}},
	}
}
