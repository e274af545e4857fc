package signature_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
)

// While a secret is rotated, Sign signs under both, and a receiver that knows one of them verifies the request.
func ExampleSign() {
	const oldSecret, newSecret = "the old secret of ours", "the new secret of ours"
	body, now := []byte(`{"event":"workflow_end"}`), time.Now()
	headers := http.Header{}
	err := signature.Sign(headers, signature.Standard, signature.Message{ID: "msg_1", Time: now, Body: body}, newSecret, oldSecret)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signature.Verify(headers, body, signature.Standard, now, oldSecret))
	fmt.Println(signature.Verify(headers, body, signature.Standard, now, newSecret))
	// Output:
	// <nil>
	// <nil>
}
