package format_test

import (
	"fmt"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/slack-go/slack"
)

// slack-go knows every member, block and element, and finds the texts valid.
func TestSlack(t *testing.T) {
	each(t, "slack", func(c delivery.Content) error {
		var message slack.WebhookMessage
		if err := kept(c.Body, &message); err != nil {
			return err
		}
		blocks := message.Blocks.BlockSet
		for _, attachment := range message.Attachments {
			blocks = append(blocks, attachment.Blocks.BlockSet...)
		}
		for _, block := range blocks {
			if err := judgeBlock(block); err != nil {
				return err
			}
		}
		return nil
	})
}

func judgeBlock(block slack.Block) error {
	switch block := block.(type) {
	case *slack.HeaderBlock:
		return block.Text.Validate()
	case *slack.RichTextBlock:
		for _, element := range block.Elements {
			switch element := element.(type) {
			case *slack.RichTextSection:
				if err := judgeSection(element.Elements); err != nil {
					return err
				}
			case *slack.RichTextPreformatted:
				if err := judgeSection(element.Elements); err != nil {
					return err
				}
			default:
				return fmt.Errorf("unknown element %T", element)
			}
		}
		return nil
	}
	return fmt.Errorf("unknown block %T", block)
}

func judgeSection(elements []slack.RichTextSectionElement) error {
	for _, element := range elements {
		switch element.(type) {
		case *slack.RichTextSectionTextElement, *slack.RichTextSectionLinkElement, *slack.RichTextSectionUserElement,
			*slack.RichTextSectionUserGroupElement, *slack.RichTextSectionBroadcastElement:
		default:
			return fmt.Errorf("unknown element %T", element)
		}
	}
	return nil
}
