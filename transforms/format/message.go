package format

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/awf-project/awf-hook/engine/expression"
)

// message is what is to be said, before a receiver's limits and markup. All its texts are cleaned.
type message struct {
	*subject
	moment     moment
	look       look
	title      string // without the sign, in one line
	isHeadline bool   // the title is ours
	text       string
	fields     []field
	err        string
	link       string // an http or https URL, or ""
	linkText   string
	mentions   []string
	values     *expression.Env // the event as expressions see it
	body       []byte          // the previous step's output, nil for none
}

type field struct{ label, value string }

// Bounds of what a message says of an event.
const (
	maxFields   = 25  // entries of the option
	maxOthers   = 10  // members that are shown of a payload that AWF's documentation does not know
	maxMentions = 20  // entries
	maxLabel    = 80  // characters
	maxOther    = 300 // characters of such a member
	maxLink     = 2048
)

// chatKeys are the options of all chats, after which come the receiver's own.
func chatKeys(own ...Key) []Key {
	return append([]Key{
		{Name: "title", Kind: KindText, Default: "what happened: `deploy failed after 2m 3s`", Is: "the headline, in one line"},
		{Name: "text", Kind: KindText, Is: "a paragraph below the headline"},
		{Name: "fields", Kind: KindFields, Max: maxFields, Default: "the run, and what the headline does not say", Is: "labels and their values, instead of those that stand there without it; `{}` is none. An empty value is left out"},
		{Name: "error", Kind: KindBool, Default: "true", Is: "false leaves out the error's text"},
		{Name: "link", Kind: KindText, Is: "where to look: an http or https URL; what is none is left out"},
		{Name: "link_text", Kind: KindText, Default: "Open the run", Is: "what the link says"},
	}, own...)
}

// mentionKeys are the options of the chats that can call people.
func mentionKeys(who string) []Key {
	return []Key{
		{Name: "mentions", Kind: KindList, Max: maxMentions, Is: "who is called: " + who + ". An empty entry is left out"},
		{Name: "mention_on", Kind: KindChoice, Choices: []string{"failure", "always"}, Default: "failure", Is: "when they are called: when a workflow or a step failed, or always"},
	}
}

// message reads the event and evaluates the options that all formats share.
func (f *Format) message(values *expression.Env, body []byte) (*message, error) {
	m := &message{subject: subjectOf(values.Event(), body), values: values, body: body}
	m.moment = m.subject.moment()
	m.look = looks[m.moment]
	if f.Receiver.isData {
		return m, nil
	}
	if errorOption, given := f.values["error"]; !given || errorOption.bool {
		m.err = strings.TrimSpace(clean(m.known.err))
	}
	var err error
	if m.title, err = f.line("title", m.values); err != nil {
		return nil, err
	}
	if m.title == "" {
		m.title, m.isHeadline = m.headline(m.moment), m.moment != other
	}
	if m.linkText, err = f.line("link_text", m.values); err != nil {
		return nil, err
	}
	if m.linkText == "" {
		m.linkText = "Open the run"
	}
	text, err := f.evaluate("text", m.values)
	if err != nil {
		return nil, err
	}
	m.text = strings.TrimSpace(clean(text))
	link, err := f.line("link", m.values)
	if err != nil {
		return nil, err
	}
	if isWebURL(link) {
		m.link = link
	}
	if m.fields, err = f.fields(m); err != nil {
		return nil, err
	}
	m.mentions, err = f.mentions(m)
	return m, err
}

// evaluate returns an option's text for the event, "" if it was not given.
func (f *Format) evaluate(name string, in *expression.Env) (string, error) {
	v, given := f.values[name]
	if !given {
		return "", nil
	}
	s, err := v.text.value(in)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// line is an option's text in one line.
func (f *Format) line(name string, in *expression.Env) (string, error) {
	s, err := f.evaluate(name, in)
	return line(s), err
}

func (f *Format) fields(m *message) ([]field, error) {
	given, isGiven := f.values["fields"]
	if !isGiven {
		return m.standardFields(), nil
	}
	var fields []field
	for _, entry := range given.fields {
		s, err := entry.text.value(m.values)
		if err != nil {
			return nil, fmt.Errorf("fields.%s: %w", entry.label, err)
		}
		if s = line(s); s != "" {
			fields = append(fields, field{line(entry.label), s})
		}
	}
	return fields, nil
}

// standardFields is what is said without the option.
func (m *message) standardFields() []field {
	var fields []field
	add := func(label, value string) {
		if value != "" {
			fields = append(fields, field{label, value})
		}
	}
	if m.moment == other {
		fields = m.otherFields()
	}
	if m.moment.isStep() && m.known.path != m.known.step {
		add("Step", m.known.path)
	}
	add("Sub-workflow", m.known.child)
	if !m.isHeadline { // else it says them
		add("Workflow", m.name)
		add("Duration", m.took())
		add("Exit code", exitCode(m.known.exitCode))
	}
	add("User", m.known.user)
	add("Run", m.id)
	return fields
}

// otherFields shows of a payload that nothing is known about what fits.
func (m *message) otherFields() []field {
	var fields []field
	more := 0
	members(m.payload, func(key, value []byte) bool {
		switch string(key) {
		case `"duration"`, `"exit_code"`, `"user"`, `"child_id"`, `"error"`:
			return true // are shown by the names that they have everywhere
		}
		text := shrink(line(plain(value)), maxOther, utf16Units)
		label := line(plain(key))
		switch {
		case text == "" || label == "":
		case len(fields) == maxOthers:
			more++
		default:
			fields = append(fields, field{label, text})
		}
		return true
	})
	if more > 0 {
		fields = append(fields, field{"More", thousands(more) + " fields cut"})
	}
	return fields
}

func (f *Format) mentions(m *message) ([]string, error) {
	given := f.values["mentions"]
	if f.values["mention_on"].choice != "always" && !m.moment.isFailure() {
		return nil, nil
	}
	var who []string
	for i, entry := range given.list {
		s, err := entry.value(m.values)
		if err != nil {
			return nil, fmt.Errorf("mentions[%d]: %w", i, err)
		}
		if s = line(s); s != "" {
			who = append(who, s)
		}
	}
	return who, nil
}

// isWebURL says whether a receiver will take it as a link.
func isWebURL(s string) bool {
	if len(s) > maxLink || !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || strings.IndexByte("\"<>\\^`{|}", s[i]) >= 0 {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != ""
}

// heading is the sign and the title.
func (m *message) heading() string { return m.look.sign + " " + m.title }

// preview is the line that a notification shows: the heading and the error's first line.
func (m *message) preview() string {
	if m.err == "" {
		return m.heading()
	}
	first, _, _ := strings.Cut(m.err, "\n")
	return m.heading() + ": " + strings.TrimSpace(first)
}
