package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The runs of testdata/events/storage with the states that AWF kept of them: exit codes, attempts, tokens and retries arrive,
// by exec, which reads them as they are written, and by follow, which finds them finished; from AWF's own folder and from
// another --storage.
//
//test:alone in a loop a step waits 250 ms for its state, which a busy machine exceeds
func TestStatesArrive(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	want := wanted(t, "storage")
	slices.Sort(want)
	for name, args := range map[string][]string{"own": nil, "moved": {"--storage", "elsewhere"}} {
		t.Run("exec "+name, func(t *testing.T) {
			t.Parallel()
			url, end := startListen(t, "--json")
			h := newHome(t, awf)
			h.run(h.exec(writeConfig(t, everything, url), append([]string{abs(t, recordings+"/storage"), "--speed", "1000"}, args...)...), 0)
			compareStates(t, want, end())
		})
		t.Run("follow "+name, func(t *testing.T) {
			t.Parallel()
			url, end := startListen(t, "--json")
			h := newHome(t, awf)
			h.run(h.command(awf, append([]string{"run", abs(t, recordings+"/storage")}, args...)...), 0)
			hook := h.follow(writeConfig(t, everything, url), append([]string{"--from-start"}, args...)...)
			h.readAll()
			stop(t, hook)
			lines, unstarted := end(), 0 // two runs have no audit lines, and only their states have their names
			lines = strings.Join(slices.DeleteFunc(strings.SplitAfter(lines, "\n"), func(line string) bool {
				is := strings.Contains(line, `\"workflow_name\":\"tmo\"`) || strings.Contains(line, `\"workflow_name\":\"hard2\"`)
				if is {
					unstarted++
				}
				return is
			}), "")
			compareStates(t, want, lines)
			if unstarted != 4 {
				t.Errorf("%d events of runs without a start, want 4", unstarted)
			}
		})
	}
	// AWF saves a step's state after the step's post hooks, which may take long.
	for workflow, run := range map[string]string{
		"retry": "0745cf41-6abb-47ce-83de-9fa7722c7cc6", "agent": "24547726-fe82-47c2-87d2-3c803d265ad5",
	} {
		t.Run("late "+workflow, func(t *testing.T) {
			t.Parallel()
			url, end := startListen(t, "--json")
			h := newHome(t, awf)
			h.run(h.exec(writeConfig(t, everything, url), abs(t, recordings+"/storage"), "--run", run, "--late", "800ms"), 0)
			compareStates(t, slices.DeleteFunc(slices.Clone(want),
				func(body string) bool { return !strings.Contains(body, run) }), end())
		})
	}
	t.Run("pipe", func(t *testing.T) {
		t.Parallel()
		url, end := startListen(t, "--json")
		config := writeConfig(t, "webhooks: [{url: %q, max_in_flight: 1}]", url)
		audit, err := os.ReadFile(recordings + "/storage/audit.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		runHook(t, exitOK, bytes.NewReader(audit), "run", "-c", config, "--storage", recordings+"/storage")
		compareStates(t, slices.DeleteFunc(slices.Clone(want),
			func(body string) bool { return !strings.HasPrefix(body, `{"event":"workflow_`) }), end())
	})
}

func compareStates(t *testing.T, want []string, lines string) {
	t.Helper()
	var got []string
	for _, r := range received(t, lines) {
		got = append(got, r.Body)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
}
