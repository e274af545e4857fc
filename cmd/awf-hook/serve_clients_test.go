package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// certificate makes a folder with a certificate for this machine.
func certificate(t *testing.T) (dir string, pool *x509.CertPool) {
	t.Helper()
	dir = t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(cryptorand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: raw},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return dir, pool
}

// With a token and TLS, serve listens on an address that other machines can reach. It loads changed certificates and
// tokens while it runs.
func TestServeWithTokensAndTLS(t *testing.T) {
	t.Parallel()
	receiver := newCounted()
	url := serve(t, receiver)
	dir, pool := certificate(t)
	write := func(token string) string {
		return fmt.Sprintf("serve: {tls: {cert_file: %[1]s/cert.pem, key_file: %[1]s/key.pem}, tokens: [{name: ci, sha256: %[2]x}]}\n"+
			"webhooks: [{name: hook, url: %[3]q}]", dir, sha256.Sum256([]byte(token)), url)
	}
	config := writeConfig(t, "%s", write("one"))
	s := startServe(t, "-c", config, "--listen", "0.0.0.0:0", "--queue", filepath.Join(t.TempDir(), "queue.db"))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.url, "http://"))
	post := func(pool *x509.CertPool, token, run string) int {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		req, _ := http.NewRequest(http.MethodPost, "https://127.0.0.1:"+port+"/v1/events", strings.NewReader(envelopes(run, 1)))
		req.Header.Set("Content-Type", "application/x-ndjson")
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if good, bad := post(pool, "one", "a"), post(pool, "two", "b"); good != 202 || bad != 401 {
		t.Errorf("the token: %d, another one: %d, want 202 and 401; said %s", good, bad, s.talk())
	}
	resp, err := http.Get("http://127.0.0.1:" + port + "/healthz")
	if err == nil && resp.StatusCode == http.StatusOK {
		t.Error("it answers without TLS")
	}
	renewed, newPool := certificate(t)
	for _, name := range []string{"key.pem", "cert.pem"} {
		text, _ := os.ReadFile(filepath.Join(renewed, name))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the new certificate", func() bool { return post(newPool, "one", "c") == 202 })
	if err := os.WriteFile(config, []byte(write("two")), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the new token", func() bool { return post(newPool, "two", "d") == 202 })
	if got := post(newPool, "one", "e"); got != 401 {
		t.Errorf("the old token: %d, want 401", got)
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, "webhooks: [{name: hook, url: %q}]", url), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the refusal", func() bool { return strings.Contains(s.talk(), "was not loaded") })
	if got := post(newPool, "nobody", "f"); got != 401 {
		t.Errorf("a configuration without tokens lets anybody in: %d", got)
	}
	if code := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, said %s", code, s.talk())
	}
}

// A host with only its own home sends its events to a server through an ordinary webhook. The server is down first, and
// is killed and restarted: every event arrives once.
func TestAnotherAwfHookIsAClient(t *testing.T) {
	t.Parallel()
	receiver := newCounted()
	serverConfig := writeConfig(t, "serve: {secret: %q}\nwebhooks: [{name: hook, url: %q, retry: {delay: 50ms, max_attempts: 50}}]",
		secret, serve(t, receiver))
	port := freePort()
	clientConfig := writeConfig(t, "webhooks: [{name: server, url: 'http://127.0.0.1:%s/v1/events', transform: {format: awf}, secret: %q, "+
		"signing: [standard], retry: {schedule: [50ms, 100ms, 200ms], max_attempts: 50}}]", port, secret)
	const events = 60
	client := exec.Command("awf-hook", "run", "-c", clientConfig, "--queue", filepath.Join(t.TempDir(), "client.db"),
		"--drain-timeout", "60s", "--wait-delivered")
	client.Stdin = strings.NewReader(envelopes("host", events))
	var said strings.Builder
	client.Stderr = &said
	start(t, client)
	time.Sleep(300 * time.Millisecond)
	args := []string{"-c", serverConfig, "--listen", "127.0.0.1:" + port, "--queue", filepath.Join(t.TempDir(), "server.db")}
	s := startServe(t, args...)
	for range 3 {
		time.Sleep(150 * time.Millisecond)
		s.end(t, syscall.SIGKILL)
		s = startServe(t, args...)
	}
	if err := client.Wait(); err != nil {
		t.Errorf("the client: %v: %s", err, said.String())
	}
	waitFor(t, "every event", func() bool { return receiver.count() == events })
	for run, ids := range receiver.runs {
		if len(ids) != 1 {
			t.Errorf("%s came with %d ids", run, len(ids))
		}
	}
	s.end(t, syscall.SIGTERM)
}

// --to sends events to a server instead of the settings' webhooks. While the server is down they wait in this host's own
// queue.
func TestToAServer(t *testing.T) {
	t.Parallel()
	receiver, own := newCounted(), newCounted()
	serverConfig := writeConfig(t, "serve: {tokens: [{name: ci, sha256: %x}]}\nwebhooks: [{name: hook, url: %q}]",
		sha256.Sum256([]byte("token-of-the-host")), serve(t, receiver))
	clientConfig := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, own))
	port := freePort()
	queue, metrics := filepath.Join(t.TempDir(), "client.db"), filepath.Join(t.TempDir(), "awf.prom")
	run := func(lines, drain string) string {
		t.Helper()
		cmd := exec.Command("awf-hook", "run", "-c", clientConfig, "--to", "http://127.0.0.1:"+port, "--queue", queue, "--drain-timeout", drain,
			"--metrics-file", metrics)
		cmd.Env = append(os.Environ(), "AWF_HOOK_TOKEN=token-of-the-host")
		cmd.Stdin = strings.NewReader(lines)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if said := run(envelopes("host", 5), "10ms"); !strings.Contains(said, "0 delivered") || !strings.Contains(said, "5 kept in "+queue) {
		t.Errorf("without the server: %s", said)
	}
	s := startServe(t, "-c", serverConfig, "--listen", "127.0.0.1:"+port, "--queue", filepath.Join(t.TempDir(), "server.db"))
	run("", "20s")
	waitFor(t, "every event", func() bool { return receiver.count() == 5 })
	if own.count() != 0 {
		t.Errorf("%d events went to the settings' own webhook", own.count())
	}
	text, err := os.ReadFile(metrics)
	if got := series(string(text), `awf_hook_deliveries_total{outcome="delivered",webhook="server"}`); got != "5" {
		t.Errorf("the metrics' file says that %q were delivered, want 5: %v", got, err)
	}
	s.end(t, syscall.SIGTERM)
}

// notified is systemd's end of a notify socket.
type notified struct {
	mu     sync.Mutex
	states []string
}

func listenNotify(t *testing.T, path string) *notified {
	t.Helper()
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	n := &notified{}
	var reading sync.WaitGroup
	reading.Go(func() {
		for buf := make([]byte, 4096); ; {
			size, err := told.Read(buf)
			if err != nil {
				return
			}
			n.mu.Lock()
			n.states = append(n.states, string(buf[:size]))
			n.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		told.Close()
		reading.Wait()
	})
	return n
}

// forget forgets what came.
func (n *notified) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.states = nil
}

// heard reports whether a state with a text came.
func (n *notified) heard(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.states, func(state string) bool { return strings.Contains(state, text) })
}

// serve uses sockets that systemd opened, and tells systemd when it is ready, reloads, works and ends.
func TestServeUnderSystemd(t *testing.T) {
	t.Parallel()
	receiver := newCounted()
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	notify := listenNotify(t, filepath.Join(dir, "notify"))
	hears := func(want string) {
		t.Helper()
		waitFor(t, want, func() bool { return notify.heard(want) })
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ WATCHDOG_PID=$$ exec awf-hook serve "$@"`, "sh",
		"-c", config, "--queue", filepath.Join(dir, "queue.db"), "--lame-duck", "0s")
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "WATCHDOG_USEC=3000000")
	cmd.ExtraFiles = []*os.File{socket}
	start(t, cmd)
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	hears("READY=1")
	if status := send(http.DefaultClient, "http://"+ln.Addr().String(), envelopes("socket", 1)); status != http.StatusAccepted {
		t.Errorf("over systemd's socket: %d", status)
	}
	hears("WATCHDOG=1")
	_ = cmd.Process.Signal(syscall.SIGHUP)
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("STATUS=the configuration was loaded")
	if err := os.WriteFile(config, []byte("webhooks: 7"), 0o600); err != nil {
		t.Fatal(err)
	}
	hears("STATUS=the configuration was not loaded")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	hears("STOPPING=1")
	if err := cmd.Wait(); err != nil || receiver.count() != 1 {
		t.Errorf("%v, %d events arrived", err, receiver.count())
	}
}

// One of the processes that share a queue keeps house. When it dies, another one does.
func TestOneServeKeepsHouse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db.keeper")
	first, second := &keeper{path: path}, &keeper{path: path}
	for range 2 {
		if !first.holds() || second.holds() {
			t.Error("want the first to keep house alone")
		}
	}
	first.close()
	if !second.holds() {
		t.Error("the second does not take over")
	}
	second.close()
}

// An exec with a home of its own hands its events to a server that is down, comes back, is killed and is replaced by another version:
// everything arrives once. SOAK=1 (make soak) leaves the server down for a minute, and builds the other version.
func TestExecToAServerThatIsDownAndUpgraded(t *testing.T) {
	t.Parallel()
	down := 2 * time.Second
	if os.Getenv("SOAK") != "" {
		down = time.Minute
	}
	receiver := newCounted()
	serverConfig := writeConfig(t, `serve: {tokens: [{name: host, sha256: %x}]}
webhooks: [{name: hook, url: %q, retry: {delay: 50ms, max_attempts: 50}}]`,
		sha256.Sum256([]byte("token-of-the-host")), serve(t, receiver))
	port, queue := freePort(), filepath.Join(t.TempDir(), "server.db")
	args := []string{"-c", serverConfig, "--listen", "127.0.0.1:" + port, "--queue", queue}
	home := t.TempDir()
	ofHost := func() []string {
		return append(os.Environ(), "AWF_HOOK_TOKEN=token-of-the-host", "HOME="+home, "XDG_STATE_HOME="+home+"/state",
			"AWF_CONFIG_HOME="+home+"/awf")
	}
	const runs, perRun = 6, 10
	host := func(n int, drain string) {
		t.Helper()
		script := fmt.Sprintf(`for i in $(seq %d); do
	echo '{"event":"workflow.started","execution_id":"run-%d-'$i'","timestamp":"2026-03-01T12:00:00Z",`+
			`"workflow_name":"deploy"}' >> "$AWF_AUDIT_LOG"
	echo '{"event":"workflow.completed","execution_id":"run-%[2]d-'$i'","timestamp":"2026-03-01T12:00:01Z",`+
			`"workflow_name":"deploy","status":"success","duration_ms":1000}' >> "$AWF_AUDIT_LOG"
done`, perRun, n)
		cmd := exec.Command("awf-hook", "exec", "--to", "http://127.0.0.1:"+port, "--drain-timeout", drain, "--", "bash", "-c", script)
		cmd.Env, cmd.Dir = ofHost(), home
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("exec %d: %v: %s", n, err, out)
		}
	}
	host(1, "100ms")
	time.Sleep(down / 2)
	host(2, "100ms")
	time.Sleep(down / 2)
	s := startServe(t, args...)
	host(3, "500ms")
	s.end(t, syscall.SIGKILL)
	host(4, "100ms")
	s = startServe(t, args...)
	host(5, "500ms")
	s.end(t, syscall.SIGKILL)
	program := "awf-hook"
	if os.Getenv("SOAK") != "" { // of another version
		program = filepath.Join(home, "awf-hook")
		if out, err := exec.Command("go", "build", "-ldflags", "-X main.release=v9.9.9", "-o", program, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	upgraded := exec.Command(program, append([]string{"serve"}, args...)...)
	start(t, upgraded)
	t.Cleanup(func() { _ = upgraded.Process.Kill(); _ = upgraded.Wait() })
	waitFor(t, "the upgraded server", func() bool {
		resp, err := http.Get("http://127.0.0.1:" + port + "/readyz")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	host(6, "1s")
	settings := filepath.Join(home, "awf", "settings.yaml")
	if err := os.Mkdir(filepath.Dir(settings), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, []byte("server: {url: 'http://127.0.0.1:"+port+"', token: '${AWF_HOOK_TOKEN}'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rest := exec.Command("awf-hook", "deliveries", "send", "--now", "--wait-delivered", "--drain-timeout", "60s") // not after its next wait
	rest.Env, rest.Dir = ofHost(), home
	if out, err := rest.CombinedOutput(); err != nil {
		t.Errorf("the rest: %v: %s", err, out)
	}
	waitFor(t, "every run", func() bool { return receiver.count() == runs*perRun })
	twice := 0
	for run, ids := range receiver.runs {
		if len(ids) != 2 && len(ids) != 1 {
			t.Errorf("%s came with %d ids, want those of its start and its end", run, len(ids))
		}
	}
	for _, n := range receiver.ids {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d runs of %d execs arrived with %d deliveries, %d of them in flight at a kill twice", len(receiver.runs), runs,
		len(receiver.ids), twice)
}
