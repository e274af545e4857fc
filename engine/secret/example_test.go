package secret_test

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/awf-project/awf-hook/engine/secret"
)

// A Secret prints as a mask in every format. Reveal returns the value.
func ExampleNew() {
	token := secret.New("a token of ours")
	fmt.Printf("%v %q %#v %t\n", token, token, token, token.IsZero())
	fmt.Println(token.Reveal())
	// Output:
	// <secret> <secret> <secret> false
	// a token of ours
}

// A URL shows scheme and host. Its path and query may be credentials.
func ExampleNewURL() {
	u, err := secret.ParseURL("https://hooks.example.com/T0/B1?key=1")
	if err != nil {
		fmt.Println(err)
		return
	}
	address := secret.NewURL(u)
	fmt.Println(address, address.Host(), address.Reveal().Path)
	// Output: https://hooks.example.com hooks.example.com /T0/B1
}

// ParseURL encodes what people write into a query. Its errors quote nothing.
func ExampleParseURL() {
	u, err := secret.ParseURL("https://hooks.example.com/?title=it broke")
	fmt.Println(u, err)
	_, err = secret.ParseURL("https://hooks.example.com:port/T0/B1")
	fmt.Println(err)
	// Output:
	// https://hooks.example.com/?title=it%20broke <nil>
	// want a port from 1 to 65535
}

// A Masker removes secrets from texts, in JSON also by key.
func ExampleNewMasker() {
	masker := secret.NewMasker([]string{"a token of ours"}, []string{"password"})
	fmt.Println(masker.Text("GET /?token=a+token+of+ours"))
	fmt.Println(string(masker.Body([]byte(`{"user":"ci","password":"p"}`))))
	fmt.Println(masker.Value(map[string]any{"token": "a token of ours"}))
	// Output:
	// GET /?token=<secret>
	// {"user":"ci","password":"<secret>"}
	// map[token:<secret>]
}

// Handler masks what a program logs.
func ExampleMasker_Handler() {
	masker := secret.NewMasker([]string{"a token of ours"}, nil)
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(masker.Handler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})))
	log.Info("sent", "header", "Bearer a token of ours")
	// Output: level=INFO msg=sent header="Bearer <secret>"
}
