package signature_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
)

// A secret of Standard Webhooks is base64 of the key; any other secret is the key.
func ExampleKey() {
	key, err := signature.Key("whsec_YSBzZWNyZXQgb2Ygb3VycyBmb3IgdGhpcw==")
	fmt.Println(string(key), err)
	key, err = signature.Key("a secret of ours")
	fmt.Println(string(key), err)
	// Output:
	// a secret of ours for this <nil>
	// a secret of ours <nil>
}

func ExampleNewSecret() {
	secret := signature.NewSecret()
	fmt.Println(strings.HasPrefix(secret, "whsec_"), secret == signature.NewSecret())
	// Output: true false
}

// A sender of many messages makes its Signer once.
func ExampleNewSigner() {
	const secret = "a secret of ours"
	signer, err := signature.NewSigner(signature.AWF, secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	for _, body := range []string{`{"event":"workflow_start"}`, `{"event":"workflow_end"}`} {
		headers := http.Header{}
		if err := signer.Sign(headers, signature.Message{ID: "msg_1", Time: now, Body: []byte(body)}); err != nil {
			fmt.Println(err)
		}
		fmt.Println(signature.Verify(headers, []byte(body), signature.AWF, now, secret))
	}
	// Output:
	// <nil>
	// <nil>
}

// Check finds mistakes in a scheme, and Signer signs many messages by it.
func ExampleCustom_Signer() {
	scheme := signature.Custom{Header: "X-Shop-Signature", Template: "{timestamp}.{body}", TimestampHeader: "X-Shop-Time"}
	if err := scheme.Check(); err != nil {
		fmt.Println(err)
	}
	signer, err := scheme.Signer("a secret of ours")
	if err != nil {
		fmt.Println(err)
		return
	}
	headers := http.Header{}
	err = signer.Sign(headers, signature.Message{Time: time.Unix(1_700_000_000, 0), Body: []byte("{}")})
	fmt.Println(len(headers.Get("X-Shop-Signature")), headers.Get("X-Shop-Time"), err)
	fmt.Println(signature.Custom{Header: "X-Shop-Signature", Hash: "md5"}.Check())
	// Output:
	// 64 1700000000 <nil>
	// hash: want sha256 or sha512
}
