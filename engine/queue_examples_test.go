package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// tempFolder makes a folder for an example.
func tempFolder() (folder string, remove func()) {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	return folder, func() { _ = os.RemoveAll(folder) }
}

// deadLetter opens a queue with one dead letter.
func deadLetter(folder string) (deliveries *engine.Deliveries, cfg *config.Config) {
	const text = "webhooks: [{name: oncall, url: RECEIVER, transform: {map: {text: 'exit code {{payload.exit_code}}'}}}]"
	cfg, end := configured(text, http.StatusForbidden)
	defer end()
	queue := filepath.Join(folder, "queue.db")
	delivered(cfg, engine.Options{Queue: queue}, func(ctx context.Context, eng *engine.Engine) error { return eng.Submit(ctx, failed) })
	deliveries, err := engine.OpenDeliveries(queue, "", nil)
	if err != nil {
		panic(err)
	}
	return deliveries, cfg
}

// An engine gives access to its configuration, the warnings about it, and its queue.
func ExampleOpen() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER}]", http.StatusOK)
	defer end()
	eng, err := engine.Open(cfg, engine.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	fmt.Println(eng.QueueEngine(), eng.Webhooks(), eng.Ready(context.Background()))
	fmt.Println(eng.Config() == cfg, eng.Warnings(), eng.Mistakes())
	// Output:
	// memory [oncall] <nil>
	// true  <nil>
}

// Queue gives access to the deliveries of an engine while it runs. Lanes lists its webhooks' lanes, by identity.
func ExampleEngine_Queue() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER}]", http.StatusForbidden)
	defer end()
	delivered(cfg, engine.Options{}, func(ctx context.Context, eng *engine.Engine) error {
		if err := eng.Submit(ctx, failed); err != nil {
			return err
		}
		paused, err := eng.Queue().Pause(ctx, cfg.Webhooks[0].Identity, time.Hour)
		if err != nil {
			return err
		}
		fmt.Println(paused, "paused")
		lanes, err := eng.Queue().Lanes(ctx)
		for _, lane := range lanes {
			fmt.Println(eng.Name(lane.Webhook))
		}
		return err
	})
	// Output:
	// 1 paused
	// oncall
}

// Differs finds an event whose id the queue has with another body, which means that a sender used the id twice.
func ExampleEngine_Differs() {
	cfg, end := configured("webhooks: [{name: oncall, url: RECEIVER}]", http.StatusOK)
	defer end()
	other := failed
	other.Payload = []byte(`{"exit_code":3}`)
	delivered(cfg, engine.Options{}, func(ctx context.Context, eng *engine.Engine) error {
		if err := eng.Submit(ctx, failed); err != nil {
			return err
		}
		same, err := eng.Differs(ctx, []event.Event{failed})
		if err != nil {
			return err
		}
		first, err := eng.Differs(ctx, []event.Event{other})
		fmt.Println(same, first)
		return err
	})
	// Output: -1 0
}

// Show returns everything about a delivery. Body is what it sends, with secrets masked.
func ExampleBody() {
	folder, remove := tempFolder()
	defer remove()
	deliveries, cfg := deadLetter(folder)
	defer deliveries.Close()
	ctx := context.Background()
	items, err := deliveries.List(ctx, engine.Filter{State: delivery.IsDead})
	if err != nil {
		fmt.Println(err)
		return
	}
	detail, err := deliveries.Show(ctx, items[0].Delivery.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(engine.Body(detail, cfg)))
	// Output: {"text":"exit code 2"}
}

// Count, Groups and Delete work on the deliveries that a filter selects.
func ExampleDeliveries() {
	folder, remove := tempFolder()
	defer remove()
	deliveries, _ := deadLetter(folder)
	defer deliveries.Close()
	ctx, dead := context.Background(), engine.Filter{State: delivery.IsDead}
	tally, err := deliveries.Count(ctx, dead)
	fmt.Println(tally.Count, err)
	groups, err := deliveries.Groups(ctx, dead, 10)
	fmt.Println(len(groups), err)
	deleted, err := deliveries.Delete(ctx, dead)
	fmt.Println(deleted, err)
	wrong, err := deliveries.Check(ctx)
	fmt.Println(wrong, err)
	fmt.Println(deliveries.Backup(ctx, filepath.Join(folder, "copy.db")))
	// Output:
	// 1 <nil>
	// 1 <nil>
	// 1 <nil>
	// [] <nil>
	// <nil>
}

// Disable stops a webhook, and Enable starts it again. Its deliveries wait meanwhile.
func ExampleDeliveries_Disable() {
	folder, remove := tempFolder()
	defer remove()
	deliveries, cfg := deadLetter(folder)
	defer deliveries.Close()
	ctx, webhook := context.Background(), cfg.Webhooks[0].Identity
	disabled, err := deliveries.Disable(ctx, webhook, "moving house")
	fmt.Println(disabled, err)
	enabled, err := deliveries.Enable(ctx, webhook)
	fmt.Println(enabled, err)
	// Output:
	// 1 <nil>
	// 1 <nil>
}

// A webhook that was renamed leaves its deliveries behind. Move gives them to the new one.
func ExampleOrphans() {
	folder, remove := tempFolder()
	defer remove()
	deliveries, _ := deadLetter(folder)
	defer deliveries.Close()
	renamed, end := configured("webhooks: [{name: pager, url: RECEIVER}]", http.StatusOK)
	defer end()
	ctx := context.Background()
	lanes, err := deliveries.Lanes(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, orphan := range engine.Orphans(lanes, renamed) {
		fmt.Println(filepath.Base(orphan.Webhook), orphan.Dead, filepath.Base(orphan.To))
		moved, err := deliveries.Move(ctx, orphan.Webhook, renamed.Webhooks[0].Identity)
		fmt.Println(moved, err)
	}
	// Output:
	// awf-hook.yaml#oncall 1 awf-hook.yaml#pager
	// 1 <nil>
}

// A webhook that is switched off keeps its deliveries, and nobody delivers them.
func ExampleOrphaned() {
	off, end := configured("webhooks: [{name: pager, url: RECEIVER, enabled: false}, {name: chat, url: RECEIVER}]", http.StatusOK)
	defer end()
	why := engine.Orphaned(off)
	for _, w := range off.Webhooks {
		fmt.Printf("%s %q\n", w.Name, why(w.Identity))
	}
	// Output:
	// pager "is switched off (enabled: false)"
	// chat ""
}

// Renames maps the webhooks of a file to those of a database, for a move between the two.
func ExampleRenames() {
	cfg, end := configured("queue: {namespace: shop}\nwebhooks: [{name: oncall, url: RECEIVER}]", http.StatusOK)
	defer end()
	inFile := cfg.Webhooks[0].Identity
	rename, err := engine.Renames(cfg, "queue.db", "postgres://db.example.com/hooks")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rename(inFile))
	// Output: shop#oncall
}

func ExampleQueueName() {
	fmt.Println(engine.QueueName("queue.db"))
	fmt.Println(engine.QueueName("postgres://app:password@db.example.com/hooks"))
	// Output:
	// queue.db
	// postgres://db.example.com/hooks
}

// The variables of AWF say where its files are.
func ExampleAuditFile() {
	env := func(name string) (string, bool) {
		value, set := map[string]string{"AWF_AUDIT_LOG": "/var/log/awf/audit.jsonl", "XDG_DATA_HOME": "/home/ci/data"}[name]
		return value, set
	}
	fmt.Println(engine.AuditFile(env))
	fmt.Println(engine.Transcripts(env))
	fmt.Println(engine.Storage(env))
	// Output:
	// /var/log/awf/audit.jsonl
	// /home/ci/data/awf/transcripts
	// /home/ci/data/awf
}

func ExampleTranscripts() {
	env := func(name string) (string, bool) { return "/home/ci/data", name == "XDG_DATA_HOME" }
	fmt.Println(engine.Transcripts(env))
	// Output: /home/ci/data/awf/transcripts
}

func ExampleStorage() {
	env := func(name string) (string, bool) { return "/home/ci/data", name == "XDG_DATA_HOME" }
	fmt.Println(engine.Storage(env))
	// Output: /home/ci/data/awf
}

// Drop removes the events from a stream.
func ExampleReading_Drop() {
	in := strings.NewReader(`building
{"event":"workflow_end","workflow_id":"7f3a","workflow_name":"deploy","timestamp":"2026-03-01T12:00:00Z","payload":{}}
done
`)
	reading := engine.Stream{Name: "<stdin>", In: in, Out: os.Stdout}.Begin(context.Background())
	if err := reading.Drop(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// building
	// done
}

// A metric has these reasons as the values of a label.
func ExampleFailureReasons() {
	fmt.Println(engine.FailureReasons("map"))
	// Output: [budget output error]
}

// Close writes events that an engine cannot keep to a file, under a seal. An engine with the same seal reads them with the same ids.
func ExampleNewSeal() {
	folder, remove := tempFolder()
	defer remove()
	seal := engine.NewSeal(filepath.Join(folder, "seal.key"))
	const text = "webhooks: [{name: oncall, url: RECEIVER, retry: {max_attempts: 2, delay: 1h}}]"
	cfg, end := configured(text, http.StatusServiceUnavailable)
	defer end()
	left := filepath.Join(folder, "left.jsonl")
	delivered(cfg, engine.Options{Queue: engine.Memory, Spill: []string{left}, Seal: seal},
		func(ctx context.Context, eng *engine.Engine) error {
			return eng.Submit(ctx, failed)
		})
	in, err := os.Open(left)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer in.Close()
	err = engine.Events(context.Background(), engine.Stream{Name: left, In: in, Seal: seal}, func(ev event.Event) {
		fmt.Println(ev.ID, ev.Type)
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: e1 workflow_error
}
