package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Without script, somebody logs in, finds a dead letter and replays it by forms, and no button is there that only a script answers.
func TestVisitWithoutScript(t *testing.T) {
	s := open(t, standard, "")
	s.dieOne(t, failed("run-1"), 3)
	b := browse(t)
	b.do(t, call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.login(t, s, operateToken, "/deliveries?state=dead")
	idle := func(view string) {
		t.Helper()
		const shown = `[...document.querySelectorAll("button[type=button]")].filter((e) => e.offsetParent).map((e) => e.textContent).join()`
		if got := value[string](t, b, shown); got != "" {
			t.Errorf("%s shows buttons that do nothing: %s", view, got)
		}
	}
	idle("the list")
	b.do(t, chromedp.Click(`#deliveries a[href^="deliveries/msg_"]`))
	b.see(t, "#delivery h1", "dead")
	value[bool](t, b, `document.querySelectorAll("details").forEach((d) => { d.open = true }), true`)
	idle("a delivery")
	s.status.Store(200)
	b.do(t, chromedp.Click(`#delivery button[value=replay]`))
	b.see(t, ".notice", "1 due again")
	s.await(t, delivery.IsDelivered, 1)
	b.do(t, chromedp.Navigate(s.url+"/playground"), chromedp.SendKeys("#filter", "payload.durration > 2"), chromedp.Click("#play button.main"))
	b.see(t, "#result .warn", "filter, line 1, column 9")
	idle("the playground")
}

// However long the names of workflows, runs and types are, lists need no scrolling sideways, and ids stay on one line.
func TestVisitListsFitLongNames(t *testing.T) {
	s := open(t, standard, "")
	long := strings.Repeat("x", 250)
	for i, name := range []string{long, "日本" + strings.Repeat("語", 90), "\u202e" + long, strings.Repeat("deploy ", 40), "short"} {
		s.submit(t, newEvent(event.WorkflowEnd, fmt.Sprint("run-", i, long), name, `{"step":"`+long+`","error":"`+long+`"}`))
	}
	s.await(t, delivery.IsDelivered, 6)
	b := browse(t)
	b.login(t, s, readToken, "/")
	b.do(t, sized(1100))
	for _, path := range []string{"/deliveries", "/tail", "/run?id=run-0" + long, "/changes"} {
		b.do(t, chromedp.Navigate(s.url+path), chromedp.WaitVisible("main"))
		const over = `[document.documentElement, ...document.querySelectorAll(".wide")].reduce((n, e) => n + e.scrollWidth - e.clientWidth, 0)`
		if got := value[int](t, b, over); got > 0 {
			t.Errorf("%.20s is wider than the window by %d", path, got)
		}
	}
	b.do(t, chromedp.Navigate(s.url+"/deliveries"))
	if got := value[int](t, b, `document.querySelector("td > a.id").getClientRects().length`); got != 1 {
		t.Errorf("an id takes %d lines", got)
	}
}

// A list says when a waiting delivery is due, and not that one in flight will be sent when its lease ends. A run that has ended is not
// shown as running, whatever its end lacks, and every link has a text.
func TestRowsAreNotGuessed(t *testing.T) {
	s := open(t, standard, "")
	hold := make(chan struct{})
	s.hold.Store(&hold)
	t.Cleanup(func() { close(hold) })
	s.submit(t, newEvent(event.WorkflowEnd, "run-1", "  ", `{}`))
	s.await(t, delivery.InFlight, 1)
	_, body := s.get(t, "/deliveries?state=in_flight", readToken)
	if !strings.Contains(body, `<td class="why"></td>`) || !strings.Contains(body, ">run</a>") {
		t.Errorf("the list of what is in flight:\n%s", body)
	}
	_, body = s.get(t, "/run?id=run-1", readToken)
	if !strings.Contains(body, ">ended</span>") || strings.Contains(body, ">running<") {
		t.Errorf("a run that has ended:\n%s", body)
	}
}

// Where nobody logs in, nobody is asked to, and nothing offers to log out.
func TestOpenPageHasNoLogIn(t *testing.T) {
	s := open(t, standard, "")
	_, body := s.get(t, "/", readToken)
	if strings.Contains(body, "\"logout") {
		t.Error("a request with a token of its own is offered to log out")
	}
	s.SetAccess(server.Access{Page: access.Operate})
	if _, body = s.get(t, "/", ""); strings.Contains(body, "Log out") {
		t.Error("a page without tokens offers to log out")
	}
	resp, body := s.get(t, "/login?to="+url.QueryEscape("/deliveries?state=dead"), "")
	if at := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || at != "./deliveries?state=dead" {
		t.Errorf("the log-in of a page without tokens: %d to %q\n%s", resp.StatusCode, at, body)
	}
}

// A proxy may serve everything under a path of its own: whoever comes through it never leaves that path.
func TestVisitBehindAProxysPath(t *testing.T) {
	s := open(t, standard, "")
	s.dieOne(t, failed("run-1"), 3)
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	outside := make(chan string, 100)
	mux := http.NewServeMux()
	mux.Handle("/team/hooks/", http.StripPrefix("/team/hooks", httputil.NewSingleHostReverseProxy(at)))
	mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) { outside <- r.Method + " " + r.URL.Path })
	proxy := httptest.NewServer(mux)
	t.Cleanup(proxy.Close) // after the browser, whose streams it waits for
	b := browse(t)
	direct := s.url
	s.url = proxy.URL + "/team/hooks"
	b.login(t, s, operateToken, "/deliveries?state=dead")
	b.see(t, "#deliveries h2", "By reason")
	b.see(t, "#live", "live") // the stream of events passes
	b.do(t, chromedp.Click(`#deliveries a[href^="deliveries/msg_"]`))
	b.see(t, "#delivery h1", "dead")
	b.see(t, "#live", "live")
	s.status.Store(200)
	b.do(t, chromedp.Click(`#delivery button[value=replay]`))
	b.see(t, ".notice", "1 due again")
	b.see(t, "#delivery h1", "delivered")
	if got := value[string](t, b, `document.querySelector(".skip").href`); got != value[string](t, b, `location.href`)+"#main" {
		t.Errorf("the link to the content leads to %s", got)
	}
	b.do(t, chromedp.Click(`button[value=delete]`))
	b.see(t, ".notice", "1 discarded")
	b.see(t, "#live", "live") // the page's script listens to keys
	b.do(t, chromedp.KeyEvent("p"))
	b.see(t, "main h1", "Playground")
	b.do(t, chromedp.SendKeys("#filter", "payload.durration > 2"))
	b.see(t, "#result .warn", "filter, line 1, column 9")
	b.do(t, chromedp.Navigate(s.url+"/deliveries/a%2Fb"))
	b.see(t, "main h1", "Not found")
	b.do(t, chromedp.Click("main a"))
	b.see(t, "#overview", "oncall")
	withdrawn := s.access(access.Operate)
	withdrawn.Tokens = withdrawn.Tokens[:1]
	s.SetAccess(withdrawn)
	s.submit(t, failed("run-2"))
	b.do(t, chromedp.Click("#ended a"))
	b.see(t, "main", "Token")
	if got := value[string](t, b, `document.querySelector("[name=to]").value`); got != "/" {
		t.Errorf("after the log-in comes %q", got)
	}
	s.url = direct
	select {
	case got := <-outside:
		t.Errorf("a request left the proxy's path: %s", got)
	default:
	}
	if list := b.complained("404", "401"); list != nil {
		t.Errorf("the browser complains of %q", list)
	}
}
