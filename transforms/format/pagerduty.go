package format

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// PagerDuty's limits.
const (
	pagerRoutingKey = 32      // characters
	pagerSummary    = 1024    // characters
	pagerDedup      = 255     // characters
	pagerTotal      = 512_000 // bytes: 512 KB, the smaller reading
	pagerName       = 250     // characters, of source, component, group and class
)

var pagerDuty = Receiver{
	Name:    "pagerduty",
	Summary: "a PagerDuty alert: a failure triggers it, the next success of the same workflow resolves it",
	URL:     "https://events.pagerduty.com/v2/enqueue, or https://events.eu.pagerduty.com/v2/enqueue",
	Keys: []Key{
		{Name: "routing_key", Kind: KindSecret, Required: true, Is: "the integration's key, 32 characters"},
		{Name: "dedup", Kind: KindText, Choices: []string{"workflow", "run", "step"}, Default: "workflow", Is: "what has one alert: each workflow, each run, or each workflow and each of its steps; an expression is the key itself"},
		{Name: "action", Kind: KindText, Choices: []string{"trigger", "acknowledge", "resolve"}, Default: "by the event", Is: "what is done; without it workflow_error triggers and workflow_end resolves, with `dedup: step` or an expression failed and succeeded steps too. An expression that gives nothing sends nothing"},
		{Name: "resolve", Kind: KindBool, Default: "true", Is: "false leaves resolving to people"},
		{Name: "severity", Kind: KindText, Choices: pagerSeverities(), Default: "error, of a step warning", Is: "how bad it is"},
		{Name: "title", Kind: KindText, Default: "what happened, and the error's first line", Is: "the alert's summary"},
		{Name: "source", Kind: KindText, Default: "the workflow", Is: "what is affected"},
		{Name: "component", Kind: KindText, Default: "the step", Is: "its part"},
		{Name: "group", Kind: KindText, Default: "the workflow", Is: "what it belongs to"},
		{Name: "class", Kind: KindText, Default: "the event's type", Is: "what kind of alert it is"},
		{Name: "details", Kind: KindFields, Max: maxFields, Default: "the event's payload", Is: "labels and their values in the alert's details, beside the run"},
		{Name: "error", Kind: KindBool, Default: "true", Is: "false leaves out the error's text"},
		{Name: "link", Kind: KindText, Is: "where to look: an http or https URL; what is none is left out"},
		{Name: "link_text", Kind: KindText, Default: "Open the run", Is: "what the link says"},
	},
	Limits: []Limit{
		{"summary", pagerSummary, Characters, "Events API v2"},
		{"dedup key", pagerDedup, Characters, "Events API v2; a longer one is hashed"},
		{"source, component, group, class", pagerName, Characters, "ours"},
		{"the whole event", pagerTotal, Bytes, "Events API v2: 512 KB"},
	},
	Policy: Policy{
		Rate:    Rate{N: 120, Per: time.Minute, Burst: 10},
		Success: "202: it is queued there",
		Retry:   "429 and 5xx; 30 s after 429 where Retry-After does not say",
		address: func(u *url.URL) string {
			if u.Path != "/v2/enqueue" {
				return "PagerDuty's path is /v2/enqueue"
			}
			return ""
		},
		judge: judgePagerDuty,
	},
	check:  checkPagerDuty,
	sample: sample{url: "https://events.pagerduty.com/v2/enqueue", with: []Option{{Name: "routing_key", Value: sampleKey}, {Name: "link", Value: sampleLink}}},
	write:  writePagerDuty,
	order: func(f *Format, ev *event.Event) string {
		m := &message{subject: subjectOf(ev, nil), values: expression.NewEnv(ev)}
		m.moment = m.subject.moment()
		if key, err := f.dedupKey(m); err == nil && key != "" {
			return key
		}
		return pagerKey("awf", line(ev.WorkflowName))
	},
}

func pagerSeverities() []string { return []string{"critical", "error", "warning", "info"} }

func checkPagerDuty(f *Format) []Mistake {
	key := f.values["routing_key"]
	if key.secret != "" && (len(key.secret) != pagerRoutingKey || strings.ContainsFunc(key.secret, func(r rune) bool { return r <= ' ' || r > '~' })) {
		return []Mistake{{Option: "routing_key", Message: "want a PagerDuty integration key of 32 characters"}}
	}
	return nil
}

func writePagerDuty(f *Format, m *message) (delivery.Content, error) {
	action, err := f.pagerAction(m)
	if err != nil || action == "" {
		return delivery.Content{}, err
	}
	key, err := f.dedupKey(m)
	if err != nil || key == "" && action != "trigger" {
		return delivery.Content{}, err
	}
	w := newWriter()
	w.open("", '{')
	w.text("routing_key", f.values["routing_key"].secret)
	w.text("event_action", action)
	w.text("dedup_key", key)
	if action == "trigger" {
		w.text("client", "awf-hook")
		if m.link != "" {
			w.text("client_url", m.link)
			w.raw("links", `[{`)
			w.text("href", m.link)
			w.text("text", shrink(m.linkText, maxLabel, utf16Units))
			w.close("}]")
		}
		if err := f.pagerPayload(w, m); err != nil {
			return delivery.Content{}, err
		}
	}
	w.close("}")
	return delivery.Content{Body: w.b}, nil
}

// pagerAction says what the event does to its alert; "" for nothing.
func (f *Format) pagerAction(m *message) (string, error) {
	if _, given := f.values["action"]; given {
		action, err := f.line("action", m.values)
		if !slices.Contains([]string{"trigger", "acknowledge", "resolve"}, action) {
			action = ""
		}
		return action, err
	}
	dedup := f.values["dedup"].text
	steps := dedup != nil && (dedup.literal == "step" || !dedup.isLiteral())
	resolve, given := f.values["resolve"]
	switch {
	case m.moment == failed, m.moment == stepFailed && steps:
		return "trigger", nil
	case given && !resolve.bool:
	case m.moment == succeeded, m.moment == stepSucceeded && steps:
		return "resolve", nil
	}
	return "", nil
}

// dedupKey is the key of the event's alert: the same for the failure and the success that ends it.
func (f *Format) dedupKey(m *message) (string, error) {
	dedup := f.values["dedup"].text
	workflow := []string{"awf", m.name}
	if m.name == "" {
		workflow = []string{"awf", "run", m.id} // AWF did not tell the workflow: then the run is all that is known
	}
	switch {
	case dedup == nil || dedup.isLiteral() && dedup.literal == "workflow":
		return pagerKey(workflow...), nil
	case !dedup.isLiteral():
		key, err := f.line("dedup", m.values)
		return pagerKeyText(key), err
	case dedup.literal == "run":
		return pagerKey("awf", "run", m.id), nil
	case m.moment.isStep():
		step := m.known.path // tells loops' steps apart
		if step == "" {
			step = m.known.step
		}
		return pagerKey(append(workflow, "step", step)...), nil
	}
	return pagerKey(workflow...), nil
}

// pagerKey joins the parts, which may hold anything, so that different parts never make the same key.
func pagerKey(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = pagerEscape.Replace(part)
	}
	return pagerKeyText(strings.Join(escaped, "/"))
}

var pagerEscape = strings.NewReplacer("%", "%25", "/", "%2F")

// pagerKeyText hashes a key that is too long.
func pagerKeyText(key string) string {
	if utf16Units(key) <= pagerDedup {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "awf/sha256/" + hex.EncodeToString(sum[:])
}

func (f *Format) pagerPayload(w *writer, m *message) error {
	component := ""
	if m.moment.isStep() {
		component = m.stepName()
	}
	source := m.name
	if source == "" {
		source = "awf"
	}
	severity := "error"
	switch {
	case m.moment == stepFailed:
		severity = "warning"
	case !m.moment.isFailure():
		severity = "info"
	}
	w.open("payload", '{')
	w.text("summary", shrink(f.pagerSummary(m), pagerSummary, utf16Units))
	for _, member := range []struct{ name, key, standard string }{
		{"source", "source", source},
		{"severity", "severity", severity},
		{"component", "component", component},
		{"group", "group", m.name},
		{"class", "class", m.typ},
	} {
		given, err := f.line(member.key, m.values)
		if err != nil {
			return err
		}
		isSeverity := member.name == "severity"
		if given == "" || isSeverity && !slices.Contains(pagerSeverities(), given) {
			given = member.standard
		}
		w.text(member.name, shrink(given, pagerName, utf16Units))
	}
	w.text("timestamp", timestamp(m.at))
	if err := f.pagerDetails(w, m); err != nil {
		return err
	}
	w.close("}")
	return nil
}

func (f *Format) pagerSummary(m *message) string {
	if _, given := f.values["title"]; given || m.err == "" {
		return m.title
	}
	first, _, _ := strings.Cut(m.err, "\n")
	return m.title + ": " + strings.TrimSpace(first)
}

// pagerDetails writes custom_details: the run, and the payload or what the option says.
func (f *Format) pagerDetails(w *writer, m *message) error {
	const end = len("}}}") + 100 // and what stands behind custom_details
	w.open("custom_details", '{')
	w.text("workflow_id", shrink(m.id, pagerName, utf16Units))
	given, isGiven := f.values["details"]
	if !isGiven {
		rules := payloadRules{room: pagerTotal - len(w.b) - end, without: []string{"workflow_id"}}
		if errorOption, isGiven := f.values["error"]; isGiven && !errorOption.bool {
			rules.without = append(rules.without, "error")
		}
		w.payload(m.payload, rules)
	}
	for _, entry := range given.fields {
		s, err := entry.text.value(m.values)
		if err != nil {
			return err
		}
		const longest = 4096 // characters, so that all fit
		if s = strings.TrimSpace(clean(s)); s != "" {
			w.text(shrink(line(entry.label), maxLabel, utf16Units), shrink(s, longest, utf16Units))
		}
	}
	w.close("}")
	return nil
}

// timestamp is RFC 3339 in UTC.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func judgePagerDuty(_ *Format, a *answer) delivery.Verdict {
	var body struct {
		Message string   `json:"message"`
		Errors  []string `json:"errors"`
	}
	a.decode(&body)
	const pause = 30 * time.Second // between two tries, as its documentation wants
	switch {
	case a.Status == 202:
		return delivered()
	case a.Status == 429:
		return again(body.Message, pause)
	case a.Status == 400:
		return dead(strings.TrimSpace(body.Message + " " + strings.Join(body.Errors, ", ")))
	}
	return delivery.Verdict{}
}
