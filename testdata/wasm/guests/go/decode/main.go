//go:build wasip1

// The number of an event's members: stock Go that decodes the whole event, which takes more fuel than anything else that guests usually do.
package main

import (
	"encoding/json"

	"github.com/awf-project/awf-hook/transforms/guest"
)

func main() {
	guest.Main(func(text []byte) ([]byte, error) {
		var event map[string]any
		if err := json.Unmarshal(text, &event); err != nil {
			return nil, err
		}
		return json.Marshal(len(event))
	})
}
