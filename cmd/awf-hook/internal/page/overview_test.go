package page_test

import (
	"errors"
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/testdata/pgtest"
	"github.com/chromedp/chromedp"
)

// However long the last errors are, the overview needs no scrolling sideways on a small laptop.
func TestVisitOverviewFitsLongErrors(t *testing.T) {
	s := open(t, standard, "")
	answer := `{"error":"` + strings.Repeat("no_break_in_here", 60) + `"}`
	s.answer.Store(&answer)
	s.status.Store(422)
	s.submit(t, failed("run-1"), newEvent(event.WorkflowError, "run-2", "deploy-"+strings.Repeat("shop", 40), `{"status":"failure"}`))
	s.await(t, delivery.IsDead, 6)
	b := browse(t)
	b.login(t, s, readToken, "/")
	b.see(t, "#overview", "422")
	for _, width := range []int64{1024, 1100, 1280} {
		b.do(t, sized(width))
		if got := value[int64](t, b, "document.documentElement.scrollWidth"); got > width {
			t.Errorf("the overview is %d wide on a screen of %d", got, width)
		}
		wide := `(e => e.scrollWidth - e.clientWidth)(document.querySelector("#overview .wide"))`
		if over := value[int64](t, b, wide); over > 0 {
			t.Errorf("on a screen of %d its table is wider than its place by %d", width, over)
		}
	}
}

// The page says, in words, that a changed configuration was not taken up, and until when.
func TestVisitSeesAStaleConfiguration(t *testing.T) {
	s := open(t, standard, "")
	b := browse(t)
	b.login(t, s, readToken, "/")
	b.see(t, "#overview", "oncall")
	s.Reloaded(errors.New("awf-hook.yaml:3:5: webhooks[0].filter: unknown name <b>no_such</b>\nand another one"))
	b.see(t, "#overview [role=alert]", "The old one still applies")
	b.see(t, "#overview [role=alert]", "unknown name <b>no_such</b>")
	s.Reloaded(nil)
	until(t, "the page says no more of it", func() bool { return b.text(t, "#overview [role=alert]") == "" })
}

// Nodes of a shared queue that run with different configurations are named, with what to do, until they agree.
func TestVisitSeesNodesThatDiffer(t *testing.T) {
	server, err := pgtest.Start("fsync=off")
	if errors.Is(err, pgtest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	database, err := server.Create("queue")
	if err != nil {
		t.Fatal(err)
	}
	const named = "queue: {namespace: shop}\nwebhooks: [{name: chat, url: %q}]\n"
	s := open(t, fmt.Sprintf(named, "${RECEIVER}/a"), database)
	node := func(url string) *engine.Engine {
		cfg, err := config.Parse("/etc/awf-hook.yaml", fmt.Appendf(nil, named, url), func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		other, err := engine.Open(cfg, engine.Options{Queue: database})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close() })
		return other
	}
	if _, text := s.get(t, "/", readToken); strings.Contains(text, "different configurations") {
		t.Error("one node differs from itself")
	}
	node("https://other.example.com/b")
	b := browse(t)
	b.login(t, s, readToken, "/")
	b.see(t, "#overview [role=alert]", "The processes that share this queue run with different configurations. Give all of them the same one:")
	nodes, err := s.engine.Queue().Nodes(t.Context())
	if err != nil || len(nodes) != 2 {
		t.Fatal(nodes, err)
	}
	for _, n := range nodes {
		b.see(t, "#overview [role=alert]", n.Config+": "+n.Name)
	}
}

// The sender of an event is shown beside it and its deliveries, and selects them.
func TestVisitSeesTheSource(t *testing.T) {
	s := open(t, standard, "")
	const source = `ci <b>"1"</b>`
	for i, of := range []string{source, "", "other"} {
		ev := failed(fmt.Sprint("run-", i))
		ev.ID, ev.Source = fmt.Sprint("e", i), of
		s.submit(t, ev)
	}
	s.await(t, delivery.IsDelivered, 9)
	b := browse(t)
	b.login(t, s, readToken, "/tail")
	b.see(t, "#tail", source)
	b.do(t, chromedp.Navigate(s.url+"/event?id=e0"))
	b.see(t, "#event .facts", source)
	b.do(t, chromedp.Click(`#event .facts a[href^="deliveries?source"]`))
	b.see(t, "#deliveries", "msg_")
	if got := value[string](t, b, `document.querySelector("input[name=source]").value`); got != source {
		t.Errorf("the filter is of the source %q, want %q", got, source)
	}
	if got := value[int](t, b, `document.querySelectorAll("#deliveries tbody tr").length`); got != 3 {
		t.Errorf("%d deliveries are of %s, want 3", got, source)
	}
	b.do(t, chromedp.Click(`#deliveries tbody a.id`))
	b.see(t, "#delivery .facts", source)
	if _, text := s.get(t, "/tail", readToken); !strings.Contains(text, html.EscapeString(source)) {
		t.Errorf("the source is not escaped: %s", text)
	}
	if list := b.complained(); list != nil {
		t.Errorf("the browser complains of %q", list)
	}
}
