package engine

import "github.com/awf-project/awf-hook/engine/config"

// Check reports the mistakes in a configuration's globs and expressions, which the config package does not look into.
func Check(cfg *config.Config) config.Errors {
	var mistakes config.Errors
	for i := range cfg.Webhooks {
		_, errs := compileFilter(&cfg.Webhooks[i])
		mistakes = append(mistakes, errs...)
	}
	mistakes.Sort()
	return mistakes
}
