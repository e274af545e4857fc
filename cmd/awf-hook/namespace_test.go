package main

import (
	"strings"
	"testing"
)

// Two configurations in one database have their own webhooks of a name, and what waits for a webhook that one of them lost is named with
// the command that hands it over, without the URL's password.
func TestNamespacesShareADatabase(t *testing.T) {
	t.Parallel()
	database := databases.New(t)
	database = strings.Replace(database, "awf@", "awf:hunter2@", 1)
	down := "http://127.0.0.1:" + freePort()
	const text = "queue: {url: %q, namespace: %s}\nwebhooks: [{name: %s, url: %q, retry: {delay: 1h}}]"
	blue, green := writeConfig(t, text, database, "blue", "hook", down), writeConfig(t, text, database, "green", "hook", down)
	for _, config := range []string{blue, green} {
		runHook(t, exitOK, strings.NewReader(envelopes("r", 2)), "run", "-c", config, "--drain-timeout", "1s")
	}
	runHook(t, exitOK, nil, "webhooks", "disable", "hook", "-c", blue)
	for config, want := range map[string][2]string{blue: {"blue#hook", "closed"}, green: {"green#hook", ""}} {
		out, talk := runHook(t, exitOK, nil, "webhooks", "-c", config, "--json")
		if strings.Count(out, `"identity"`) != 1 || field(out, "identity") != want[0] ||
			field(out, "state") == "closed" != (want[1] == "closed") {
			t.Errorf("webhooks shows %s, want %s alone", out, want)
		}
		if strings.Contains(talk, "differ") {
			t.Errorf("webhooks compares the configurations of two namespaces: %s", talk)
		}
		if out, _ := runHook(t, exitOK, nil, "deliveries", "list", "-c", config, "--json"); strings.Count(out, `"msg_`) != 2 {
			t.Errorf("deliveries shows %s, want its own two", out)
		}
	}
	renamed := writeConfig(t, text, database, "green", "other", down)
	_, listed := runHook(t, exitOK, nil, "deliveries", "list", "-c", renamed)
	_, ran := runHook(t, exitOK, strings.NewReader(""), "run", "-c", renamed)
	for _, talk := range []string{listed, ran} {
		if !strings.Contains(talk, "2 waiting for green#hook, which is not in this configuration: "+
			"awf-hook deliveries move -c "+renamed+" --from green#hook --to other") {
			t.Errorf("nobody says that two deliveries wait for a webhook that is gone: %s", talk)
		}
		if strings.Contains(talk, "hunter2") || strings.Contains(talk, "blue") {
			t.Errorf("it shows the password or another namespace: %s", talk)
		}
	}
	runHook(t, exitOK, nil, "deliveries", "move", "-c", renamed, "--from", "green#hook", "--to", "other")
	if out, _ := runHook(t, exitOK, nil, "deliveries", "list", "-c", renamed, "--json"); strings.Count(out, `"green#other"`) != 2 {
		t.Errorf("after the move deliveries shows %s", out)
	}
}

// Without a namespace in the configuration a command sees "default" alone. If that has nothing, it names namespaces that have something.
func TestOtherNamespacesAreNamed(t *testing.T) {
	t.Parallel()
	database := databases.New(t)
	database = strings.Replace(database, "awf@", "awf:hunter2@", 1)
	config := func(namespace string) string {
		return writeConfig(t, "queue: {url: %q%s}\nwebhooks: [{name: hook, url: %q, retry: {delay: 1h}}]",
			database, namespace, "http://127.0.0.1:"+freePort())
	}
	none := writeConfig(t, "{}")
	talk := func(args ...string) string {
		t.Helper()
		_, talk := runHook(t, exitOK, nil, args...)
		if strings.Contains(talk, "hunter2") {
			t.Errorf("%v shows the password: %s", args, talk)
		}
		return talk
	}
	fill := func(namespaces ...string) {
		for _, namespace := range namespaces {
			runHook(t, exitOK, strings.NewReader(envelopes("r", 1)), "run", "-c", config(namespace), "--drain-timeout", "100ms")
		}
	}
	const nothing = "has nothing of the namespace default"
	if got := talk("deliveries", "-c", none, "--queue", database); strings.Contains(got, nothing) {
		t.Errorf("an empty database: %s", got)
	}
	fill(", namespace: blue")
	for _, args := range [][]string{{"deliveries"}, {"deliveries", "list", "--json"}, {"webhooks"}, {"operations"}} {
		got := talk(append(args, "-c", none, "--queue", database)...)
		if !strings.Contains(got, nothing+" but has blue: choose one with queue.namespace in a configuration") {
			t.Errorf("%v: %s", args, got)
		}
	}
	if got := talk("queue", "move", "-c", none, "--from", database, "--to", t.TempDir()+"/queue.db"); !strings.Contains(got, nothing) {
		t.Errorf("queue move: %s", got)
	}
	for _, chosen := range []string{"blue", "green", "default"} {
		if got := talk("deliveries", "-c", config(", namespace: "+chosen)); strings.Contains(got, "nothing of") {
			t.Errorf("%s is chosen: %s", chosen, got)
		}
	}
	fill(", namespace: green", ", namespace: red", ", namespace: white")
	if got := talk("deliveries", "-c", none, "--queue", database); !strings.Contains(got, "but has blue, green, red and 1 more: ") {
		t.Errorf("four namespaces: %s", got)
	}
	fill("")
	if got := talk("deliveries", "-c", none, "--queue", database); strings.Contains(got, nothing) {
		t.Errorf("default has a delivery: %s", got)
	}
}
