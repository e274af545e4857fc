// Package page is awf-hook serve in a browser: it renders the types of package view, and its forms call their methods.
// The server authenticates requests, and sets headers that keep foreign code from running here.
package page

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
)

//go:embed templates assets
var files embed.FS

// Page serves the views.
type Page struct {
	desk    *view.Desk
	mux     *http.ServeMux
	views   map[string]*template.Template
	assets  string // their version
	streams chan struct{}
}

// New makes a page that shows a desk. It starts nothing.
func New(desk *view.Desk) *Page {
	p := &Page{desk: desk, mux: http.NewServeMux(), views: map[string]*template.Template{}, assets: assetsVersion(),
		streams: make(chan struct{}, maxStreams)}
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
	p.mux.HandleFunc("POST /playground", p.showing(p.playground))
	p.mux.HandleFunc("GET /events", p.events)
	p.mux.HandleFunc("GET /assets/{name}", p.asset)
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, api.Unknown(errors.New("there is no such view: "+r.URL.Path)))
	})
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
	Root    string // the address of the overview, relative to this view's
	Here    string // this view's address, relative to Root
	Notice  string // the result of a change
	Assets  string // the version of the assets
	Version string
}

// CanOperate reports whether the user may change things.
func (s *shown) CanOperate() bool { return s.Who.Role >= access.Operate }

// Known reports whether the user is known.
func (s *shown) Known() bool { return s.Who.Role >= access.Read }

// showing makes a handler of a view.
func (p *Page) showing(show func(r *http.Request) (*shown, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var s *shown
		_, err := api.Values(r.URL.RawQuery)
		if err == nil {
			s, err = show(r)
		}
		if err != nil {
			p.fail(w, r, err)
			return
		}
		s.Notice = notice(r)
		p.render(w, r, s)
	}
}

// changing makes a handler of a change. It redirects to the view that shows the result.
func (p *Page) changing(do func(r *http.Request) (to string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		to, err := "", r.ParseForm()
		if err == nil {
			to, err = do(r)
		} else {
			err = api.Bad(err)
		}
		if err != nil {
			p.fail(w, r, err)
			return
		}
		api.SeeOther(w, r, to)
	}
}

// fail shows an error.
func (p *Page) fail(w http.ResponseWriter, r *http.Request, err error) {
	s := &shown{View: "error", Title: "This did not work", Status: api.Status(err), Data: err.Error()}
	switch s.Status {
	case http.StatusConflict:
		s.Title = "Refused"
	case http.StatusNotFound:
		s.Title = "Not found"
	case 0:
		s.Status = http.StatusInternalServerError
		if r.Context().Err() == nil {
			p.desk.Log.Error("the page cannot be shown", "path", r.URL.Path, "err", err)
		}
	}
	api.SetRetryAfter(w, s.Status)
	p.render(w, r, s)
}

// render renders a view, or only its content if the page's script requests it.
func (p *Page) render(w http.ResponseWriter, r *http.Request, s *shown) {
	s.Who = access.From(r.Context())
	part := "layout"
	if r.Header.Get("X-Fragment") != "" {
		part = "content"
	}
	s.Root, s.Here = api.Root(r), strings.TrimLeft(r.URL.RequestURI(), "/")
	p.write(w, part, s)
}

// write writes a part of a view.
func (p *Page) write(w http.ResponseWriter, part string, s *shown) {
	s.Assets, s.Version = p.assets, p.desk.Version
	var b bytes.Buffer // so that an error does not show half a page
	if err := p.views[s.View].ExecuteTemplate(&b, part, s); err != nil {
		p.desk.Log.Error("the page cannot be shown", "view", s.View, "err", err)
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(cmp.Or(s.Status, http.StatusOK))
	_, _ = b.WriteTo(w)
}

// Login shows the form for a token, and what was wrong with the last one.
func (p *Page) Login(w http.ResponseWriter, status int, to, wrong string) {
	p.write(w, "layout", &shown{View: "login", Title: "Log in", Root: "./", Here: "login", Status: status,
		Data: struct{ To, Wrong string }{to, wrong}})
}

func (p *Page) asset(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("v") == p.assets {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	http.ServeFileFS(w, r, files, "assets/"+r.PathValue("name"))
}

// assetsVersion returns a text that changes when an asset does.
func assetsVersion() string {
	sum := sha256.New()
	names, _ := fs.Glob(files, "assets/*") // the pattern is valid
	for _, name := range names {
		text, _ := files.ReadFile(name) // it is embedded
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}
