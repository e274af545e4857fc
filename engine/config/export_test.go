package config

// ParseAs is for files whose place makes them something else than the user's own.
var ParseAs = parse
