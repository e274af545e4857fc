package config

// ParseAs parses a file of any origin, such as a project's.
var ParseAs = parse

// Merge merges the second file over the first.
func Merge(first, second *Config) *Config {
	merged := &Config{}
	merged.add(first)
	merged.add(second)
	return merged
}
