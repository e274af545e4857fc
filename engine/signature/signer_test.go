package signature_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
)

// A signer's signatures are those of Sign, however many goroutines use it, and whatever it signed before.
func TestSignerSignsAsSign(t *testing.T) {
	for _, v := range vectors(t) {
		signer, err := signature.NewSigner(v.Scheme, v.Secrets...)
		if v.Custom != nil {
			signer, err = v.Custom.Signer(v.Secrets...)
		}
		if err != nil {
			t.Fatal(err)
		}
		var signing sync.WaitGroup
		for i := range 8 {
			signing.Go(func() {
				for n := range 20 {
					v := v
					v.ID, v.Body, v.Timestamp = fmt.Sprint(v.ID, i), v.Body+fmt.Sprint(i, n), v.Timestamp+int64(n)
					want, got := http.Header{}, http.Header{"X-Other": {"1"}}
					m := signature.Message{ID: v.ID, Time: time.Unix(v.Timestamp, 0), Body: []byte(v.Body)}
					if err := v.sign(want); err != nil {
						t.Error(err)
					}
					if err := signer.Sign(got, m); err != nil {
						t.Error(err)
					}
					delete(got, "X-Other")
					if !maps.EqualFunc(got, want, slices.Equal) {
						t.Errorf("%s: %v, want %v", v.Name, got, want)
					}
				}
			})
		}
		signing.Wait()
	}
}

func TestSignerRefuses(t *testing.T) {
	for name, make := range map[string]func() (*signature.Signer, error){
		"unknown scheme": func() (*signature.Signer, error) { return signature.NewSigner("none", plain) },
		"no secret":      func() (*signature.Signer, error) { return signature.NewSigner(signature.AWF) },
		"no key":         func() (*signature.Signer, error) { return signature.NewSigner(signature.Standard, "whsec_%") },
		"bad parts":      func() (*signature.Signer, error) { return signature.Custom{}.Signer(plain) },
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	signer, err := signature.NewSigner(signature.Standard, plain)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	if err := signer.Sign(h, signature.Message{ID: "a.b", Time: time.Now()}); err == nil || len(h) > 0 {
		t.Errorf("an id with a dot: %v, %v", err, h)
	}
}
