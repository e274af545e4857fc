package format

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// message is the content of a message, before the receiver's limits and markup apply. All texts are clean.
type message struct {
	subject
	format *Format
	values *expression.Env  // the event as expressions see it
	body   []byte           // the previous step's output, nil if there is none
	made   delivery.Content // set by the receiver in addition to the body
	left   []string         // what was left out, and why
	fault  error            // of the first option that failed

	moment     moment
	look       *look
	title      string // without the sign, in one line
	isHeadline bool   // the title is ours
	text       string
	fields     []field
	err        string
	link       string // an http or https URL, or ""
	linkText   string
	mentions   []string
}

type field struct{ label, value string }

// Bounds of a message's content.
const (
	maxFields   = 25   // entries of the option
	maxOthers   = 10   // members shown of a payload that AWF does not document
	maxMentions = 20   // entries
	maxLabel    = 80   // characters
	maxOther    = 300  // characters of such a member
	maxLink     = 2048 // bytes
)

const linkIs = "where to look: an http or https URL, in which `{{ }}` is percent-encoded; anything else is left out"

// chatKeys returns the options that all chats share.
func chatKeys() []Key {
	return []Key{
		{Name: "title", Kind: KindText, Default: "what happened: `deploy failed after 2m 3s`", Is: "the headline, in one line"},
		{Name: "text", Kind: KindText, Is: "a paragraph below the headline"},
		{Name: "fields", Kind: KindFields, Max: maxFields, Default: "the run, and what the headline does not say",
			Is: "labels and their values, instead of the default ones; `{}` shows none. Empty values are left out"},
		{Name: "error", Kind: KindBool, Default: "true", Is: "false leaves out the error's text"},
		{Name: "link", Kind: KindText, Is: linkIs, want: "an http or https URL", match: isWebURL},
		{Name: "link_text", Kind: KindText, Default: "Open the run", Is: "the link's text"},
	}
}

// only returns the keys with some names, in the order of the names.
func only(keys []Key, names ...string) []Key {
	var some []Key
	for _, name := range names {
		some = append(some, keys[slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })])
	}
	return some
}

// mentionKeys returns the options of the chats that can mention people: who they can mention, for the documentation and for errors.
func mentionKeys(who, want string, match func(string) bool) []Key {
	return []Key{
		{Name: "mentions", Kind: KindList, Max: maxMentions,
			Is: "who is mentioned: " + who + ". Empty entries are left out", want: want, match: match},
		{Name: "mention_on", Kind: KindChoice, Choices: []string{"failure", "always"}, Default: "failure",
			Is: "when they are mentioned: when a workflow or a step failed, or always"},
	}
}

// message reads the event and evaluates the options that all chats share.
func (f *Format) message(values *expression.Env, body []byte) *message {
	m := &message{subject: subjectOf(values.Event(), body), format: f, values: values, body: body}
	m.moment = m.subject.moment()
	m.look = &looks[m.moment]
	if f.Receiver.isData {
		return m
	}
	if m.isSet("error") {
		m.err = strings.TrimSpace(clean(m.known.err))
	}
	if m.title = m.line("title"); m.title == "" {
		m.title, m.isHeadline = m.headline(m.moment), m.moment != other
	}
	if m.linkText = m.line("link_text"); m.linkText == "" {
		m.linkText = "Open the run"
	}
	m.text = strings.TrimSpace(clean(m.option("text")))
	m.link = m.allowed("link", "link", m.reference("link"))
	if _, given := f.values["fields"]; given {
		m.fields = m.labelled("fields")
		for i := range m.fields {
			m.fields[i].value = line(m.fields[i].value)
		}
	} else {
		m.fields = m.standardFields()
	}
	if f.values["mention_on"].choice == "always" || m.moment.isFailure() {
		m.mentions = m.list("mentions")
	}
	return m
}

// limit returns the receiver's limit with a name, which must exist.
func (m *message) limit(what string) int {
	for i := range m.format.Receiver.Limits {
		if l := &m.format.Receiver.Limits[i]; l.What == what {
			return l.Max
		}
	}
	panic("format: " + m.format.Receiver.Name + " has no limit " + what)
}

// budget returns the room of a limit, for several texts to share.
func (m *message) budget(what string, cost measure, overhead int) *budget {
	return &budget{left: m.limit(what), cost: cost, overhead: overhead}
}

// fail records the first option that failed.
func (m *message) fail(name string, err error) {
	if m.fault == nil {
		m.fault = fmt.Errorf("%s: %w", name, err)
	}
}

// leave records that the message leaves something out.
func (m *message) leave(name, why string) { m.left = append(m.left, "left out "+name+": "+why) }

// noRoomFor records that the message leaves out a mention because it is full.
func (m *message) noRoomFor(mention string) {
	m.leave("the mention "+strconv.Quote(mention), "there is no room for it")
}

// option returns an option's text for the event, "" without one.
func (m *message) option(name string) string { return m.evaluate(name, m.format.values[name].text) }

// evaluate returns a text for the event. The place names it in errors.
func (m *message) evaluate(place string, t *text) string {
	s, err := t.value(m.values)
	if err != nil {
		m.fail(place, err)
	}
	return s
}

// line returns an option's text in one line.
func (m *message) line(name string) string { return line(m.option(name)) }

// reference returns an option's URL, or a part of one, in one line.
func (m *message) reference(name string) string {
	s, err := m.format.values[name].text.url(m.values)
	if err != nil {
		m.fail(name, err)
	}
	return line(s)
}

// word returns one of the option's choices, which may be written in any case, or "" if the option gives nothing.
// Any other word is a fault.
func (m *message) word(name string) string {
	s := strings.ToLower(m.line(name))
	if key := m.format.Receiver.key(name); s != "" && !slices.Contains(key.Choices, s) {
		m.fail(name, errors.New(wantChoice(key.Choices, s)))
	}
	return s
}

// matching returns an option's text in one line. A text that the option does not allow is a fault.
func (m *message) matching(name string) string {
	s := m.line(name)
	if key := m.format.Receiver.key(name); !key.match(s) {
		m.fail(name, errors.New(wantMatch(key, s)))
	}
	return s
}

// allowed returns an option's text in one line, or "" if the option does not allow it. The place names the text in the option.
func (m *message) allowed(name, place, s string) string {
	if s = line(s); s == "" {
		return ""
	}
	if key := m.format.Receiver.key(name); key.match != nil && !key.match(s) {
		m.leave(place, wantMatch(key, s))
		return ""
	}
	return s
}

// permitted returns an option's text in one line, or "" if the option does not allow it.
func (m *message) permitted(name string) string {
	return m.allowed(name, name, m.option(name))
}

// isSet returns the value of a bool option, or its default.
func (m *message) isSet(name string) bool {
	if v, given := m.format.values[name]; given {
		return v.bool
	}
	return m.format.Receiver.key(name).Default == "true"
}

// list returns an option's entries, each in one line, without those that are empty or not allowed.
func (m *message) list(name string) []string {
	var entries []string
	for i, entry := range m.format.values[name].list {
		place := name + "[" + strconv.Itoa(i) + "]"
		if s := m.allowed(name, place, m.evaluate(place, entry)); s != "" {
			entries = append(entries, s)
		}
	}
	return entries
}

// labelled returns an option's labels and values, without the empty ones.
func (m *message) labelled(name string) []field {
	var fields []field
	for _, entry := range m.format.values[name].fields {
		if s := strings.TrimSpace(clean(m.evaluate(name+"."+entry.label, entry.text))); s != "" {
			fields = append(fields, field{line(entry.label), s})
		}
	}
	return fields
}

// addLabelled adds an option's labels and values, each value cut to a number of characters. names are those that the object has.
func (m *message) addLabelled(to *jsonbytes.Object, option string, most int, names distinct) {
	for _, f := range m.labelled(option) {
		to.Text(names.name(cut(f.label, maxLabel, utf16Units)), cut(f.value, most, utf16Units))
	}
}

// standardFields returns the fields of a message without the option.
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
	if !m.isHeadline || utf16Units(m.name) > longestName { // else the headline says it
		add("Workflow", m.name)
	}
	if !m.isHeadline {
		add("Duration", m.took())
		add("Exit code", exitCode(m.known.exitCode))
	}
	add("User", m.known.user)
	add("Run", m.id)
	return fields
}

// otherFields shows the members of a payload that AWF does not document.
func (m *message) otherFields() []field {
	var fields []field
	more := 0
	lastMembers(m.payload, func(name, value []byte) bool {
		isShown := false // by standardFields
		switch string(name) {
		case "duration":
			isShown = m.took() != ""
		case "exit_code":
			isShown = exitCode(value) != ""
		case "user", "child_id", "error":
			isShown = true
		}
		text := cut(line(plain(value)), maxOther, utf16Units)
		label := line(string(name))
		switch {
		case text == "" || label == "" || isShown:
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

// isWebURL reports whether a receiver takes the text as a link.
func isWebURL(s string) bool {
	if len(s) > maxLink || !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return false
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !isOfURL(r) }) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != ""
}

// isOfURL reports whether a receiver takes a character as a part of a link.
func isOfURL(r rune) bool { return r > ' ' && r <= '~' && !strings.ContainsRune("\"<>\\^`{|}", r) }

// heading returns the sign and the title.
func (m *message) heading() string { return m.look.sign + " " + m.title }

// preview returns the line that a notification shows: the heading and the error's first line.
func (m *message) preview() string {
	if m.err == "" {
		return m.heading()
	}
	first, _, _ := strings.Cut(m.err, "\n")
	return m.heading() + ": " + strings.TrimSpace(first)
}
