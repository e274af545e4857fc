// Package config reads awf-hook's YAML. It reports all mistakes at once, each with its place in the file.
//
// [Search.Load] finds the configuration of a command and merges its files; [Load] and [Parse] read one file or text. All of them
// return what they could read beside the mistakes, which are [Errors]. [Keys] is the table that reading, merging, docs/config.md,
// the JSON [Schema] and check --print are made of.
//
// Nothing here opens a connection, compiles an expression or loads a module: package engine does that with a [Config].
package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/engine/signature"
	"gopkg.in/yaml.v3"
)

// Bounds of configuration files. A command reads a checkout's files when it starts, whoever wrote them.
const (
	maxFile             = 4 << 20   // bytes of one of the user's own files
	maxCheckout         = 256 << 10 // bytes of a project's settings or of a definition
	maxCheckoutWebhooks = 1_000     // in a project's settings or in a definition
)

// Origin says whose file a configuration is.
type Origin int

const (
	UserFile     Origin = iota // the user's own: the file of -c, or the global settings
	ProjectFile                // .awf/settings.yaml, which comes with a checkout
	WorkflowFile               // a workflow's definition, which also comes with a checkout
)

// limit returns the maximum size of a file, in bytes.
func (o Origin) limit() int64 {
	if o == UserFile {
		return maxFile
	}
	return maxCheckout
}

// Config is the content of a configuration file, or of several merged ones.
type Config struct {
	Files      []string // the files that were read
	Webhooks   []Webhook
	HTTPSOnly  bool
	Allow      []netip.Prefix // network.allow: addresses that every webhook may reach
	Queue      Queue
	Serve      Serve
	Server     Server   // receives all events instead of the webhooks
	OnlyServer bool     // the server is Search.To, so the configuration lacks the settings' webhooks only for now
	Named      []string // files that it refers to: secrets, certificates, keys, modules
	Tests      []Test
	Warnings   Errors     // what is allowed but unwise
	Workflows  *Workflows // the webhooks in the definitions of workflows; nil for none
	Project    *Project   // the checkout, trusted or not; nil if it is left out

	nameAt *yaml.Node // the value of a definition's key name; nil for none
	given  []Webhook  // of all files, including overridden ones; nil if nothing was merged
	used   []use      // the places of the keys beside webhooks
	shared bool       // Share has been called
}

// SplitIdentity returns the parts of a webhook's identity, FILE#NAME or NAMESPACE#NAME. Only the file may contain another #.
func SplitIdentity(identity string) (place, name string) {
	at := strings.LastIndexByte(identity, '#')
	return identity[:max(at, 0)], identity[at+1:]
}

// Webhook is one entry of the list webhooks.
type Webhook struct {
	Name         string // as given, or the URL's host and part of its digest: "hooks.slack.com-8af45cb8"
	Named        bool   // the file gives the name
	Enabled      bool
	Origin       Origin
	Identity     string // the defining file and the name; deliveries belong to it
	URL          secret.URL
	Events       []Text          // globs
	Filter       Text            // an expression; an empty text passes every event
	Transform    []Step          // empty if the event itself is sent
	Secrets      []SigningSecret // newest first; empty if requests are unsigned
	Signing      []signature.Scheme
	Custom       []signature.Custom // the receiver's own schemes, in addition to Signing
	Headers      []Header
	TLS          TLS
	Timeout      time.Duration // of one attempt, including the response's body
	Retry        Retry
	MaxInFlight  int
	MaxTotal     int // for all processes together; 0 for no bound
	Rate         Rate
	OrderBy      Text            // an expression; deliveries with the same value are sent one after the other
	OrderMaxWait time.Duration   // a delivery older than this no longer holds up those behind it
	Known        []secret.Secret // values of the variables in its secret parts

	pos, urlAt Pos
	urlPath    string   // "webhooks[0].url"
	urlText    string   // as written, with variables
	nameText   string   // the name as written
	reads      []string // names of the variables that it expands, also through aliases
	used       []use

	transformNode *yaml.Node // see TransformYAML; nil for none
}

// use is a key that a file gives. It tells where a value comes from.
type use struct {
	path       string // without the list's entry: "retry.delay"
	pos        Pos
	variables  []string
	unresolved bool // the variables were not looked up
}

// Header is a static header of a webhook's requests. Its value may be a credential.
type Header struct {
	Name  string
	Value secret.Secret
}

// Pos is a place in a file. Lines and columns count from 1.
type Pos struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitzero"` // from 1; 0 for the file as a whole
	Col  int    `json:"column,omitzero"`
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", legible.Plain(p.File), p.Line, p.Col) }

// short returns the file and the line.
func (p Pos) short() string {
	if p.Line == 0 {
		return legible.Plain(p.File)
	}
	return fmt.Sprintf("%s:%d", legible.Plain(p.File), p.Line)
}

// Error is one mistake in a configuration.
type Error struct {
	Pos
	Code    string `json:"code"`           // one of [Codes]
	Path    string `json:"path,omitempty"` // "webhooks[0].retry.max_attempts", "" for the file as a whole
	Message string `json:"message"`
	Warning bool   `json:"warning,omitzero"` // allowed but unwise
}

func (e *Error) Error() string {
	text := e.Message
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	if e.Warning {
		text = "warning: " + text
	}
	return e.Pos.String() + ": " + text
}

// Errors lists the mistakes of a configuration in the order of their places.
type Errors []*Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Secrets lists the secrets beside those of webhooks: of the queue's database, of serve, and of the server that receives the events.
func (c *Config) Secrets() (list []secret.Secret) {
	add := func(s secret.Secret) {
		if !s.IsZero() {
			list = append(list, s)
		}
	}
	add(c.Queue.URL)
	if u, err := url.Parse(c.Queue.URL.Reveal()); err == nil {
		password, _ := u.User.Password()
		add(secret.New(password))
		add(secret.New(u.Query().Get("password")))
	}
	for _, s := range c.Serve.Secrets {
		add(s.Secret)
	}
	add(c.Server.Token)
	add(c.Server.Secret)
	return list
}
