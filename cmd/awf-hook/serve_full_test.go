package main

import (
	"crypto/sha256"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// filler sends large events to a server and counts what is answered 202.
type filler struct {
	t        *testing.T
	url      string
	token    string
	accepted int
}

// post sends an event of a size and returns the answer.
func (f *filler) post(size int) *http.Response {
	f.t.Helper()
	line := strings.Replace(envelopes("e"+strconv.Itoa(f.accepted), 1), `"payload":{}`, `"payload":{"x":"`+strings.Repeat("x", size)+`"}`, 1)
	req, err := http.NewRequest(http.MethodPost, f.url+"/v1/events", strings.NewReader(line))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/x-ndjson"}, "Authorization": {"Bearer " + f.token}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode == http.StatusAccepted {
		f.accepted++
	}
	return resp
}

// fill sends events until one is not taken, which must be by 503 with a time to wait, and while /readyz says so.
func (f *filler) fill() {
	f.t.Helper()
	for range 2000 {
		resp := f.post(500_000)
		if resp.StatusCode == http.StatusAccepted {
			continue
		}
		f.refused(resp)
		return
	}
	f.t.Fatal("it is never full")
}

func (f *filler) refused(resp *http.Response) {
	f.t.Helper()
	if wait, err := strconv.Atoi(resp.Header.Get("Retry-After")); resp.StatusCode != http.StatusServiceUnavailable || err != nil || wait < 1 {
		f.t.Errorf("answered %d, Retry-After %q, want 503 and some seconds", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
}

func (f *filler) ready() int {
	f.t.Helper()
	resp, err := http.Get(f.url + "/readyz")
	if err != nil {
		f.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// A queue that takes no more answers 503 with a time to wait, whatever the reason. What was answered 202 before arrives, and so does what
// is sent again when there is room. A client that is over its rate gets that answer instead.
func TestServeWithAFullQueue(t *testing.T) {
	t.Parallel()
	remount := func(dir, how string) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", "remount,"+how, dir).CombinedOutput(); err != nil {
			t.Fatalf("remount: %s", out)
		}
	}
	tests := []struct {
		name string
		make func(t *testing.T) (queue, keys string, room func())
	}{
		{"its greatest size", func(t *testing.T) (string, string, func()) {
			return filepath.Join(t.TempDir(), "queue.db"), "max_size: 16MiB", nil
		}},
		{"a full disk", func(t *testing.T) (string, string, func()) {
			dir := small(t, "size=12m")
			return filepath.Join(dir, "queue.db"), "", func() { remount(dir, "size=200m") }
		}},
		{"a disk that is read only", func(t *testing.T) (string, string, func()) {
			dir := small(t, "size=60m")
			remount(dir, "ro")
			return filepath.Join(dir, "queue.db"), "", func() { remount(dir, "rw") }
		}},
		{"a full spill file", func(t *testing.T) (string, string, func()) {
			server, url := away(t)
			return url, "namespace: test", func() {
				if err := server.Run(); err != nil {
					t.Fatal(err)
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			queue, keys, room := tt.make(t)
			receiver := newCounted()
			hung := make(chan struct{})
			config := writeConfig(t, `queue: {spill: keep, %s}
serve: {tokens: [{name: ci, sha256: %x}, {name: slow, sha256: %x, rate: 1/h}]}
webhooks: [{name: hook, url: %q, retry: {delay: 200ms, max_attempts: 50}, timeout: 60s}]`, keys,
				sha256.Sum256([]byte("ci")), sha256.Sum256([]byte("slow")), serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					<-hung // nothing makes room by being delivered
					receiver.ServeHTTP(w, r)
				})))
			s := startServeIn(t, []string{"XDG_STATE_HOME=" + t.TempDir()}, "-c", config, "--listen", "127.0.0.1:"+freePort(), "--queue", queue)
			f := &filler{t: t, url: s.url, token: "ci"}
			slow := &filler{t: t, url: s.url, token: "slow", accepted: 1_000_000}
			f.fill()
			f.refused(slow.post(500_000)) // within its rate
			slow.post(500_000)
			if resp := slow.post(500_000); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
				t.Errorf("over its rate while the queue is full: %d, want 429", resp.StatusCode)
			}
			if f.ready() == http.StatusOK && tt.name != "its greatest size" { // smaller ones still fit
				t.Error("readyz says that events are taken")
			}
			if room != nil {
				room()
			} else {
				close(hung)
			}
			waitFor(t, "room", func() bool { return f.post(500_000).StatusCode == http.StatusAccepted })
			waitFor(t, "readiness", func() bool { return f.ready() == http.StatusOK })
			if room != nil {
				close(hung)
			}
			waitFor(t, "all that was answered 202", func() bool { return receiver.count() == f.accepted })
			if code := s.end(t, syscall.SIGTERM); code != 0 {
				t.Errorf("exit code %d: %s", code, s.talk())
			}
			t.Logf("%d events were taken", f.accepted)
		})
	}
}
