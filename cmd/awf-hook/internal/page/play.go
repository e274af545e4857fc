package page

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/rogpeppe/go-internal/diff"
)

// played is the content of the playground.
type played struct {
	view.Draft
	Delivery string // the source of event and body; "" for none
	Webhooks []view.ConfiguredWebhook
	Values   []config.Value
	Warnings []string
	Uploads  bool // the user may upload a module

	Trial    *view.Trial
	Message  *message
	Old      string // the body of the delivery
	Body     string
	Diff     []diffLine
	Backtest *view.Backtest
	Samples  [][]diffLine
	Answer   *view.TestResult
}

// diffLine is a line of a diff with its class.
type diffLine struct{ Class, Text string }

// maxModule is the largest uploaded module, in bytes.
const maxModule = 32 << 20

// playground shows a draft and its result for the event. Its form is posted if it may upload a module; otherwise it is
// a GET request.
func (p *Page) playground(r *http.Request) (*shown, error) {
	form := r.URL.Query()
	v := &played{Uploads: access.From(r.Context()).Role >= access.Operate}
	var err error
	if r.Method == http.MethodPost {
		if form, v.Module, err = posted(r); err != nil {
			return nil, api.Bad(err)
		}
	}
	configuration := p.desk.Configuration()
	v.Webhooks, v.Warnings = configuration.Webhooks, configuration.Warnings
	if err := p.begun(r, v, form); err != nil {
		return nil, err
	}
	v.Values = p.desk.Values(v.Webhook)
	s := &shown{View: "playground", Title: "Playground", Nav: "playground", Data: v}
	if v.Webhook == "" {
		return s, nil
	}
	if v.Trial, err = p.desk.Try(r.Context(), v.Draft); err != nil {
		return nil, err
	}
	if x := v.Trial.Result; x != nil && x.Choice == engine.Sent {
		v.Body, v.Message = view.Pretty(string(x.Body)), draw(v.Trial.Format, string(x.Body))
		if v.Old != "" {
			v.Diff = diffOf(v.Old, v.Body)
		}
	}
	switch form.Get("do") {
	case "backtest":
		if v.Backtest, err = p.desk.Backtest(r.Context(), v.Draft); err == nil {
			for _, sample := range v.Backtest.Samples {
				v.Samples = append(v.Samples, diffOf(view.Pretty(sample.Old), view.Pretty(sample.New)))
			}
		}
	case "test":
		if r.Method != http.MethodPost {
			return nil, api.Bad(errors.New("a test is sent by a form alone"))
		}
		v.Answer, err = p.desk.SendTest(r.Context(), v.Draft)
	}
	return s, err
}

// begun fills a draft from the form, else from the webhook and event in the address.
func (p *Page) begun(r *http.Request, v *played, form url.Values) error {
	if v.Delivery = form.Get("delivery"); v.Delivery != "" {
		d, err := p.desk.Delivery(r.Context(), v.Delivery)
		if err != nil {
			return err
		}
		v.Old = view.Pretty(string(d.Body))
		v.Event, v.Webhook = view.Pretty(d.Envelope), d.Identity
	}
	if id := form.Get("event"); id != "" && !form.Has("filter") {
		found, err := p.desk.Event(r.Context(), id)
		if err != nil {
			return err
		}
		v.Event = view.Pretty(p.desk.Envelope(&found.Event))
	}
	if form.Has("filter") {
		v.Draft = view.Draft{Webhook: form.Get("webhook"), Events: form.Get("events"), Filter: form.Get("filter"),
			Transform: form.Get("transform"), Event: form.Get("event"), Module: v.Module}
		return nil
	}
	draft := p.desk.Draft(cmp.Or(form.Get("webhook"), v.Webhook))
	if draft.Event = v.Event; draft.Event == "" {
		draft.Event = p.anEvent()
	}
	v.Draft = draft
	return nil
}

// anEvent returns the last event that came, or an example.
func (p *Page) anEvent() string {
	if last := p.desk.Seen.Events(); len(last) > 0 {
		return view.Pretty(p.desk.Envelope(&last[0].Event))
	}
	return `{
  "event": "workflow_error",
  "workflow_id": "example",
  "workflow_name": "deploy",
  "timestamp": "2026-01-01T12:00:00Z",
  "payload": {
    "status": "failure",
    "duration": 4.2,
    "exit_code": 1,
    "error": "step \"migrate\" failed: exit status 1"
  }
}`
}

// posted reads a form that may include a module.
func posted(r *http.Request) (url.Values, []byte, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err := r.ParseForm()
		return r.PostForm, nil, err
	}
	if err := r.ParseMultipartForm(maxModule); err != nil {
		return nil, nil, err
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	file, header, err := r.FormFile("module")
	if errors.Is(err, http.ErrMissingFile) || err == nil && header.Size == 0 {
		return r.MultipartForm.Value, nil, nil
	}
	if err == nil && header.Size > maxModule {
		err = errors.New("the module is too large")
	}
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	module, err := io.ReadAll(file)
	return r.MultipartForm.Value, module, err
}

// diffOf returns the diff of two texts, line by line; nil if they are equal.
func diffOf(before, after string) (list []diffLine) {
	changes := string(diff.Diff("old", []byte(before+"\n"), "new", []byte(after+"\n")))
	for i, line := range strings.Split(strings.TrimSuffix(changes, "\n"), "\n") {
		class := ""
		switch {
		case i < 3: // the names
			continue
		case strings.HasPrefix(line, "+"):
			class = "add"
		case strings.HasPrefix(line, "-"):
			class = "cut"
		}
		list = append(list, diffLine{class, line})
	}
	return list
}

// In returns the mistakes in one of the draft's texts.
func (v *played) In(text string) (list []view.Mistake) {
	var all []view.Mistake
	if v.Trial != nil {
		all = v.Trial.Mistakes
	}
	if v.Answer != nil && len(v.Answer.Mistakes) > 0 {
		all = v.Answer.Mistakes
	}
	for _, m := range all {
		if m.In == text {
			list = append(list, m)
		}
	}
	return list
}
