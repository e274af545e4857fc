package format_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV1"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/google/go-github/v75/github"
	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	gitlab "gitlab.com/gitlab-org/api/client-go"
	matrix "maunium.net/go/mautrix/event"
)

// opsgenie-go-sdk knows every member, and finds alerts valid.
func TestOpsgenie(t *testing.T) {
	each(t, "opsgenie", func(c delivery.Content) error {
		if c.URLSuffix != "" {
			return strict(c.Body, &alert.CloseAlertRequest{})
		}
		var request alert.CreateAlertRequest
		if err := strict(c.Body, &request); err != nil {
			return err
		}
		return request.Validate()
	})
}

// datadog-api-client-go knows every member and every value.
func TestDatadog(t *testing.T) {
	each(t, "datadog", func(c delivery.Content) error {
		var request datadogV1.EventCreateRequest
		if err := json.Unmarshal(c.Body, &request); err != nil {
			return err
		}
		if request.UnparsedObject != nil || len(request.AdditionalProperties) > 0 {
			return fmt.Errorf("unknown: %v %v", request.UnparsedObject, request.AdditionalProperties)
		}
		return nil
	})
}

// go-github knows every member.
func TestGitHub(t *testing.T) {
	each(t, "github-dispatch", func(c delivery.Content) error { return strict(c.Body, &github.DispatchRequestOptions{}) })
	each(t, "github-status", func(c delivery.Content) error { return strict(c.Body, &github.RepoStatus{}) })
}

// GitLab's client-go knows every member.
func TestGitLab(t *testing.T) {
	each(t, "gitlab", func(c delivery.Content) error { return strict(c.Body, &gitlab.RunPipelineTriggerOptions{}) })
}

// mautrix knows every member.
func TestMatrix(t *testing.T) {
	each(t, "matrix", func(c delivery.Content) error {
		if err := strict(c.Body, &matrix.MessageEventContent{}); err != nil {
			return err
		}
		return kept(c.Body, &matrix.MessageEventContent{})
	})
}
