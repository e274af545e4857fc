// Package docs has those of the pages beside it that the command shows.
package docs

import _ "embed"

// Commands is the reference of the commands. It has the texts and the examples of their help.
//
//go:embed commands.md
var Commands string

// Config is the reference of the configuration.
//
//go:embed config.md
var Config string

// Delivery is the reference of events and their delivery.
//
//go:embed delivery.md
var Delivery string
