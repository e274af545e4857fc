package config

// ParseAs is for files whose place makes them something else than the user's own.
var ParseAs = parse

// Merge merges two files, the second one over the first.
func Merge(first, second *Config) *Config {
	merged := &Config{}
	merged.add(first)
	merged.add(second)
	return merged
}
