// Package page is awf-hook serve in a browser: it renders the types of package view, and its forms call their methods.
// The server authenticates requests, and sets headers that keep foreign code from running here.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
)

//go:embed templates assets
var files embed.FS

// Options are the settings of a page.
type Options struct {
	Desk    *view.Desk
	Version string
	Log     *slog.Logger
}

// Page serves the views.
type Page struct {
	Options
	mux     *http.ServeMux
	views   map[string]*template.Template
	version string // of the assets
	streams chan struct{}
}

// New makes a page. It starts nothing.
func New(o Options) *Page {
	p := &Page{Options: o, mux: http.NewServeMux(), views: map[string]*template.Template{}, streams: make(chan struct{}, maxStreams)}
	p.version = assetsVersion()
	layout := template.Must(template.New("layout").Funcs(functions).ParseFS(files, "templates/layout.html", "templates/parts.html"))
	names, _ := fs.Glob(files, "templates/*.html") // the pattern is valid
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name != "layout" && name != "parts" {
			p.views[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, file))
		}
	}
	p.route()
	return p
}

func (p *Page) route() {
	for pattern, show := range map[string]func(r *http.Request) (*shown, error){
		"GET /{$}":             p.overview,
		"GET /deliveries":      p.deliveries,
		"GET /deliveries/{id}": p.delivery,
		"GET /plan":            p.plan,
		"GET /webhook":         p.webhook,
		"GET /run":             p.run,
		"GET /event":           p.event,
		"GET /tail":            p.tail,
		"GET /playground":      p.playground,
		"GET /config":          p.config,
		"GET /changes":         p.changes,
	} {
		p.mux.HandleFunc(pattern, p.showing(show))
	}
	for pattern, do := range map[string]func(r *http.Request) (to string, err error){
		"POST /deliveries/{id}": p.changeDelivery,
		"POST /plan":            p.begin,
		"POST /webhook":         p.changeWebhook,
		"POST /changes":         p.cancel,
	} {
		p.mux.HandleFunc(pattern, p.changing(do))
	}
	p.mux.HandleFunc("POST /playground", p.operating(p.showing(p.playground)))
	p.mux.HandleFunc("GET /events", p.events)
	p.mux.HandleFunc("GET /assets/{name}", p.asset)
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.fail(w, r, view.ErrUnknown) })
}

func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// shown is the data of a template.
type shown struct {
	View   string // the name of the template
	Title  string
	Nav    string // the view in the navigation; "" for none
	Live   bool   // reload when something happens
	Status int    // 0 is 200
	Data   any

	Who     access.Who
	Notice  string // the result of a change
	Assets  string // the version of the assets
	Version string
	Now     time.Time
}

// CanOperate reports whether the user may change things.
func (s *shown) CanOperate() bool { return s.Who.Role >= access.Operate }

// Known reports whether the user is known.
func (s *shown) Known() bool { return s.Who.Role >= access.Read }

// showing makes a handler of a view.
func (p *Page) showing(show func(r *http.Request) (*shown, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if access.From(r.Context()).Role < access.Read {
			p.fail(w, r, errReader)
			return
		}
		s, err := show(r)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		s.Notice = notice(r)
		p.render(w, r, s)
	}
}

var (
	errReader   = errors.New("this needs the role read")
	errOperator = errors.New("this needs the role operate")
)

// changing makes a handler of a change. It redirects to the view that shows the result.
func (p *Page) changing(do func(r *http.Request) (to string, err error)) http.HandlerFunc {
	return p.operating(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			p.fail(w, r, badRequest{err})
			return
		}
		to, err := do(r)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
}

// operating admits only users who may change things.
func (p *Page) operating(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if access.From(r.Context()).Role < access.Operate {
			p.fail(w, r, errOperator)
			return
		}
		next(w, r)
	}
}

// badRequest is a mistake in an address or a form.
type badRequest struct{ error }

// fail shows an error.
func (p *Page) fail(w http.ResponseWriter, r *http.Request, err error) {
	s := &shown{View: "error", Title: "This did not work", Status: http.StatusInternalServerError, Data: err.Error()}
	switch {
	case errors.As(err, new(badRequest)):
		s.Status = http.StatusBadRequest
	case errors.Is(err, view.ErrUnknown):
		s.Status, s.Title, s.Data = http.StatusNotFound, "Not found", "It does not exist, or no longer: "+r.URL.Path
	case errors.Is(err, errReader), errors.Is(err, errOperator):
		s.Status, s.Title = http.StatusForbidden, "Not allowed"
	case errors.Is(err, view.ErrRefused):
		s.Status, s.Title = http.StatusConflict, "Refused"
	case errors.Is(err, view.ErrBusy):
		s.Status = http.StatusTooManyRequests
	case r.Context().Err() == nil && p.Log != nil:
		p.Log.Error("the page cannot be shown", "path", r.URL.Path, "error", err.Error())
	}
	p.render(w, r, s)
}

// render renders a view, or only its content if the page's script requests it.
func (p *Page) render(w http.ResponseWriter, r *http.Request, s *shown) {
	s.Who, s.Assets, s.Version, s.Now = access.From(r.Context()), p.version, p.Version, time.Now()
	name := "layout"
	if r.Header.Get("X-Fragment") != "" {
		name = "content"
	}
	var b bytes.Buffer // so that an error does not show half a page
	if err := p.views[s.View].ExecuteTemplate(&b, name, s); err != nil {
		if p.Log != nil {
			p.Log.Error("the page cannot be shown", "path", r.URL.Path, "error", err.Error())
		}
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if s.Status != 0 {
		w.WriteHeader(s.Status)
	}
	_, _ = b.WriteTo(w)
}

// Login shows the form for a token, and what was wrong with the last one.
func (p *Page) Login(w http.ResponseWriter, status int, to, wrong string) {
	s := &shown{View: "login", Title: "Log in", Status: status, Data: struct{ To, Wrong string }{to, wrong},
		Assets: p.version, Version: p.Version}
	var b bytes.Buffer
	if err := p.views["login"].ExecuteTemplate(&b, "layout", s); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

// assetTypes lists the files for browsers, besides the views.
var assetTypes = map[string]string{
	"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
}

func (p *Page) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, err := files.ReadFile("assets/" + name)
	if err != nil || assetTypes[name] == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", assetTypes[name])
	if r.URL.Query().Get("v") == p.version {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	_, _ = w.Write(text)
}

// assetsVersion returns a text that changes when an asset does.
func assetsVersion() string {
	sum := sha256.New()
	for _, name := range []string{"page.css", "page.js", "icon.svg"} {
		text, _ := files.ReadFile("assets/" + name) // it is embedded
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}
