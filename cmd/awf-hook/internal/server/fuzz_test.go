package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// Whatever a body holds, it is committed whole and answered with a result for each event, or it is refused at a place within it and nothing
// is committed.
func FuzzIntake(f *testing.F) {
	forms := []string{asJSON, asLines, asCloud, asBatch, "Content-Type: text/plain"}
	for _, text := range []string{
		envelope("a", "deploy"), envelope("", "deploy") + "\n" + envelope("b", "deploy"),
		auditStart + "\n" + transcript + "\r\n" + auditEnd, plugin,
		serverSent, cloud, "[" + cloud + ",\n" + cloudNumber + "]", "[]", "", "\uFEFF{}",
		"[{\"id\":\"\xff\"}]", "{\"event\":{\"workflow_id\":\"\xb0", `{"specversion":"1.0","data_base64":"e30="}`,
	} {
		for form := range forms {
			f.Add(uint8(form), []byte(text), form == 1)
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, body []byte, partial bool) {
		committed := 0
		commit := func(_ context.Context, events []event.Event) ([]engine.Fate, error) {
			for i := range events {
				if err := events[i].Validate(); err != nil {
					t.Errorf("event %d is committed: %v", i, err)
				}
			}
			committed += len(events)
			return make([]engine.Fate, len(events)), nil
		}
		path := "http://localhost/v1/events"
		if partial {
			path += "?partial=1"
		}
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", forms[int(form)%len(forms)][len("Content-Type: "):])
		if int(form)%len(forms) == len(forms)-1 {
			for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "i", "ce-source": "s", "ce-type": "t"} {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		server.New(server.Options{Commit: commit}, server.Access{}).ServeHTTP(w, r)
		var got struct {
			Accepted, Known int
			Results         []struct{ Fate, Error string }
			Error           string
			Line, Column    int
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%d %q: %v", w.Code, w.Body, err)
		}
		refused := 0
		for _, result := range got.Results {
			if result.Fate == "refused" {
				refused++
			}
			if (result.Fate == "refused") != (result.Error != "") || result.Fate == "refused" && !partial {
				t.Errorf("%+v", result)
			}
		}
		switch w.Code {
		case http.StatusAccepted:
			if got.Accepted+got.Known+refused != len(got.Results) || committed > len(got.Results)-refused {
				t.Errorf("%d were committed, answered %s", committed, w.Body)
			}
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			lines := bytes.Split(body, []byte("\n"))
			if committed > 0 || got.Error == "" || got.Line < 1 || got.Line > len(lines) || got.Column < 1 || got.Column > len(lines[got.Line-1])+1 {
				t.Errorf("%d were committed, answered %s", committed, w.Body)
			}
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
