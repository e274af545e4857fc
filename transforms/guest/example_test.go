package guest_test

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/awf-project/awf-hook/transforms/guest"
)

// main calls Main and nothing else. In the sandbox Main answers one event after the other; elsewhere, as here, it reads one from stdin.
func ExampleMain() {
	stdin(`{"event":"workflow_error","workflow_name":"deploy","payload":{"status":"failure","error":"exit status 1"}}`)

	guest.Main(func(event []byte) ([]byte, error) {
		var e guest.Event
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, err
		}
		if e.Payload.Status == "success" {
			return nil, guest.Drop
		}
		return json.Marshal(map[string]string{"text": strings.ToUpper(e.WorkflowName) + ": " + e.Payload.Error})
	})
	// Output:
	// {"text":"DEPLOY: exit status 1"}
}

// stdin makes a text what the program reads.
func stdin(text string) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	if _, err := w.WriteString(text); err != nil {
		panic(err)
	}
	w.Close()
	os.Stdin = r
}

// Outside of the sandbox there is no configuration.
func ExampleConfig() {
	if _, ok := guest.Config("channel"); !ok {
		guest.Log(guest.Warn, "no channel: the default one is used")
	}
	// Output:
}

// Log writes to awf-hook's log, never to the body.
func ExampleLog() {
	guest.Log(guest.Debug, "nobody is on call")
	// Output:
}
