// Package otlp sends spans to an OpenTelemetry collector: OTLP over HTTP, in JSON.
package otlp

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Settings say where spans go.
type Settings struct {
	endpoint string
	header   http.Header
	timeout  time.Duration
	resource map[string]string
	version  string
	masked   string // the endpoint in a form that may be shown
}

// defaultTimeout is how long a request to the collector may take.
const defaultTimeout = 10 * time.Second

// Read reads OpenTelemetry's environment variables. It returns nil if they ask for no spans.
func Read(env func(string) string, version string) (*Settings, error) {
	first := func(names ...string) (name, value string) {
		for _, name = range names {
			if value = strings.TrimSpace(env("OTEL_EXPORTER_OTLP_" + name)); value != "" {
				return "OTEL_EXPORTER_OTLP_" + name, value
			}
		}
		return "", ""
	}
	name, endpoint := first("TRACES_ENDPOINT", "ENDPOINT")
	off := strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") || strings.TrimSpace(env("OTEL_TRACES_EXPORTER")) == "none"
	if endpoint == "" || off {
		return nil, nil
	}
	if protocolName, protocol := first("TRACES_PROTOCOL", "PROTOCOL"); protocol == "grpc" {
		return nil, fmt.Errorf("%s: want http/json, got grpc: name the collector's HTTP port, usually 4318", protocolName)
	}
	target, err := url.Parse(endpoint)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, fmt.Errorf("%s: want an http or https URL", name) // its value may hold a password
	}
	if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
		target = target.JoinPath("v1/traces")
	}
	s := &Settings{header: http.Header{}, timeout: defaultTimeout, version: version, masked: target.Scheme + "://" + target.Host}
	if user := target.User; user != nil {
		password, _ := user.Password()
		request := http.Request{Header: s.header}
		request.SetBasicAuth(user.Username(), password)
		target.User = nil
	}
	s.endpoint = target.String()
	headersName, headers := first("TRACES_HEADERS", "HEADERS")
	for _, pair := range pairs(headers) {
		if pair[0] == "" || strings.ContainsAny(pair[0]+pair[1], "\r\n\x00") {
			return nil, fmt.Errorf("%s: want NAME=VALUE, separated by commas", headersName)
		}
		s.header.Set(pair[0], pair[1])
	}
	if timeoutName, text := first("TRACES_TIMEOUT", "TIMEOUT"); text != "" {
		milliseconds, err := strconv.Atoi(text)
		if err != nil || milliseconds <= 0 {
			return nil, fmt.Errorf("%s: want milliseconds, got %q", timeoutName, text)
		}
		s.timeout = time.Duration(milliseconds) * time.Millisecond
	}
	s.resource = resource(env, version)
	return s, nil
}

// resource returns the attributes of the spans' resource.
func resource(env func(string) string, version string) map[string]string {
	all := map[string]string{"service.name": "awf-hook", "service.version": version, "telemetry.sdk.language": "go"}
	for _, pair := range pairs(env("OTEL_RESOURCE_ATTRIBUTES")) {
		if pair[0] != "" {
			all[pair[0]] = pair[1]
		}
	}
	if name := strings.TrimSpace(env("OTEL_SERVICE_NAME")); name != "" {
		all["service.name"] = name
	}
	return all
}

// pairs parses "a=1,b=2" with percent-encoded values.
func pairs(text string) (list [][2]string) {
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		value = strings.TrimSpace(value)
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		list = append(list, [2]string{strings.TrimSpace(name), value})
	}
	return list
}
