package engine_test

import (
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// An event can be known to one webhook and new to another one, whose filter fails: the report counts each delivery by its
// own fate.
func TestReportTellsTheFateOfEachDelivery(t *testing.T) {
	file := filepath.Join(t.TempDir(), "queue.db")
	openOn := func(yaml string) *engine.Engine {
		cfg, err := config.Parse("awf-hook.yaml", []byte(yaml), nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.Open(cfg, engine.Options{Queue: file, Transport: roundTripper(hang)})
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
}
