package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/secret"
)

// Server is the awf-hook serve that receives all events instead of the settings' webhooks.
type Server struct {
	URL    string // "" for none
	Token  secret.Secret
	Secret secret.Secret
}

var serverKeys = []Key{
	{Path: "url", Kind: KindText, Required: true, read: byText((*decoder).serverURL), Is: "its address: `https://hooks.example.com`"},
	{Path: "token", Kind: KindSecret, Is: "the token for it"},
	{Path: "secret", Kind: KindSecret, Is: "signs the requests instead of a token"},
}

func (d *decoder) serverURL(n node, text string, s *Server) {
	var err error
	if s.URL, err = intakeURL(text); err != nil && d.env != nil {
		d.fail(n, "url.form", "%v", err)
	}
}

// intakeURL returns the URL at which a server accepts events.
func intakeURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("want the address of a server, like https://hooks.example.com")
	}
	if _, err := secret.ParseURL(text); err != nil {
		return "", err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/events"
	}
	return u.String(), nil
}

// serverEntry hands all events to a server. It retries for days, even if the server refuses the token, which may be mended meanwhile.
const serverEntry = `webhooks:
  - name: server
    url: ${URL}
    events: ["*"]
    transform: {format: awf}
    retry: {schedule: [1s, 2s, 5s, 10s, 30s, 1m, 5m, 30m, 1h], max_attempts: 50, statuses: [401, 403]}
`

// handOver replaces the settings' webhooks by one that hands all events to the server of --to or of the settings, if there is one.
func (s Search) handOver(merged *Config) error {
	server := merged.Server
	if s.To != "" {
		var err error
		if server.URL, err = intakeURL(s.To); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		server.Token, server.Secret = secret.New(s.variable("AWF_HOOK_TOKEN")), secret.New(s.variable("AWF_HOOK_SECRET"))
	}
	if server.URL == "" {
		return nil
	}
	text := serverEntry
	if !server.Token.IsZero() {
		text += "    headers: {Authorization: 'Bearer ${TOKEN}'}\n"
	}
	if !server.Secret.IsZero() {
		text += "    secret: ${SECRET}\n    signing: [standard]\n"
	}
	values := map[string]string{"URL": server.URL, "TOKEN": server.Token.Reveal(), "SECRET": server.Secret.Reveal()}
	name := filepath.Join(s.globalFolder(), toFile+strings.ReplaceAll(hostOf(server.URL), "/", ""))
	cfg, err := parse(name, []byte(text), UserFile, func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	})
	for i := range cfg.Webhooks {
		cfg.Webhooks[i].comeFrom(merged.serverPlace(s.To != ""))
	}
	if merged.OnlyServer = s.To != ""; merged.OnlyServer {
		merged.given = nil
	}
	merged.Webhooks, merged.given = cfg.Webhooks, append(merged.given, cfg.Webhooks...)
	return err
}

// toFile begins the name of the file in the identity of a webhook for a server. There is no such file.
const toFile = "--to "

// ServerOf returns the scheme and host of the server that --to or the settings named, if a webhook's file is that of such a server. It
// returns "" for any other file.
func ServerOf(file string) string {
	address, is := strings.CutPrefix(filepath.Base(file), toFile)
	if !is {
		return ""
	}
	return strings.Replace(address, ":", "://", 1)
}

// serverPlace returns the place that names the server: the flag, or the key of the settings.
func (c *Config) serverPlace(flag bool) Pos {
	for _, u := range slices.Backward(c.used) {
		if !flag && u.path == "server.url" {
			return u.pos
		}
	}
	return Pos{File: "--to"}
}

// comeFrom gives a webhook and all its values one place. They name no variables.
func (w *Webhook) comeFrom(at Pos) {
	w.pos = at
	for i := range w.used {
		w.used[i].pos, w.used[i].variables = at, nil
	}
}
