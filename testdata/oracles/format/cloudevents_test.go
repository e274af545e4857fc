package format_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/awf-project/awf-hook/transforms/format/testdata/wild"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

func read(c delivery.Content) (*event.Event, error) {
	header := http.Header{}
	header.Set("Content-Type", c.ContentType)
	for _, h := range c.Header {
		header.Set(h[0], h[1])
	}
	e, err := binding.ToEvent(context.Background(), cehttp.NewMessage(header, io.NopCloser(bytes.NewReader(c.Body))))
	if err != nil {
		return nil, err
	}
	return e, e.Validate()
}

// The SDK reads all modes and finds them valid.
func TestCloudEvents(t *testing.T) {
	each(t, "cloudevents", func(c delivery.Content) error {
		if strings.HasPrefix(c.ContentType, "application/cloudevents-batch+json") {
			var batch []event.Event
			if err := json.Unmarshal(c.Body, &batch); err != nil {
				return err
			}
			return batch[0].Validate()
		}
		_, err := read(c)
		return err
	})
}

// The binary mode's headers are the structured mode's attributes, percent-encoded as the HTTP binding has it.
// The SDK does not decode them, so that it is done here.
func TestCloudEventsHeaders(t *testing.T) {
	kind, _ := format.Lookup("cloudevents")
	make := func(mode string, n uint64) (*event.Event, delivery.Content) {
		f, mistakes := kind.New([]format.Option{{Name: "mode", Value: mode}})
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		e := wild.Event(n)
		c, err := f.Content(expression.NewEnv(&e), nil)
		if err != nil {
			t.Fatal(err)
		}
		read, err := read(c)
		if err != nil {
			t.Fatalf("event %d: %v", n, err)
		}
		return read, c
	}
	for n := range wildEvents() {
		structured, _ := make("structured", n)
		_, binary := make("binary", n)
		got := map[string]string{}
		for _, h := range binary.Header {
			decoded, err := url.PathUnescape(h[1])
			if err != nil {
				t.Fatal(err)
			}
			got[h[0]] = decoded
		}
		want := map[string]string{
			"ce-id": structured.ID(), "ce-source": structured.Source(), "ce-type": structured.Type(), "ce-specversion": "1.0",
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("event %d: %s is %q, want %q", n, name, got[name], value)
			}
		}
		if subject := structured.Subject(); got["ce-subject"] != subject {
			t.Errorf("event %d: subject is %q, want %q", n, got["ce-subject"], subject)
		}
		if fmt.Sprint(structured.Time().UTC()) == "" {
			t.Errorf("event %d has no time", n)
		}
	}
}
