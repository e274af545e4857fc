package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// The secret is the file's text without its last line break, and has at most 4 KiB. A relative path starts at the configuration's folder.
func TestSecretFile(t *testing.T) {
	dir := t.TempDir()
	const secret = "0123456789abcdef"
	for _, tt := range []struct {
		text, want string
		mistake    string // "" for none
	}{
		{text: secret, want: secret},
		{text: secret + "\n", want: secret},
		{text: secret + "\r\n", want: secret},
		{text: secret + "\n\n", want: secret + "\n"},
		{text: " " + secret + " \n", want: " " + secret + " "},
		{text: "whsec_MDEyMzQ1Njc4OWFiY2RlZg==\n", want: "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="},
		{text: strings.Repeat("s", 4096), want: strings.Repeat("s", 4096)},
		{text: strings.Repeat("s", 4097), mistake: "over 4 KiB: not a secret"},
		{text: "whsec_" + secret + "!\n", mistake: "whsec_"},
		{text: "\n", mistake: "empty"},
	} {
		put(t, filepath.Join(dir, "secrets", "one"), tt.text)
		for _, path := range []string{"secrets/one", filepath.Join(dir, "secrets", "one"), "${FOLDER:-secrets}/one"} {
			cfg, err := config.Parse(filepath.Join(dir, "f.yaml"),
				[]byte("webhooks: [{url: 'https://a.example/', secret_file: '"+path+"'}]"), environment)
			if tt.mistake != "" {
				if err == nil || !strings.Contains(err.Error(), tt.mistake) || strings.Contains(err.Error(), secret) {
					t.Errorf("a file of %d bytes: %v, want %s", len(tt.text), err, tt.mistake)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := secretOf(cfg.Webhooks[0]); got != tt.want {
				t.Errorf("%s with %q: the secret is %q, want %q", path, tt.text, got, tt.want)
			}
		}
	}
	// Without variables no file is opened.
	if _, err := config.Parse("f.yaml", []byte("webhooks: [{url: 'https://a.example/', secret_file: nothing}]"), config.NoEnv); err != nil {
		t.Errorf("without variables: %v", err)
	}
}
