package format_test

import (
	"encoding/json"
	"testing"

	"github.com/RocketChat/Rocket.Chat.Go.SDK/models"
	"github.com/atc0005/go-teams-notify/v2/adaptivecard"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/bwmarrin/discordgo"
	"github.com/go-telegram/bot"
	"github.com/slack-go/slack"
	"google.golang.org/api/chat/v1"
)

// discordgo knows every member. The limits are judged by @discordjs/builders, in node_test.go.
func TestDiscord(t *testing.T) {
	each(t, "discord", func(c delivery.Content) error {
		var message discordgo.WebhookParams
		if err := strict(c.Body, &message); err != nil {
			return err
		}
		return kept(c.Body, &discordgo.WebhookParams{})
	})
}

// go-teams-notify finds the message valid.
func TestTeams(t *testing.T) {
	each(t, "teams", func(c delivery.Content) error {
		var message adaptivecard.Message
		if err := json.Unmarshal(c.Body, &message); err != nil {
			return err
		}
		return message.Validate()
	})
}

// go-telegram knows every member.
func TestTelegram(t *testing.T) {
	each(t, "telegram", func(c delivery.Content) error {
		var message bot.SendMessageParams
		if err := strict(c.Body, &message); err != nil {
			return err
		}
		return kept(c.Body, &bot.SendMessageParams{})
	})
}

// Google's own client library knows every member.
func TestGoogleChat(t *testing.T) {
	each(t, "googlechat", func(c delivery.Content) error {
		if err := strict(c.Body, &chat.Message{}); err != nil {
			return err
		}
		return kept(c.Body, &chat.Message{})
	})
}

// Mattermost takes the messages of Slack's incoming webhooks: slack-go knows every member.
func TestMattermost(t *testing.T) {
	each(t, "mattermost", func(c delivery.Content) error { return strict(c.Body, &slack.WebhookMessage{}) })
}

// Rocket.Chat's own SDK knows every member.
func TestRocketChat(t *testing.T) {
	each(t, "rocketchat", func(c delivery.Content) error { return strict(c.Body, &models.PostMessage{}) })
}
