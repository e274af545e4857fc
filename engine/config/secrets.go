package config

import (
	"net/url"

	"github.com/awf-project/awf-hook/engine/secret"
)

// Secrets lists the secrets beside those of webhooks: of the queue's database, of serve, and of the server that receives the events.
func (c *Config) Secrets() (list []secret.Secret) {
	add := func(s secret.Secret) {
		if !s.IsZero() {
			list = append(list, s)
		}
	}
	add(c.Queue.URL)
	if u, err := url.Parse(c.Queue.URL.Reveal()); err == nil {
		password, _ := u.User.Password()
		add(secret.New(password))
		add(secret.New(u.Query().Get("password")))
	}
	for _, s := range c.Serve.Secrets {
		add(s.Secret)
	}
	add(c.Server.Token)
	add(c.Server.Secret)
	return list
}
