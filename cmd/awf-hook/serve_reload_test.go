package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// folder is the folder of a serve's configuration.
type folder struct {
	t    *testing.T
	path string
	hook string // the receiver's URL
}

func (f *folder) at(name string) string { return filepath.Join(f.path, name) }

// must ends the test after an error.
func (f *folder) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) write(name, text string) { f.must(os.WriteFile(f.at(name), []byte(text), 0o600)) }

// put takes a path's old content away and puts a new one there.
func (f *folder) put(name, text string) {
	f.must(os.RemoveAll(f.at(name)))
	f.write(name, text)
}

func (f *folder) config() string {
	return fmt.Sprintf(`serve: {tls: {cert_file: cert.pem, key_file: key.pem}}
webhooks:
  - name: hook
    url: %q
    secret_file: secret
    transform: [{js: script.js}, {wasm: module.wasm}]
`, f.hook)
}

const goodScript = "export default e => e"

// mounted makes a version of a folder as Kubernetes mounts it, and swaps it in.
func (f *folder) mounted(version, config string) {
	f.must(os.MkdirAll(f.at(version), 0o700))
	f.write(version+"/awf-hook.yaml", config)
	f.must(os.Symlink(version, f.at("..new")))
	f.must(os.Rename(f.at("..new"), f.at("..data")))
}

// breakages are changes that break a file while serve runs. Writing the file again mends each.
var breakages = []struct {
	name  string
	file  string // that breaks
	wreck func(f *folder)
}{
	{"the configuration is removed", "awf-hook.yaml", func(f *folder) { f.must(os.Remove(f.at("awf-hook.yaml"))) }},
	{"it is cut while an editor writes", "awf-hook.yaml", func(f *folder) { f.write("awf-hook.yaml", f.config()[:len(f.config())-20]) }},
	{"it is empty", "awf-hook.yaml", func(f *folder) { f.write("awf-hook.yaml", "") }},
	{"it is a pipe", "awf-hook.yaml", func(f *folder) {
		f.must(os.Remove(f.at("awf-hook.yaml")))
		f.must(syscall.Mkfifo(f.at("awf-hook.yaml"), 0o600))
	}},
	{"it is a folder", "awf-hook.yaml", func(f *folder) {
		f.must(os.Remove(f.at("awf-hook.yaml")))
		f.must(os.Mkdir(f.at("awf-hook.yaml"), 0o700))
	}},
	{"it is a gigabyte of nothing", "awf-hook.yaml", func(f *folder) { f.must(os.Truncate(f.at("awf-hook.yaml"), 1<<30)) }},
	{"it cannot be read", "awf-hook.yaml", func(f *folder) {
		f.must(os.Remove(f.at("awf-hook.yaml")))
		f.must(os.Symlink("awf-hook.yaml", f.at("awf-hook.yaml"))) // a loop: a mode would not keep root out
	}},
	{"it is binary", "awf-hook.yaml", func(f *folder) { f.write("awf-hook.yaml", "\x7fELF\x00\xff\xfe") }},
	{"a secret is emptied", "secret", func(f *folder) { f.write("secret", "") }},
	{"a secret is removed", "secret", func(f *folder) { f.must(os.Remove(f.at("secret"))) }},
	{"a secret is a pipe", "secret", func(f *folder) {
		f.must(os.Remove(f.at("secret")))
		f.must(syscall.Mkfifo(f.at("secret"), 0o600))
	}},
	{"a module is garbage", "module.wasm", func(f *folder) { f.write("module.wasm", "\x00asm garbage") }},
	{"a module is a gigabyte", "module.wasm", func(f *folder) { f.must(os.Truncate(f.at("module.wasm"), 1<<30)) }},
	{"a script is half written", "script.js", func(f *folder) { f.write("script.js", "export default e => {") }},
	{"a key is not the certificate's", "key.pem", func(f *folder) {
		other, _ := certificate(f.t)
		f.write("key.pem", string(readFileOf(f.t, filepath.Join(other, "key.pem"))))
	}},
	{"a certificate is cut", "cert.pem", func(f *folder) { f.must(os.Truncate(f.at("cert.pem"), 100)) }},
}

// A SIGHUP never ends serve: not while it starts, and not while it delivers the rest.
func TestHangupNeverEndsServe(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	receiver := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived.Add(1)
		time.Sleep(time.Second)
	})
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(t.TempDir(), "queue.db"))
	_ = s.cmd.Process.Signal(syscall.SIGHUP) // it listens, and may do no more yet
	if status := send(http.DefaultClient, s.url, envelopes("run", 1)); status != http.StatusAccepted {
		t.Fatal(status)
	}
	waitFor(t, "the request", func() bool { return arrived.Load() == 1 })
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	for range 20 { // until the answer comes
		time.Sleep(20 * time.Millisecond)
		_ = s.cmd.Process.Signal(syscall.SIGHUP)
	}
	if code := s.end(t, syscall.SIGHUP); code != 0 || !strings.Contains(s.talk(), "1 delivered") {
		t.Errorf("exit code %d, said %s", code, s.talk())
	}
}

// Whatever becomes of a file of the configuration, the one before goes on to hold, and the log, the metric, the API, /readyz and systemd
// say so. Mended, the file is taken up.
func TestServeKeepsWhatHoldsWhenAFileBreaks(t *testing.T) {
	t.Parallel()
	f, receiver := newFolder(t)
	f.write("awf-hook.yaml", f.config())
	b := f.serve(receiver)
	for _, tt := range breakages {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			before := string(readFileOf(t, f.at(tt.file)))
			b.notify.forget()
			tt.wreck(f)
			f.must(b.cmd.Process.Signal(syscall.SIGHUP))
			b.stale()
			f.put(tt.file, before)
			f.must(b.cmd.Process.Signal(syscall.SIGHUP))
			b.fresh()
		})
	}
	b.end(t, syscall.SIGKILL)
}

// A configuration that Kubernetes mounts is swapped whole, by one link: a good version after a bad one is taken up.
func TestServeTakesUpAMountedConfiguration(t *testing.T) {
	t.Parallel()
	f, receiver := newFolder(t)
	f.mounted("..v1", f.config())
	f.must(os.Symlink("..data/awf-hook.yaml", f.at("awf-hook.yaml")))
	b := f.serve(receiver)
	f.mounted("..v2", f.config()+"    no_such_key: 1\n")
	f.must(os.RemoveAll(f.at("..v1")))
	b.stale()
	f.mounted("..v3", f.config()+"    headers: {X-Version: three}\n")
	f.must(os.RemoveAll(f.at("..v2")))
	b.fresh()
	b.end(t, syscall.SIGKILL)
}

// A file that the new configuration names and that comes after it is enough to take the configuration up, and waiting for it is said once.
func TestServeTakesUpAFileThatComesLate(t *testing.T) {
	t.Parallel()
	f, receiver := newFolder(t)
	f.write("awf-hook.yaml", f.config())
	b := f.serve(receiver)
	f.write("awf-hook.yaml", strings.Replace(f.config(), "secret_file: secret", "secret_file: late", 1))
	b.stale()
	time.Sleep(3 * retryTicks * watchPeriod / 2)
	if n := strings.Count(b.talk(), "the configuration was not loaded"); n != 1 {
		t.Errorf("%d times said: %s", n, b.talk())
	}
	f.write("late", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=")
	b.fresh()
	b.end(t, syscall.SIGKILL)
}

// A changed address or queue was not loaded while serve runs, and serve says so.
func TestServeSaysWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	f, receiver := newFolder(t)
	const text = "queue: {path: %s}\nserve: {listen: '127.0.0.1:%s'}\nwebhooks: [{name: hook, url: %q}]\n"
	f.write("awf-hook.yaml", fmt.Sprintf(text, f.at("queue.db"), freePort(), f.hook))
	b := &broken{folder: f, receiver: receiver, client: http.DefaultClient, served: startServe(t, "-c", f.at("awf-hook.yaml"))}
	f.write("awf-hook.yaml", fmt.Sprintf(text, f.at("other.db"), "9", f.hook))
	waitFor(t, "the word about a restart", func() bool {
		return strings.Contains(b.talk(), "serve.listen has changed") && strings.Contains(b.talk(), "queue has changed")
	})
	b.arrives()
	b.end(t, syscall.SIGKILL)
}

func newFolder(t *testing.T) (*folder, *counted) {
	t.Helper()
	receiver := newCounted()
	dir, _ := certificate(t)
	f := &folder{t, dir, serve(t, receiver)}
	f.write("secret", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=")
	f.write("script.js", goodScript)
	f.write("module.wasm", string(readFileOf(t, root+"testdata/wasm/guests/echo.wasm")))
	return f, receiver
}

// broken is a serve whose files break and are mended.
type broken struct {
	*folder
	*served
	receiver *counted
	notify   *notified
	client   *http.Client
	runs     int
}

func (f *folder) serve(receiver *counted) *broken {
	f.t.Helper()
	dir, err := os.MkdirTemp("", "s") // a socket's path is short
	f.must(err)
	f.t.Cleanup(func() { os.RemoveAll(dir) })
	b := &broken{folder: f, receiver: receiver, notify: listenNotify(f.t, filepath.Join(dir, "n"))}
	b.served = startServeIn(f.t, []string{"NOTIFY_SOCKET=" + filepath.Join(dir, "n"), "XDG_CACHE_HOME=" + f.t.TempDir()},
		"-c", f.at("awf-hook.yaml"), "--listen", "127.0.0.1:0", "--queue", filepath.Join(dir, "queue.db"))
	b.url = strings.Replace(b.url, "http:", "https:", 1)
	b.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	b.arrives()
	return b
}

func (b *broken) get(path string) string {
	b.t.Helper()
	resp, err := b.client.Get(b.url + path)
	b.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	b.must(err)
	return string(text)
}

// arrives sends an event and waits until it is delivered.
func (b *broken) arrives() {
	b.t.Helper()
	b.runs++
	run := fmt.Sprint("run", b.runs)
	if status := send(b.client, b.url, envelopes(run, 1)); status != http.StatusAccepted {
		b.t.Fatalf("%s: answered %d, said %s", run, status, b.talk())
	}
	waitFor(b.t, run, func() bool {
		b.receiver.mu.Lock()
		defer b.receiver.mu.Unlock()
		return b.receiver.runs[run+"-0"] != nil
	})
}

const reloadMetric = "awf_hook_config_last_reload_successful"

// stale waits until all say that the configuration was not loaded. What held before delivers.
func (b *broken) stale() {
	b.t.Helper()
	waitFor(b.t, "the metric", func() bool { return series(b.get("/metrics"), reloadMetric) == "0" })
	waitFor(b.t, "systemd's status", func() bool { return b.notify.heard("STATUS=the configuration was not loaded") })
	waitFor(b.t, "the log", func() bool { return strings.Contains(b.talk(), "the configuration was not loaded") }) // it comes through a pipe
	if said := b.get("/v1/overview"); !strings.Contains(said, `"stale":"`) {
		b.t.Errorf("the API says %s", said)
	}
	if said := b.get("/readyz"); !strings.Contains(said, `"ready":true`) || !strings.Contains(said, `"stale_configuration":true`) {
		b.t.Errorf("readyz says %s", said)
	}
	b.arrives()
}

// fresh waits until the mended configuration is taken up.
func (b *broken) fresh() {
	b.t.Helper()
	waitFor(b.t, "the metric", func() bool { return series(b.get("/metrics"), reloadMetric) == "1" })
	if said := b.get("/readyz"); strings.Contains(said, "stale") {
		b.t.Errorf("readyz says %s", said)
	}
	if said := b.get("/v1/overview"); strings.Contains(said, `"stale"`) {
		b.t.Errorf("the API says %s", said)
	}
	b.arrives()
}

// A workflow's definition that breaks changes nothing either: its webhooks of before get its events, and all say so.
func TestServeKeepsADefinitionThatBreaks(t *testing.T) {
	t.Parallel()
	own, receiver := newCounted(), newCounted()
	project, home := t.TempDir(), t.TempDir()
	f := &folder{t, project, ""}
	f.must(os.MkdirAll(f.at(".awf/workflows"), 0o700))
	f.must(os.WriteFile(filepath.Join(home, "settings.yaml"),
		fmt.Appendf(nil, "network: {allow: [127.0.0.0/8]}\nwebhooks: [{name: hook, url: %q}]\n", serve(t, receiver)), 0o600))
	good := fmt.Sprintf("name: n\nwebhooks: [{name: own, url: %q}]\n", serve(t, own))
	f.write(".awf/workflows/n.yaml", good)
	dir, err := os.MkdirTemp("", "s")
	f.must(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &broken{folder: f, receiver: receiver, client: http.DefaultClient, notify: listenNotify(t, filepath.Join(dir, "n"))}
	b.served = startServeIn(t, []string{"AWF_CONFIG_HOME=" + home, "AWF_HOOK_TRUST=" + project, "NOTIFY_SOCKET=" + filepath.Join(dir, "n")},
		"--project", project, "--listen", "127.0.0.1:0", "--queue", filepath.Join(dir, "queue.db"))
	b.arrives()
	f.write(".awf/workflows/n.yaml", good+"nonsense: [")
	waitFor(t, "the mistake", func() bool {
		b.arrives() // a definition is looked at when its workflow runs
		return strings.Contains(b.talk(), "was not loaded")
	})
	b.stale()
	waitFor(t, "all events at the workflow's own webhook", func() bool { return own.count() == b.runs })
	f.write(".awf/workflows/n.yaml", good+"# mended\n")
	waitFor(t, "the mended definition", func() bool {
		b.arrives()
		return series(b.get("/metrics"), reloadMetric) == "1"
	})
	b.fresh()
	waitFor(t, "all events at the workflow's own webhook", func() bool { return own.count() == b.runs })
	b.end(t, syscall.SIGKILL)
}

// A change that leaves a file's size and time as they were is seen too, as some tools that copy files make it.
func TestLookSeesChangesBehindAnOldTime(t *testing.T) {
	file := writeConfig(t, "webhooks: [{url: 'http://127.0.0.1:1/a'}]")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := look([]string{file})[file]
	for name, change := range map[string]func() error{
		"other bytes": func() error { return os.WriteFile(file, []byte("webhooks: [{url: 'http://127.0.0.1:1/b'}]"), 0o600) },
		"other mode":  func() error { return os.Chmod(file, 0o400) },
	} {
		time.Sleep(20 * time.Millisecond) // a file system's clock may be coarse
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Time{}, before.ModTime()); err != nil {
			t.Fatal(err)
		}
		now := look([]string{file})[file]
		if now == seen {
			t.Errorf("%s are not seen: %s", name, now)
		}
		seen = now
	}
}
