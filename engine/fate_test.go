package engine_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// An event can be known for one webhook and new for another one, whose filter fails. The report counts each delivery by its own fate.
func TestReportTellsTheFateOfEachDelivery(t *testing.T) {
	file := filepath.Join(t.TempDir(), "queue.db")
	ended := ""
	observer := engine.Observer{Settled: func(webhook string, st *delivery.Settlement) { ended += fmt.Sprintln(webhook, st.Outcome) }}
	openOn := func(yaml string) *engine.Engine {
		cfg, err := config.Parse("awf-hook.yaml", []byte(yaml), nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.Open(cfg, engine.Options{Queue: file, Transport: roundTripper(hang), Observer: observer})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	before := openOn(oneHook())
	submit(t, before, newEvent("a"))
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	after := openOn(oneHook() + "  - {name: two, url: 'https://two.test/', filter: payload.ok + 1 == 2}\n")
	defer after.Close()
	submit(t, after, newEvent("a"))
	checkReport(t, after, engine.Report{Events: 1, Deliveries: 1, Known: 1, Dead: 1, Earlier: engine.Earlier{Waiting: 1}})
	list := after.Report().Webhooks
	if len(list) != 2 || list[1].Webhook != "two" || list[1].Dead != 1 || list[1].Last == nil || list[1].Last.Reason == "" {
		t.Errorf("the report has %+v, want the dead letter of two with its reason as well", list)
	}
	if ended != "two dead\n" {
		t.Errorf("the observer saw %q, want the dead letter of two", ended)
	}
}

// An event that names webhooks reaches only these, whatever their filters say. A name without a webhook counts as refused.
func TestEventReachesOnlyTheWebhooksThatItNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host)
			return answer(http.StatusOK)
		}), `webhooks:
  - {name: one, url: "https://one.test/", max_in_flight: 1}
  - {name: two, url: "https://two.test/", events: [workflow_start], filter: "false"}
  - {name: three, url: "https://three.test/"}
`)
		run(t, e)
		known := e.Config().Webhooks
		named, lost := newEvent("named"), newEvent("lost")
		named.Webhooks, lost.Webhooks = []string{known[1].Identity}, []string{"/gone.yaml#one"}
		submit(t, e, named)
		submit(t, e, lost)
		drain(t, e)
		if !slices.Equal(hosts, []string{"two.test"}) {
			t.Errorf("%v got events, want only two.test", hosts)
		}
		checkReport(t, e, engine.Report{Events: 2, Deliveries: 1, Delivered: 1, Refused: 1})
	})
}
