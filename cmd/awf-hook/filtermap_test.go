package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const filterMapConfig = `webhooks:
  - url: https://example.com/
    events: [workflow_end]
    filter: workflow_name startsWith "deploy-" and payload.duration > 10
    transform:
      map:
        text: "{{ workflow_name }}: {{ payload.status }} after {{ payload.duration }} s"
        color: '=payload.status == "success" ? "good" : "danger"'
        run: =workflow_id
        seconds: =payload.duration
        exit_code: =payload.exit_code
        note: =payload.note
`

// buildFilterMap builds filtermap, and the program written by hand that does the same.
func buildFilterMap(t testing.TB) (ours, byHand string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"filtermap", "barefiltermap"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), "../../testdata/"+name).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return filepath.Join(dir, "filtermap"), filepath.Join(dir, "barefiltermap")
}

// BenchmarkFilterAndMap prints the CPU time for reading, filtering and mapping 100,000 events, half of them wanted, with
// nothing sent, as a ratio to a program written by hand with encoding/json and structs, measured in turns. Both write the
// same bytes.
func BenchmarkFilterAndMap(b *testing.B) {
	ours, byHand := buildFilterMap(b)
	config := writeConfig(b, "%s", filterMapConfig)
	in, err := os.ReadFile(loadFile(b))
	if err != nil {
		b.Fatal(err)
	}
	if got, want := bodiesOf(b, in, ours, config), bodiesOf(b, in, byHand); !bytes.Equal(got, want) || len(want) == 0 {
		b.Fatalf("the programs write different bodies: %.300s\n%.300s", got, want)
	}
	var oursCPU, handCPU time.Duration
	for range b.N {
		for range 3 {
			oursCPU += cpu(b, in, ours, config)
			handCPU += cpu(b, in, byHand)
		}
	}
	b.ReportMetric(float64(oursCPU)/float64(handCPU), "x-by-hand-CPU")
	b.ReportMetric(float64(oursCPU.Microseconds())/float64(3*b.N)/loadEvents, "us-CPU/event")
	b.ReportMetric(0, "ns/op")
}

func bodiesOf(b *testing.B, in []byte, name string, args ...string) []byte {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	return out
}
