package page_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long one step of a browser may take, and what a test waits for. It only ends what hangs: a full machine is slow.
const patience = time.Minute

// browser is a tab of a headless Chromium. Its complaints fail the test.
type browser struct {
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// chromium is the browser of all tests. It starts with the first test that needs it, and endChromium ends it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path := findChromium()
	if path == "" {
		return nil, nil
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.WSURLReadTimeout(patience), chromedp.WindowSize(1280, 900))
	ctx, endBrowser := chromedp.NewContext(ctx)
	endChromium = func() { endBrowser(); end() }
	return ctx, chromedp.Do(ctx, chromedp.Navigate("about:blank"))
})

var endChromium = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	endChromium()
	os.Exit(code)
}

// findChromium returns the browser's path; "" if there is none.
func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// browse opens a tab, which shares no cookies with the tabs of other tests. It skips the test if there is no browser.
func browse(t *testing.T) *browser {
	t.Helper()
	all, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	if all == nil {
		t.Skip("no chromium on PATH: make browsers installs it")
	}
	b := &browser{}
	ctx, end := chromedp.NewContext(all, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	t.Cleanup(end)
	b.ctx = ctx
	// It ends with the context that it starts with.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), call(log.Enable, cdp.Empty{})); err != nil {
		t.Fatal(err)
	}
	return b
}

// call runs a command that returns nothing.
func call[P any](command cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, command, params)
		return err
	})
}

// listen collects complaints of the console and of the browser itself, including reports of the content policy.
func (b *browser) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+ev.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" || ev.Type == "warning" {
			b.complaints = append(b.complaints, "console: "+fmt.Sprint(ev.Args[0]))
		}
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, string(ev.Entry.Source)+": "+ev.Entry.Text+" "+ev.Entry.URL)
	}
}

// complained returns the complaints, except for those that contain one of these texts, and forgets them.
func (b *browser) complained(but ...string) (list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.complaints {
		known := false
		for _, part := range but {
			known = known || strings.Contains(text, part)
		}
		if !known {
			list = append(list, text)
		}
	}
	b.complaints = nil
	return list
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for _, step := range steps {
		err := chromedp.Do(ctx, step)
		for replaced(err) {
			err = chromedp.Do(ctx, step)
		}
		if err != nil {
			t.Fatalf("%v; the browser says %q", err, b.complained())
		}
	}
}

// replaced reports whether a step did nothing because the page replaced its element meanwhile, as live updates do.
func replaced(err error) bool {
	return err != nil && strings.Contains(err.Error(), "Could not find node with given id")
}

// login types a token.
func (b *browser) login(t *testing.T, s *site, token, to string) {
	t.Helper()
	b.do(t, chromedp.Navigate(s.url+to), chromedp.WaitVisible("#token"), chromedp.SendKeys("#token", token), chromedp.Click("main button"))
	b.see(t, "nav", "Overview")
}

// value returns the value of an expression in the browser.
func value[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for ; ; time.Sleep(20 * time.Millisecond) {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
		switch {
		case err == nil:
			return v
		case !strings.Contains(err.Error(), "navigated") || ctx.Err() != nil: // it is asked of a page that gives way to the next one
			t.Fatalf("%s: %v", expression, err)
		}
	}
}

// text returns the text of the element that a selector finds.
func (b *browser) text(t *testing.T, selector string) string {
	t.Helper()
	return value[string](t, b, "(document.querySelector(`"+selector+"`)||{innerText:''}).innerText")
}

// see waits until an element's text contains a text.
func (b *browser) see(t *testing.T, selector, text string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the page says %q, the browser %q", cut(b.text(t, "body")), b.complained())
		}
	}()
	until(t, selector+" with "+text, func() bool { return strings.Contains(b.text(t, selector), text) })
}

func cut(text string) string { return text[:min(len(text), 1500)] }

// sized sets the width of the window.
func sized(width int64) chromedp.Action[chromedp.Void] {
	return call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 820, DeviceScaleFactor: 1})
}
