//go:build !linux && !darwin

package sender

const canLook = false

func look(uintptr) error { return nil }
