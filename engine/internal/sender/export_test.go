package sender

// WithoutProxy is for a table of its own.
var WithoutProxy = withoutProxy
