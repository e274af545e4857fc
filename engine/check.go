package engine

import "github.com/awf-project/awf-hook/engine/config"

// Check reports the mistakes in webhooks' globs and expressions, which the config package does not look into.
func Check(webhooks []config.Webhook) config.Errors {
	var mistakes config.Errors
	for i := range webhooks {
		_, errs := compileFilter(&webhooks[i])
		mistakes = append(mistakes, errs...)
	}
	mistakes.Sort()
	return mistakes
}
