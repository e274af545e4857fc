package format

import (
	"fmt"
	"net/url"
	"strings"
)

// hosts maps the hosts of receivers that accept only their own messages to the receivers' formats. A host that begins with a dot means
// all hosts below it.
var hosts = map[string]string{
	"hooks.slack.com":         "slack",
	"discord.com":             "discord",
	"discordapp.com":          "discord",
	"events.pagerduty.com":    "pagerduty",
	"events.eu.pagerduty.com": "pagerduty",
	"api.telegram.org":        "telegram",
	"chat.googleapis.com":     "googlechat",
	".webhook.office.com":     "teams",
	".logic.azure.com":        "teams",
	".api.powerplatform.com":  "teams",
	"api.opsgenie.com":        "opsgenie",
	"api.eu.opsgenie.com":     "opsgenie",
}

// CheckHost returns an objection to sending messages of the format name to a URL, or "". The name is "" for bodies of no format. The text
// quotes no part of the URL.
func CheckHost(u *url.URL, name string) string {
	host := strings.ToLower(u.Hostname())
	its := hosts[host]
	for suffix, receiver := range hosts {
		if suffix[0] == '.' && strings.HasSuffix(host, suffix) {
			its = receiver
		}
	}
	takesSlack := its == "discord" && strings.HasSuffix(u.Path, "/slack")
	switch {
	case its == "" || its == name, name == "slack" && takesSlack:
		return ""
	case name == "":
		return fmt.Sprintf("this receiver takes only messages of its own: want transform: [{format: %s}], or a map that makes one", its)
	}
	return fmt.Sprintf("this is the host of the format %s, not of %s", its, name)
}
