package sender

// WithoutProxy exports withoutProxy for a test table.
var WithoutProxy = withoutProxy
