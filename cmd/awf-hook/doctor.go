package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// Bounds of doctor.
const (
	maxReach    = 5 * time.Second // for all receivers together
	maxAWF      = 2 * time.Second // for awf to print its version
	maxMentions = 50              // findings in one section that are shown; others are counted
)

// finding is one result of doctor.
type finding struct {
	Part  string `json:"part"`  // the section: "receivers"
	Level string `json:"level"` // good, warning or error
	Text  string `json:"text"`
}

// Levels of findings.
const (
	good    = "good"
	warning = "warning"
	wrong   = "error"
)

// doctorJSON is doctor's result as --json prints it.
type doctorJSON struct {
	Version  string    `json:"version"`
	At       time.Time `json:"at"`
	Findings []finding `json:"findings"`
}

// doctor checks this machine.
type doctor struct {
	*command
	configFlags
	queue    string
	json     bool
	send     bool
	home     *regexp.Regexp // finds the home directory; nil for none
	broken   bool           // the configuration has mistakes
	findings []finding
}

func (c *command) doctorCommand() *cobra.Command {
	d := doctor{command: c}
	cmd := &cobra.Command{
		Use:  "doctor",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.run() },
	}
	d.configFlags.add(cmd)
	addQueueFlag(cmd.Flags(), &d.queue)
	cmd.Flags().BoolVar(&d.json, "json", false, "print the page as a JSON object")
	cmd.Flags().BoolVar(&d.send, "send", false, "send a sample event to each webhook")
	return cmd
}

// find notes a finding.
func (d *doctor) find(part, level, format string, args ...any) {
	text := strings.NewReplacer("\n\t", "; ", "\n", "; ").Replace(fmt.Sprintf(format, args...)) // a finding is one line
	if d.home != nil {
		text = d.home.ReplaceAllString(text, "${1}~/")
	}
	d.findings = append(d.findings, finding{part, level, text})
}

func (d *doctor) run() error {
	home, _ := os.UserHomeDir()
	d.home = homeOf(home)
	d.level = max(d.level, slog.LevelError) // the printed page shows it
	d.awf()
	cfg, isGood := d.configuration()
	d.broken = !isGood
	if isGood {
		d.receivers(cfg)
	}
	if cfg != nil {
		d.waiting(cfg)
	}
	d.print()
	switch {
	case !isGood:
		return &exitError{code: exitConfig}
	case slices.ContainsFunc(d.findings, func(f finding) bool { return f.Level == wrong }):
		return &exitError{code: exitFailure}
	}
	return nil
}

func (d *doctor) print() {
	page := doctorJSON{Version: version(), At: time.Now().UTC().Truncate(time.Second), Findings: d.findings}
	if d.json {
		encodeIndented(d.out, "", "  ", page)
		return
	}
	fmt.Fprintf(d.out, "awf-hook %s (%s, %s/%s), %s\n",
		page.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, page.At.Format(time.RFC3339))
	show := newPrinter(d.out)
	colours := map[string]string{good: green, warning: yellow, wrong: red}
	part, n := "", 0
	for _, f := range d.findings {
		if n++; f.Part != part {
			part, n = f.Part, 0
			fmt.Fprintf(d.out, "\n%s\n", show.colour(bold, part))
		}
		if n < maxMentions || f.Level == wrong {
			fmt.Fprintf(d.out, "  %s  %s\n", show.colour(colours[f.Level], fmt.Sprintf("%-7s", f.Level)), plain(f.Text))
		}
	}
	count := map[string]int{}
	for _, f := range d.findings {
		count[f.Level]++
	}
	fmt.Fprintf(d.out, "\nerrors: %d, warnings: %d\n", count[wrong], count[warning])
}

// awf checks AWF and the files that it writes.
func (d *doctor) awf() {
	const part = "awf"
	if path, err := exec.LookPath("awf"); err != nil {
		d.find(part, warning, "awf is not on $PATH")
	} else {
		d.version(part, path)
	}
	if audit := engine.AuditFile(os.LookupEnv); audit != "" {
		d.look(part, "audit file", audit)
	} else {
		d.find(part, warning, "AWF_AUDIT_LOG=off: AWF writes no audit file, so follow sees no starts and ends; exec does")
	}
	d.look(part, "transcripts", engine.Transcripts(os.LookupEnv))
	for _, name := range []string{"AWF_CONFIG_HOME", "AWF_WORKFLOWS_PATH", "AWF_HOOK_TRUST"} {
		if value := os.Getenv(name); value != "" {
			d.find(part, good, "%s=%s", name, value)
		}
	}
}

// version asks awf for its version.
func (d *doctor) version(part, path string) {
	ctx, cancel := context.WithTimeout(context.Background(), maxAWF)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.WaitDelay = time.Second / 10
	out, err := cmd.CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	switch {
	case ctx.Err() != nil:
		d.find(part, warning, "%s: awf version did not answer within %v", path, maxAWF)
	case err != nil:
		d.find(part, warning, "%s: awf version: %v", path, err)
	default:
		d.find(part, good, "%s: %s", path, shown(line))
	}
}

// look checks that a file or folder of AWF exists and is readable, and when it was written.
func (d *doctor) look(part, what, path string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.find(part, warning, "%s %s: does not exist yet; AWF makes it on its first run", what, path)
		return
	case err != nil:
		d.find(part, wrong, "%s %v", what, err)
		return
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // opening a pipe does not wait for its writer
	if err != nil {
		d.find(part, wrong, "%s %v", what, err)
		return
	}
	defer f.Close()
	at := info.ModTime()
	if !info.IsDir() && !info.Mode().IsRegular() {
		d.find(part, warning, "%s %s is not a regular file: exec copies AWF's lines to it, follow cannot read it", what, path)
		return
	}
	if !info.IsDir() {
		d.find(part, good, "%s %s: %s, written %s", what, path, size(info.Size()), ago(at))
		return
	}
	const many = 10_000
	names, _ := f.Readdirnames(many) // an empty folder's error is io.EOF
	more := ""
	if len(names) == many {
		more = " or more"
	}
	d.find(part, good, "%s %s: files: %d%s, the last new %s", what, path, len(names), more, ago(at))
}

// configuration checks the configuration. It returns the effective one, and whether it has no mistakes.
func (d *doctor) configuration() (*config.Config, bool) {
	const part = "configuration"
	search := d.search()
	search.Inspect = true
	results := checkFound(search)
	mistakes := 0
	for _, r := range results {
		if r.other != nil {
			mistakes++
			d.find(part, wrong, "%v", r.other)
		}
		for _, m := range r.report() {
			if m.Warning {
				d.find(part, warning, "%s", strings.Replace(m.Error(), ": warning: ", ": ", 1))
				continue
			}
			mistakes++
			d.find(part, wrong, "%v", m)
		}
		if r.config != nil && len(r.config.Files) > 0 && r.good() {
			d.find(part, good, "%s: webhooks: %d", strings.Join(r.config.Files, ", "), len(r.config.Active()))
		}
	}
	cfg, err := d.search().Load() // without untrusted files
	if mistakes > 0 || err != nil {
		if mistakes == 0 {
			d.find(part, wrong, "%v", err)
		}
		return cfg, false
	}
	if len(cfg.Files) == 0 {
		d.find(part, warning, "%s", noSettings(d.search()))
	}
	if off := cfg.Project.Off(); off != "" && cfg.Project.Settings != "" {
		d.find(part, warning, "%s", off)
	}
	return cfg, true
}

// receivers tries to reach each receiver.
func (d *doctor) receivers(cfg *config.Config) {
	const part = "receivers"
	webhooks := cfg.ActiveAnywhere()
	if len(webhooks) == 0 {
		d.find(part, warning, "no webhook is active")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxReach)
	defer cancel()
	for _, p := range engine.ProbeAll(ctx, cfg, webhooks) {
		switch took := p.Took.Round(time.Millisecond); {
		case p.Failure != "":
			d.find(part, wrong, "%s: %s: %s", p.Webhook, p.URL, p.Failure)
		case p.Proxied:
			d.find(part, good, "%s: %s through the proxy at %s, reached in %v; the receiver behind it was not tried",
				p.Webhook, p.URL, p.Address, took)
		case p.TLS == "":
			d.find(part, good, "%s: %s at %s, reached in %v", p.Webhook, p.URL, p.Address, took)
		case time.Until(p.Expires) < 14*24*time.Hour:
			d.find(part, warning, "%s: %s: the receiver's certificate expires on %s", p.Webhook, p.URL, p.Expires.Format(time.DateOnly))
		default:
			d.find(part, good, "%s: %s at %s, reached in %v with %s", p.Webhook, p.URL, p.Address, took, p.TLS)
		}
	}
	if d.send {
		d.samples(cfg, webhooks)
	}
}

// samples sends a sample event to each webhook.
func (d *doctor) samples(cfg *config.Config, webhooks []config.Webhook) {
	const part = "samples"
	var working sync.WaitGroup
	all := make([]*triedJSON, len(webhooks))
	errs := make([]error, len(webhooks))
	turns := make(chan struct{}, 8)
	for i := range webhooks {
		working.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			w := webhooks[i]
			view.SendAny(&w)
			w.Timeout = min(w.Timeout, 2*maxReach)
			all[i], errs[i] = d.trySample(cfg, &w, event.WorkflowError, func(*engine.Preview) error { return nil })
		})
	}
	working.Wait()
	for i, tried := range all {
		name := webhooks[i].Name
		switch {
		case errs[i] != nil:
			d.find(part, wrong, "%s: %v", name, errs[i])
		case len(tried.Timeline) == 0:
			d.find(part, warning, "%s: %s", name, cmp.Or(tried.Why, "nothing was sent"))
		default:
			a := tried.Timeline[0]
			level := good
			if !tried.taken {
				level = wrong
			}
			d.find(part, level, "%s: %s after %v", name, a.Reason, a.Took.Round(time.Millisecond))
			switch skew := a.Skew.Abs(); {
			case a.Status == 0:
			case skew > time.Minute:
				d.find(part, warning, "%s: the receiver's clock and this machine's differ by %v: it may refuse signatures", name, skew)
			default:
				d.find(part, good, "%s: the receiver's clock and this machine's agree within %v", name, max(skew, 2*time.Second))
			}
		}
	}
}

func ago(t time.Time) string {
	if d := time.Since(t); d < 48*time.Hour {
		return d.Round(time.Second).String() + " ago"
	}
	return "on " + t.Format(time.DateOnly)
}
