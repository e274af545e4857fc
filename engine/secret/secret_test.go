package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/secret"
	"gopkg.in/yaml.v3"
)

const (
	password  = "s3cr3t-v4lue"
	maskedURL = "https://hooks.example.com:8443"
)

// credentials returns one value of each type that must not be seen.
func credentials(t *testing.T) (secret.Secret, secret.URL) {
	t.Helper()
	text := "webhooks:\n  - url: https://" + password + ":" + password + "@hooks.example.com:8443/" + password + "?a=" + password + "\n"
	cfg, err := config.Parse("awf-hook.yaml", []byte(text), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(password), cfg.Webhooks[0].URL
}

// printed returns v in every way in which a program might print it.
func printed(t *testing.T, v any) map[string]string {
	t.Helper()
	ways := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%10.3s", "% x", "%!"} {
		ways[verb] = fmt.Sprintf(verb, v)
	}
	ways["Sprint"] = fmt.Sprint(v)
	ways["Sprintln"] = fmt.Sprintln(v)
	ways["error"] = fmt.Errorf("a: %v", v).Error()
	asJSON, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	ways["JSON"] = string(asJSON)
	asYAML, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	ways["YAML"] = string(asYAML)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("said", "v", v, slog.Group("g", "v", v))
	ways["slog text"] = log.String()
	log.Reset()
	slog.New(slog.NewJSONHandler(&log, nil)).Info("said", "v", v, slog.Group("g", "v", v))
	ways["slog JSON"] = log.String()
	return ways
}

func TestCredentialsAreMaskedInEveryPrint(t *testing.T) {
	hidden, url := credentials(t)
	header := config.Header{Name: "Authorization", Value: hidden}
	webhook := config.Webhook{Name: "oncall", URL: url, Secrets: []config.SigningSecret{{Secret: hidden}}, Headers: []config.Header{header}}
	type exported struct {
		Secret secret.Secret
		URL    *secret.URL
	}
	type unexported struct {
		secret secret.Secret
		url    secret.URL
	}
	type embedded struct{ config.Webhook }

	hex := fmt.Sprintf("%x", password)
	for name, v := range map[string]any{
		"secret":             hidden,
		"pointer to secret":  &hidden,
		"URL":                url,
		"pointer to URL":     &url,
		"header":             header,
		"webhook":            webhook,
		"pointer to webhook": &webhook,
		"configuration":      &config.Config{Webhooks: []config.Webhook{webhook}},
		"struct":             exported{hidden, &url},
		"unexported fields":  unexported{hidden, url},
		"pointer to struct":  &unexported{hidden, url},
		"embedded":           embedded{webhook},
		"slice":              []any{hidden, &url},
		"array":              [1]secret.URL{url},
		"map":                map[string]secret.Secret{"a": hidden},
		"map of URLs":        map[string]*secret.URL{"a": &url},
	} {
		for way, got := range printed(t, v) {
			if strings.Contains(got, password) || strings.Contains(strings.ToLower(strings.ReplaceAll(got, " ", "")), hex) {
				t.Errorf("%s as %s = %s, want it masked", name, way, got)
			}
		}
	}
}

func TestMaskedTexts(t *testing.T) {
	hidden, url := credentials(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, hidden); got != "<secret>" {
			t.Errorf("Sprintf(%q, secret) = %q, want <secret>", verb, got)
		}
		if got := fmt.Sprintf(verb, &url); got != maskedURL {
			t.Errorf("Sprintf(%q, &url) = %q, want %s", verb, got, maskedURL)
		}
	}
	if got := hidden.String() + " " + url.String(); got != "<secret> "+maskedURL {
		t.Errorf("as strings: %q, want <secret> and %s", got, maskedURL)
	}
	for _, way := range []string{"JSON", "YAML", "slog text", "slog JSON"} {
		if got := printed(t, url)[way]; !strings.Contains(got, maskedURL) {
			t.Errorf("URL as %s = %s, want %s in it", way, got, maskedURL)
		}
		got := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(printed(t, hidden)[way])
		if !strings.Contains(got, "<secret>") {
			t.Errorf("secret as %s = %s, want <secret> in it", way, got)
		}
	}
}

func TestCredentialsAreRevealedOnDemand(t *testing.T) {
	hidden, url := credentials(t)
	if got := hidden.Reveal(); got != password || hidden.IsZero() {
		t.Errorf("Reveal() = %q, IsZero() = %v, want %q, false", got, hidden.IsZero(), password)
	}
	want := "https://" + password + ":" + password + "@hooks.example.com:8443/" + password + "?a=" + password
	if got := url.Reveal().String(); got != want {
		t.Errorf("Reveal() = %q, want %q", got, want)
	}
	if got := url.Host(); got != "hooks.example.com" {
		t.Errorf("Host() = %q, want hooks.example.com", got)
	}
}

func TestZeroCredentialsAreUsable(t *testing.T) {
	var none config.Webhook
	var zero secret.Secret
	if !zero.IsZero() || zero.Reveal() != "" || !secret.New("").IsZero() {
		t.Errorf("the zero secret = %q, want none", zero.Reveal())
	}
	if got := none.URL.Reveal().String() + none.URL.Host(); got != "" {
		t.Errorf("the zero URL = %q, want nothing", got)
	}
	printed(t, none)
}
