// Package config reads awf-hook's YAML. It reports every mistake at once, each with its place in the file.
package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/signature"
	"gopkg.in/yaml.v3"
)

// Bounds of configuration files. A command reads those of a checkout when it starts, whoever wrote them.
const (
	maxFile             = 4 << 20   // bytes of a file of the user's own
	maxCheckout         = 256 << 10 // bytes of a project's settings, of a definition
	maxCheckoutWebhooks = 1_000     // in a project's settings, in a definition
)

// DefaultEvents are the globs of a webhook without the key events.
var DefaultEvents = []string{"workflow_*", "step_complete"}

// Origin says whose a configuration file is.
type Origin int

const (
	UserFile     Origin = iota // the user's own: -c and the global settings
	ProjectFile                // .awf/settings.yaml, which comes with a checkout
	WorkflowFile               // a workflow's definition, which does so too
)

// limit is how long a file may be, in bytes.
func (o Origin) limit() int64 {
	if o == UserFile {
		return maxFile
	}
	return maxCheckout
}

// Config is what one configuration file says, or several that were merged.
type Config struct {
	Files     []string // from which it was read
	Webhooks  []Webhook
	HTTPSOnly bool
	Allow     []netip.Prefix // network.allow: what every webhook may reach
	Queue     Queue
	Serve     Serve
	Server    Server   // that gets all events instead of the webhooks
	Named     []string // the files that it names: secrets, certificates, keys, modules
	Tests     []Test
	Warnings  Errors     // what is not wrong but unwise
	Workflows *Workflows // the webhooks of workflows' own definitions; nil for none
	Project   *Project   // the checkout, trusted or not; nil if it is left out

	given  []Webhook // of all files, the overridden ones included; nil if nothing was merged
	used   []use     // the keys beside webhooks
	shared bool      // Share was called
}

// Webhook is one entry of the list webhooks.
type Webhook struct {
	Name         string // given, or the URL's host and the beginning of its digest: "hooks.slack.com-8af45cb8"
	Named        bool   // the name was given
	Enabled      bool
	Origin       Origin
	Identity     string // the defining file and the name: what deliveries belong to
	URL          secret.URL
	Events       []Text          // globs
	Filter       Text            // an expression; no text means that every event passes
	Transform    []Step          // none means that the event itself is sent
	Secrets      []SigningSecret // newest first; none means unsigned
	Signing      []signature.Scheme
	Custom       []signature.Custom // schemes of the receiver's own, beside Signing
	Headers      []Header
	TLS          TLS
	Timeout      time.Duration // of one attempt, the response's body included
	Retry        Retry
	MaxInFlight  int
	MaxTotal     int // of all processes together; 0 for no bound
	Rate         Rate
	OrderBy      Text            // an expression; deliveries with the same value of it are sent one after the other
	OrderMaxWait time.Duration   // after which one that waits is passed
	Known        []secret.Secret // the expanded variables of what is secret

	pos, urlAt Pos
	urlPath    string   // "webhooks[0].url"
	urlText    string   // as it is written, with its variables
	nameText   string   // the same of the name
	reads      []string // the names of the variables that are expanded in it, aliases followed
	used       []use

	transformNode *yaml.Node // see TransformYAML; nil for none
}

// use is a key that a file gives, for showing where its values come from.
type use struct {
	path       string // without the entry: "retry.delay"
	pos        Pos
	variables  []string
	unresolved bool // they were not looked up
}

// Header is a static header of a webhook's requests. Its value may be a credential.
type Header struct {
	Name  string
	Value secret.Secret
}

// Text is a scalar whose inside may be pointed at: a glob or an expression.
type Text struct {
	Value  string
	Path   string // "webhooks[0].filter"
	pos    Pos
	shape  shape
	indent int      // of a literal block
	env    bool     // a variable was expanded in it: positions inside mean nothing
	values [][2]int // where the values of variables stand in it: from and to

	Unresolved bool // it holds variables, which were not looked up
}

// Pos is a place in a file. Lines and columns count from 1.
type Pos struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitzero"` // from 1; 0 for the file as a whole
	Col  int    `json:"column,omitzero"`
}

// Error is one mistake in a configuration.
type Error struct {
	Pos
	Code    string `json:"code"`           // which kind of mistake it is, of [Codes]
	Path    string `json:"path,omitempty"` // "webhooks[0].retry.max_attempts", "" for the file as a whole
	Message string `json:"message"`
	Warning bool   `json:"warning,omitzero"` // not wrong but unwise
}

func (e *Error) Error() string {
	text := e.Message
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	if e.Warning {
		text = "warning: " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, text)
}

// Errors are all mistakes of a configuration, by their places.
type Errors []*Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}
