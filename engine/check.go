package engine

import (
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/transforms"
)

// Check reports the mistakes in webhooks' globs, expressions and transforms, which the config package does not look into.
func Check(webhooks []config.Webhook) config.Errors {
	var mistakes config.Errors
	for i := range webhooks {
		_, errs := compileFilter(&webhooks[i])
		mistakes = append(mistakes, errs...)
		_, errs = compileOrderBy(&webhooks[i])
		mistakes = append(mistakes, errs...)
		_, errs = transforms.Compile(webhooks[i].Transform)
		mistakes = append(mistakes, errs...)
	}
	mistakes.Sort()
	return mistakes
}
