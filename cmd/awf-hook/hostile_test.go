package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a command may cost more in a hostile checkout than in an empty folder.
const (
	hostileTime   = time.Second * slowdown * slowdown // the race detector makes some cost 37 times as much
	hostileMemory = 64 << 20                          // bytes
)

// tree is a stranger's checkout: texts by path, and other files.
type tree struct {
	files map[string]string
	links map[string]string // targets by path
	fifos []string
	huge  []string // sparse files of 10 GiB
	sock  []string
}

// plant creates the tree in a folder.
func (tr tree) plant(t testing.TB, dir string) {
	t.Helper()
	at := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		_ = os.RemoveAll(path)
		return path
	}
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range tr.files {
		check(os.WriteFile(at(name), []byte(text), 0o600))
	}
	for name, target := range tr.links {
		check(os.Symlink(target, at(name)))
	}
	for _, name := range tr.fifos {
		check(syscall.Mkfifo(at(name), 0o600))
	}
	for _, name := range tr.huge {
		check(os.WriteFile(at(name), []byte("webhooks:\n"), 0o600))
		check(os.Truncate(filepath.Join(dir, name), 10<<30))
	}
	for _, name := range tr.sock {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: at(name)})
		check(err)
		t.Cleanup(func() { ln.Close() })
	}
}

const (
	settingsPath = ".awf/settings.yaml"
	deployPath   = ".awf/workflows/deploy.yaml"
)

// settings returns a tree with these settings, also in a definition.
func settings(text string) tree {
	return tree{files: map[string]string{settingsPath: text, deployPath: "name: deploy\n" + text}}
}

// hooks returns n webhooks with an additional part each, which gets the number.
func hooks(n int, part string) string {
	var b strings.Builder
	b.WriteString("webhooks:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {url: 'https://h%d.example/', %s}\n", i, strings.ReplaceAll(part, "N", fmt.Sprint(i)))
	}
	return b.String()
}

// definitions returns n workflow definitions.
func definitions(n int, text string) tree {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf(".awf/workflows/w%05d.yaml", i)] = strings.ReplaceAll(text, "N", fmt.Sprint(i))
	}
	files[deployPath] = strings.ReplaceAll(text, "wN", "deploy")
	return tree{files: files}
}

// aliases returns lists of aliases, each with ten aliases of the one before.
func aliases(depth int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x]\n")
	for i := range depth {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	return b.String()
}

// oneFunction returns a wasm module with one function of this body.
func oneFunction(body []byte) string {
	code := leb(len(body)+1) + "\x00" + string(body)
	code = "\x01" + code
	return "\x00asm\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" + "\x0a" + leb(len(code)) + code
}

func leb(n int) string {
	var b []byte
	for {
		c := byte(n & 0x7f)
		if n >>= 7; n == 0 {
			return string(append(b, c))
		}
		b = append(b, c|0x80)
	}
}

// hostileTrees returns checkouts made to cost time or memory, to break the pipe, or to block for ever.
func hostileTrees() map[string]tree {
	long := strings.Repeat("payload.a == 1 or ", 900) + "true"
	shared := "x: &x '" + long + "'\n" + hooks(500, "filter: *x")
	entries := ""
	for i := range 4900 {
		entries += fmt.Sprintf("k%d: payload.a, ", i)
	}
	wasm := func(text string) tree {
		tr := settings("webhooks:\n" + strings.Repeat("  - {url: 'https://a.example/', transform: [{wasm: ./m.wasm}]}\n", 20))
		tr.files[".awf/m.wasm"] = text
		tr.files[".awf/workflows/m.wasm"] = text
		return tr
	}
	return map[string]tree{
		"a good webhook":           settings("webhooks: [{url: 'https://a.example/'}]\n"),
		"10,000 definitions":       definitions(10_000, "name: wN\nwebhooks: [{url: 'https://a.example/'}]\n"),
		"definitions without name": definitions(3_000, strings.Repeat("# comment\n", 2000)),
		"definitions of quotes":    definitions(2_000, "name: \""+strings.Repeat("\\x41", 4000)+"\"\n"),
		"comments up to the bound": settings(strings.Repeat("# long\n", 255<<10/7)),
		"entries up to the bound":  settings("webhooks:\n" + strings.Repeat("- {}\n", 255<<10/5)),
		"keys up to the bound":     settings(strings.Repeat("a: b\n", 255<<10/5)),
		"numbers up to the bound":  settings("webhooks: [" + strings.Repeat("1,", 255<<10/2-10) + "1]\n"),
		"anchors up to the bound":  settings("webhooks: [" + strings.Repeat("&a 1,", 255<<10/5-10) + "1]\n"),
		"tags up to the bound":     settings("webhooks: [" + strings.Repeat("!a 1,", 255<<10/5-10) + "1]\n"),
		"quotes up to the bound":   settings("webhooks: [\"" + strings.Repeat("\\x41", 255<<10/4-10) + "\"]\n"),
		"hooks up to the bound":    settings(hooks(4_000, "name: hN, events: ['*']")),
		"4 MiB of comments":        settings(strings.Repeat("# long\n", 600_000)),
		"4 MiB of one scalar":      settings("webhooks: '" + strings.Repeat("x", 4<<20-100) + "'\n"),
		"4 MiB of entries":         settings("webhooks:\n" + strings.Repeat("- {}\n", 800_000)),
		"4 MiB of keys":            settings(strings.Repeat("a: b\n", 800_000)),
		"4 MiB of webhooks":        settings(hooks(60_000, "events: ['*']")),
		"nested lists":             settings(strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)),
		"nested dashes":            settings(strings.Repeat("- ", 200_000)),
		"nested questions":         settings(strings.Repeat("? ", 200_000)),
		"nested mappings":          settings(strings.Repeat("{a: ", 9_000) + strings.Repeat("}", 9_000)),
		"nested blocks":            settings(nested(1500)),
		"a bomb of aliases":        settings(aliases(12)),
		"a bomb in a webhook":      settings(aliases(8) + "webhooks: *a8\n"),
		"aliases of a webhook": settings("x: &x {url: 'https://a.example/', filter: '" + long + "'}\nwebhooks: [" +
			strings.Repeat("*x,", 5000) + "*x]\n"),
		"merges of merges":     settings("x0: &x0 {url: 'https://a.example/'}\n" + merges(20) + "webhooks: [*x20]\n"),
		"a shared filter":      settings(shared),
		"many filters":         settings(hooks(200, "filter: '"+long+" or workflow_id == \"N\"'")),
		"a nested filter":      settings(hooks(1, "filter: '"+strings.Repeat("(", 8000)+"true"+strings.Repeat(")", 8000)+"'")),
		"a map of expressions": settings(hooks(100, "transform: [{map: {"+entries+"n: N}}]")),
		"a shared map":         settings("m: &m {map: {" + entries + "z: 1}}\n" + hooks(100, "transform: [*m]")),
		"globs":                settings(hooks(500, "events: ['"+strings.Repeat("*a", 500)+"']")),
		"headers":              settings(hooks(500, "headers: {"+strings.Repeat("X-A: b, ", 500)+"X-N: N}")),
		"tests": settings("webhooks: [{url: 'https://a.example/'}]\ntests:\n" +
			strings.Repeat("  - {event: {event: workflow_end}}\n", 60_000)),
		"links to devices": {links: map[string]string{
			settingsPath: "/dev/stdin", deployPath: "/dev/zero", ".awf/workflows/b.yaml": "/dev/stdin", ".awf/workflows/c.yaml": "/dev/tty",
		}},
		"links in a circle": {links: map[string]string{settingsPath: "settings.yaml", ".awf/workflows": "workflows"}},
		"links upwards":     {links: map[string]string{settingsPath: "/etc/passwd", ".awf/workflows": "/proc/self/fd"}},
		"proc as workflows": {links: map[string]string{".awf/workflows": "/proc"}},
		"FIFOs":             {fifos: []string{settingsPath, deployPath, ".awf/workflows/a.yml"}},
		"a FIFO as folder":  {fifos: []string{".awf"}},
		"a FIFO as workflows": {fifos: []string{".awf/workflows"},
			files: map[string]string{settingsPath: "webhooks: [{url: 'https://a.example/'}]\n"}},
		"a FIFO as module": {fifos: []string{".awf/m.wasm"},
			files: map[string]string{settingsPath: hooks(50, "transform: [{wasm: ./m.wasm}]")}},
		"a link as module": {links: map[string]string{".awf/m.wasm": "/dev/zero"},
			files: map[string]string{settingsPath: hooks(50, "transform: [{wasm: ./m.wasm}]")}},
		"a huge module":      {huge: []string{".awf/m.wasm"}, files: map[string]string{settingsPath: hooks(50, "transform: [{wasm: ./m.wasm}]")}},
		"folders as files":   {files: map[string]string{settingsPath + "/a": "", deployPath + "/a": ""}},
		"huge files":         {huge: []string{settingsPath, deployPath, ".awf/workflows/a.yaml"}},
		"sockets":            {sock: []string{".awf/s", ".awf/workflows/d.yaml"}, links: map[string]string{settingsPath: "s"}},
		"a module of zeros":  wasm(strings.Repeat("\x00", 31<<20)),
		"a module of blocks": wasm(oneFunction([]byte(strings.Repeat("\x02\x40", 4900) + strings.Repeat("\x0b", 4901)))),
		"a module of ends":   wasm(oneFunction([]byte(strings.Repeat("\x02\x40\x0b", 700_000) + "\x0b"))),
		"a module of adds":   wasm(oneFunction([]byte("\x41\x00" + strings.Repeat("\x41\x01\x6a", 700_000) + "\x1a\x0b"))),
	}
}

// nested returns mappings nested in each other.
func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// merges returns mappings that each merge the one before ten times.
func merges(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "x%d: &x%d {<<: [%s*x%d]}\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*x%d,", i), 9), i)
	}
	return b.String()
}

// costs are the costs of a process.
type costs struct {
	CPU, Wall time.Duration
	Memory    int64 // bytes, the peak
	Code      int   // negative if it was killed
	Said      string
}

// measured runs a program for two minutes at most and prints its costs as JSON. It is a process of its own, since a
// process's peak memory includes that of its parent before exec.
func measured() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	var said strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &said, &said
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	kill := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait()
	state := cmd.ProcessState
	_ = json.NewEncoder(os.Stdout).Encode(costs{
		CPU: state.UserTime() + state.SystemTime(), Wall: time.Since(begun), Memory: state.SysUsage().(*syscall.Rusage).Maxrss << 10,
		Code: state.ExitCode(), Said: said.String(),
	})
}

// costsOf runs awf-hook in a folder, with its own home.
func costsOf(t testing.TB, dir string, args ...string) (c costs) {
	t.Helper()
	cmd := exec.Command("measured", append([]string{"awf-hook"}, args...)...)
	cmd.Dir = dir
	home := filepath.Dir(dir)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME="+home+"/state", "XDG_CACHE_HOME="+home+"/cache",
		"XDG_DATA_HOME="+home+"/data",
		"AWF_AUDIT_LOG=")
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.Code < 0 {
		t.Errorf("awf-hook %q did not end: %.300s", args, c.Said)
	}
	return c
}

// Whatever a checkout contains, a command in it starts within its limits, whether the checkout is untrusted, changed
// since it was trusted, or trusted. SOAK=1 (make soak) tries all of them.
//
//test:alone it measures processor time and memory
func TestHostileCheckoutsCostLittle(t *testing.T) {
	awf := buildStandin(t)
	recording := recordRun(t, "deploy")
	quick := []string{"--", "true"}
	runs := []string{"--", awf, "run", recording}
	trees := hostileTrees()
	base := map[string]costs{}
	names := []string{"keys up to the bound", "a shared map", "links to devices", "FIFOs", "a huge module"}
	if os.Getenv("SOAK") != "" {
		names = slices.Sorted(maps.Keys(trees))
	}
	for _, name := range append([]string{"nothing"}, names...) {
		for _, trusted := range []string{"unknown", "changed", "trusted"} {
			dir := filepath.Join(t.TempDir(), "project")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			args := []string{"exec", "--drain-timeout", "100ms"}
			switch trusted {
			case "changed":
				settings("webhooks: [{url: 'https://good.example/'}]\n").plant(t, dir)
				if c := costsOf(t, dir, "trust", "--yes"); !strings.Contains(c.Said, "good.example") {
					t.Fatal(c.Said)
				}
				if err := os.RemoveAll(dir + "/.awf"); err != nil {
					t.Fatal(err)
				}
			case "trusted":
				args = append(args, "--trust-project")
			}
			trees[name].plant(t, dir) // nothing has none
			for _, does := range [][]string{quick, runs} {
				key := fmt.Sprint(trusted, len(does))
				got := costsOf(t, dir, append(args, does...)...)
				if name == "nothing" {
					base[key] = got
				}
				cpu, memory := got.CPU-base[key].CPU, got.Memory-base[key].Memory
				line := fmt.Sprintf("%-26s %-8s %-5s %5d ms, %4d MiB over the base: %.100q", name, trusted,
					does[1][max(0, len(does[1])-4):], cpu.Milliseconds(), memory>>20, got.Said)
				t.Log(line)
				if cpu > hostileTime || memory > hostileMemory && !raceEnabled {
					t.Error("costs too much: ", line)
				}
			}
		}
	}
}
