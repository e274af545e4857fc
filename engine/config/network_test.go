package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
)

func TestAllowedRanges(t *testing.T) {
	text := `webhooks: [{url: "https://example.com/"}]` + "\nnetwork: {allow: [10.1.2.3, 10.9.9.9/8, \"fd00::1/8\", \"::1\", \"${RANGE}\"]}\n"
	cfg, err := config.Parse("f.yaml", []byte(text), func(string) (string, bool) { return "192.168.0.0/16", true })
	if got, want := fmt.Sprint(cfg.Allow), "[10.1.2.3/32 10.0.0.0/8 fd00::/8 ::1/128 192.168.0.0/16]"; err != nil || got != want {
		t.Errorf("allow = %s, %v; want %s", got, err, want)
	}
}

// A variable counts as a known secret if the value of its key must not show, and only then.
func TestVariablesOfSecretsAreKnown(t *testing.T) {
	const text = `
webhooks:
  - name: ${NAME}
    url: https://example.com/${URL}
    secret: [{value: "${SECRET}"}, "${SECRET2:-a default}"]
    headers: {Authorization: "Bearer ${TOKEN}"}
    timeout: ${TIMEOUT}
  - {url: "https://example.com/${OTHER}"}
`
	cfg, err := config.Parse("f.yaml", []byte(text), func(name string) (string, bool) {
		if name == "TIMEOUT" {
			return "10s", true
		}
		return name, name != "SECRET2"
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{"URL", "SECRET", "TOKEN"}, {"OTHER"}} {
		var known []string
		for _, s := range cfg.Webhooks[i].Known {
			known = append(known, s.Reveal())
		}
		if !slices.Equal(known, want) {
			t.Errorf("webhook %d knows %q, want %q", i, known, want)
		}
	}
}

// pair writes a certificate and its key, and returns their files.
func pair(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir)
	_, otherKey := pair(t, t.TempDir())
	huge := filepath.Join(dir, "huge.pem")
	if err := os.WriteFile(huge, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, tls string
		mistake   string
		ca, certs bool
	}{
		{"all", fmt.Sprintf("{ca_file: %s, cert_file: %s, key_file: %s}", cert, cert, key), "", true, true},
		{"beside the configuration", "{ca_file: cert.pem}", "", true, false},
		{"certificate alone", fmt.Sprintf("{cert_file: %s}", cert),
			"webhooks[0].tls: want cert_file and key_file, or none of them", false, false},
		{"another's key", fmt.Sprintf("{cert_file: %s, key_file: %s}", cert, otherKey), "no certificate that goes with key_file", false, false},
		{"no certificate", fmt.Sprintf("{ca_file: %s}", key), "no certificate in it", false, false},
		{"huge", fmt.Sprintf("{ca_file: %s}", huge), "over 1 MiB: not a file of certificates", false, false},
		{"nothing", "{}", "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "webhooks: [{url: \"https://example.com/\", tls: " + tt.tls + "}]"
			cfg, err := config.Parse(filepath.Join(dir, "f.yaml"), []byte(text), environment)
			if tt.mistake != "" {
				if err == nil || !strings.Contains(err.Error(), tt.mistake) || strings.Contains(err.Error(), "PRIVATE") {
					t.Errorf("Parse: %v, want %q", err, tt.mistake)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			client := cfg.Webhooks[0].TLS.Client()
			if (client != nil) != (tt.ca || tt.certs) {
				t.Fatalf("client = %v, want one only if the file has an authority or a certificate", client)
			}
			if client != nil && ((client.RootCAs != nil) != tt.ca || (len(client.Certificates) == 1) != tt.certs) {
				t.Errorf("the client has an authority: %v, want %v; %d certificates, want one: %v",
					client.RootCAs != nil, tt.ca, len(client.Certificates), tt.certs)
			}
			if shown := fmt.Sprintf("%+v %#v", cfg.Webhooks[0].TLS, cfg.Webhooks[0].TLS); strings.Contains(shown, "BEGIN") {
				t.Errorf("printing the settings shows a key or a certificate: %s", shown)
			}
			if _, err := config.Parse(filepath.Join(dir, "f.yaml"), []byte(text), config.NoEnv); err != nil {
				t.Errorf("without variables: %v, want no mistake", err)
			}
		})
	}
}
