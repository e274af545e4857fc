package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
)

// An error names the server as the user did. It asks for a token only if the server did not know one.
func TestErrorsNameTheServer(t *testing.T) {
	said := func(address string) string {
		client, err := api.Dial(address, "sesame-open-it")
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Webhooks(t.Context())
		return err.Error()
	}
	for status, want := range map[int]string{
		http.StatusUnauthorized: "no: set a token in $AWF_HOOK_TOKEN", http.StatusForbidden: "no", http.StatusConflict: "no",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":"no"}`)
		}))
		if got := said(server.URL); got != strings.TrimPrefix(server.URL, "http://")+": "+want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
		server.Close()
	}
	if socket := "unix:" + t.TempDir() + "/none"; !strings.HasPrefix(said(socket), socket+": ") {
		t.Errorf("%s: %s", socket, said(socket))
	}
}
