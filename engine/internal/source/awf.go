package source

import (
	"path/filepath"
	"slices"
	"strings"
)

// Env looks up an environment variable.
type Env func(name string) (string, bool)

func (env Env) get(name string) string {
	value, _ := env(name)
	return value
}

// dataFolder returns the folder where AWF keeps its audit file, its transcripts and, without --storage, the states of its
// runs.
func dataFolder(env Env) string {
	if folder := env.get("XDG_DATA_HOME"); folder != "" {
		return filepath.Join(folder, "awf")
	}
	return filepath.Join(env.get("HOME"), ".local", "share", "awf")
}

// AuditFile returns the file that AWF writes its audit trail to; "" if it writes none.
func AuditFile(env Env) string {
	switch file := env.get("AWF_AUDIT_LOG"); file {
	case "off":
		return ""
	case "":
		return filepath.Join(dataFolder(env), "audit.jsonl")
	default:
		return file
	}
}

// Transcripts returns the folder that AWF writes its transcripts to.
func Transcripts(env Env) string { return filepath.Join(dataFolder(env), "transcripts") }

// packed returns the pack's workflow, "PACK/NAME", that AWF's arguments name; "" if they name none.
func packed(args []string) string {
	run := slices.Index(args, "run")
	if run < 0 {
		return ""
	}
	for _, arg := range args[run+1:] {
		pack, name, isPack := strings.Cut(arg, "/")
		if isPack && pack != "" && name != "" && pack[0] != '-' && !strings.ContainsAny(pack, "=.~") && !strings.Contains(name, "/") {
			return arg
		}
	}
	return ""
}

// Storage returns the folder where AWF keeps the states of its runs, if it is called with these arguments.
func Storage(args []string, env Env) string {
	storage := dataFolder(env)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, given := strings.CutPrefix(arg, "--storage="); given {
			storage = value
		} else if arg == "--storage" && i+1 < len(args) {
			storage = args[i+1]
		}
	}
	return storage
}
