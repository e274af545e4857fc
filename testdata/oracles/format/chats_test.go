package format_test

import (
	"encoding/json"
	"testing"

	"github.com/atc0005/go-teams-notify/v2/adaptivecard"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/bwmarrin/discordgo"
	"github.com/go-telegram/bot"
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
