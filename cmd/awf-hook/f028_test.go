package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// internet is a proxy that plays every host, so that a test can use real-world URLs.
type internet struct {
	url         string
	certificate string // file of the authority of its hosts' certificates

	mu      sync.Mutex
	arrived []arrival
}

// arrival is a request that arrived at a host.
type arrival struct {
	to, signature, body string // to: host, path and the event
}

func startInternet(t *testing.T, hosts ...string) *internet {
	t.Helper()
	cert, file := certificateFor(t, hosts)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := &internet{url: "http://" + ln.Addr().String(), certificate: file}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { in.serve(conn, cert) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		serving.Wait()
	})
	return in
}

// serve answers a CONNECT, and then one request over TLS.
func (in *internet) serve(conn net.Conn, cert tls.Certificate) {
	defer conn.Close()
	connect, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil || connect.Method != http.MethodConnect {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
	request, err := http.ReadRequest(bufio.NewReader(secure))
	if err != nil {
		return
	}
	body, _ := io.ReadAll(request.Body)
	in.mu.Lock()
	to := connect.Host + request.URL.Path + " " + request.Header.Get("X-AWF-Event")
	in.arrived = append(in.arrived, arrival{to, request.Header.Get("X-AWF-Signature"), string(body)})
	in.mu.Unlock()
	_, _ = io.WriteString(secure, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	_ = secure.Close()
}

func certificateFor(t *testing.T, hosts []string) (cert tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: hosts, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// f028Project makes a folder with the global settings in config and a project in project.
func f028Project(t *testing.T) string {
	t.Helper()
	const definition = `name: exit-execution-error
version: "1.0.0"
states:
  initial: failing_command
  failing_command: {type: step, command: exit 42}
`
	dir := t.TempDir()
	for file, text := range map[string]string{
		"config/settings.yaml":                     string(readRoot(t, "testdata/f028/settings.yaml")),
		"project/.awf/workflows/another-name.yaml": definition + string(readRoot(t, "testdata/f028/workflow.yaml")),
	} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func readRoot(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(root + file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// F028's two examples work verbatim: one in the global settings, one in a definition whose name differs from its file's.
func TestF028BlocksWorkVerbatim(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("the system's roots cannot be set by SSL_CERT_FILE here")
	}
	in := startInternet(t, "hooks.example.com", "slack.example.com")
	dir := f028Project(t)
	hook := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.Command("awf-hook", args...)
		cmd.Dir, cmd.Stdin = filepath.Join(dir, "project"), strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "AWF_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_STATE_HOME="+filepath.Join(dir, "state"),
			"WEBHOOK_SECRET=the global one",
			"SLACK_WEBHOOK_SECRET=the workflow's", "HTTPS_PROXY="+in.url, "NO_PROXY=", "SSL_CERT_FILE="+in.certificate)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("awf-hook %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	if shown := hook("", "trust", "--yes"); !strings.Contains(shown, "sends to https://slack.example.com; reads $SLACK_WEBHOOK_SECRET") {
		t.Errorf("trust shows %s", shown)
	}
	checked := hook("", "check")
	for _, want := range []string{"/config/settings.yaml: good, webhooks: 1\n", ".awf/workflows/another-name.yaml: good, webhooks: 1\n"} {
		if !strings.Contains(checked, want) {
			t.Errorf("check said %s, want %s", checked, want)
		}
	}
	// The second run belongs to a workflow without a definition.
	events := string(readRoot(t, "testdata/events/exit-execution-error.jsonl"))
	hook(events+strings.NewReplacer("exit-execution-error", "other", "f00363a5", "f00363a6").Replace(events), "run")

	in.mu.Lock()
	defer in.mu.Unlock()
	want := []string{
		"hooks.example.com:443/awf workflow_error",
		"hooks.example.com:443/awf workflow_error",
		"slack.example.com:443/hook workflow_error",
	}
	var got []string
	for _, r := range in.arrived {
		got = append(got, r.to)
		key := "the global one"
		if strings.HasPrefix(r.to, "slack") {
			key = "the workflow's"
			if !strings.Contains(r.body, `"workflow_name":"exit-execution-error"`) {
				t.Errorf("the workflow's own webhook got %s", r.body)
			}
		}
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(r.body))
		if r.signature != hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%s: X-AWF-Signature = %s, want the HMAC under %s", r.to, r.signature, key)
		}
	}
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(got))); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
