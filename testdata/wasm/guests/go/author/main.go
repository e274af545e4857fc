// A guest that uses all of package guest: what it does is what the event says.
package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/awf-project/awf-hook/transforms/guest"
)

func main() { guest.Main(transform) }

func transform(event []byte) ([]byte, error) {
	switch string(event) {
	case `"echo"`:
		return event, nil
	case `"drop"`:
		return nil, fmt.Errorf("no channel: %w", guest.Drop)
	case `"nothing"`:
		return nil, nil
	case `"fail"`:
		return nil, errors.New("no such channel")
	case `"panic"`:
		panic("at the disco")
	case `"log"`:
		guest.Log(guest.Info, "a line")
		return event, nil
	case `"none"`:
		if _, ok := guest.Config("none"); ok {
			return nil, errors.New("a value that nobody gave")
		}
		return event, nil
	case `"config"`:
		value, ok := guest.Config("long")
		if !ok {
			return nil, errors.New("no value")
		}
		return []byte(`"` + value + `"`), nil
	}
	return bytes.ToUpper(event), nil
}
