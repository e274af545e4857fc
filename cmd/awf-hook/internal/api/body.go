package api

import (
	"fmt"
	"io"
	"net/http"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// Read decodes a call's body of up to limit bytes. An unknown or repeated member is an error.
func Read(r *http.Request, limit int64, into any) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("over %d bytes", limit)
	}
	if err == nil {
		err = jsonbytes.Strict(text, into)
	}
	if err != nil {
		return badCall{fmt.Errorf("the body: %w", err)}
	}
	return nil
}
