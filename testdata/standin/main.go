// Command standin writes what AWF writes, where AWF writes it, in its order and timing: it plays a recording.
//
//	standin run RECORDING [flags]
//
// A recording is a file of audit and transcript lines, or a folder with audit.jsonl, transcripts/ and states/ as AWF left it.
// Audit lines go to $AWF_AUDIT_LOG ("off" for none, without it $XDG_DATA_HOME/awf/audit.jsonl), transcript lines to
// $XDG_DATA_HOME/awf/transcripts, and the states of runs to states/ under --storage, without it under $XDG_DATA_HOME/awf. With --bus FILE a
// plugin prints there what AWF's bus of events tells it. As with AWF, SIGINT and SIGTERM end it with exit code 0 and no further line.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// line is a line of a recording.
type line struct {
	at   time.Time
	run  string
	file string // the transcript's name; "" is the audit file
	text []byte
}

// options are the flags.
type options struct {
	storage string
	run     string
	part    int
	lines   int
	after   int
	repeat  int
	speed   float64
	exit    int
	die     int
	hang    bool
	signals string
	daemon  string
	closing bool
	took    string
	bus     string
	slow    time.Duration
	late    time.Duration
	linger  time.Duration
}

func parse(args []string) (o options) {
	flags := flag.NewFlagSet("standin", flag.ExitOnError)
	flags.StringVar(&o.storage, "storage", filepath.Join(dataHome(), "awf"), "the folder of states/")
	flags.StringVar(&o.run, "run", "", "play the run of this id only")
	flags.IntVar(&o.part, "part", 0, "play the n-th part only: one that was resumed has two")
	flags.IntVar(&o.lines, "lines", -1, "stop after n lines")
	flags.IntVar(&o.after, "after", 0, "leave out the first n lines")
	flags.IntVar(&o.repeat, "repeat", 1, "play it n times, each with ids of its own")
	flags.Float64Var(&o.speed, "speed", 0, "the recording's time goes n times as fast; 0 does not wait")
	flags.IntVar(&o.exit, "exit", 0, "exit with this code")
	flags.IntVar(&o.die, "die", 0, "die by this signal at the end")
	flags.BoolVar(&o.hang, "hang", false, "wait for SIGINT or SIGTERM at the end")
	flags.StringVar(&o.signals, "signals", "", "append the signals that come to this file, and end a second after the first")
	flags.StringVar(&o.daemon, "daemon", "", "leave a process behind that holds all descriptors for this many seconds")
	flags.BoolVar(&o.closing, "close", false, "close stdin, stdout and stderr at the start")
	flags.StringVar(&o.took, "took", "", "write the time that the playing took to this file")
	flags.StringVar(&o.bus, "bus", "", "a plugin prints the events of AWF's bus to this file")
	flags.DurationVar(&o.slow, "slow", 0, "the plugin takes so long for each event")
	flags.DurationVar(&o.late, "late", 0, "wait so long before the state of a run is saved, as AWF does for a step's post hooks")
	flags.DurationVar(&o.linger, "linger", 0, "wait so long at the end")
	_ = flags.Parse(args)
	return o
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("standin: ")
	if len(os.Args) < 3 || os.Args[1] != "run" {
		log.Fatal("usage: standin run RECORDING [flags]")
	}
	o := parse(os.Args[3:])
	came := make(chan os.Signal, 16)
	signal.Notify(came, syscall.SIGINT, syscall.SIGTERM)
	o.begin()
	play := newPlayer(o.storage)
	play.states, play.late = readStates(os.Args[2]), o.late
	if o.bus != "" {
		play.bus = newBus(o.bus, o.slow)
		play.bus.attempts = play.attempts
	}
	recorded := slices.DeleteFunc(read(os.Args[2], o.part), func(l line) bool { return o.run != "" && l.run != o.run })
	if o.lines >= 0 {
		recorded = recorded[:o.lines]
	}
	recorded = recorded[o.after:]
	began := time.Now()
	for n := range o.repeat {
		if o.repeat > 1 {
			play.again(recorded, n)
		} else {
			play.all(recorded, o.speed, came)
		}
	}
	if o.took != "" {
		must(os.WriteFile(o.took, []byte(time.Since(began).String()), 0o600))
	}
	time.Sleep(o.linger)
	o.end(came)
}

// begin does what is to be done with the descriptors.
func (o options) begin() {
	if o.daemon != "" {
		left := exec.Command("sleep", o.daemon)
		left.Stdin, left.Stdout, left.Stderr = os.Stdin, os.Stdout, os.Stderr
		must(left.Start())
	}
	if o.closing {
		os.Stdin.Close()
		os.Stdout.Close()
		os.Stderr.Close()
	}
}

// end ends the program as the flags say.
func (o options) end(came chan os.Signal) {
	switch {
	case o.signals != "":
		note(<-came, o.signals, came)
	case o.hang:
		<-came
	case o.die != 0:
		signal.Reset()
		must(syscall.Kill(os.Getpid(), syscall.Signal(o.die)))
		select {}
	default:
		os.Exit(o.exit)
	}
}

// note writes the signals that come within a second to a file.
func note(first os.Signal, file string, came chan os.Signal) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	fmt.Fprintln(f, first)
	for after := time.After(time.Second); ; {
		select {
		case sig := <-came:
			fmt.Fprintln(f, sig)
		case <-after:
			return
		}
	}
}

func dataHome() string {
	if folder := os.Getenv("XDG_DATA_HOME"); folder != "" {
		return folder
	}
	return filepath.Join(os.Getenv("HOME"), ".local", "share")
}

// player writes lines as AWF does: both files stay open, each line is one write.
type player struct {
	audit   *os.File
	folder  string
	written map[string]*os.File
	storage string
	states  map[string]state // by run
	late    time.Duration
	holders map[string]int // by run: its open steps that contain others
	bus     *bus           // nil for none
}

func newPlayer(storage string) *player {
	p := &player{folder: filepath.Join(dataHome(), "awf", "transcripts"), written: map[string]*os.File{}, storage: storage, holders: map[string]int{}}
	must(os.MkdirAll(p.folder, 0o750))
	file := os.Getenv("AWF_AUDIT_LOG")
	if file == "off" {
		return p
	}
	if file == "" {
		file = filepath.Join(dataHome(), "awf", "audit.jsonl")
	}
	must(os.MkdirAll(filepath.Dir(file), 0o750))
	var err error
	p.audit, err = os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	return p
}

func (p *player) all(lines []line, speed float64, came chan os.Signal) {
	for i, l := range lines {
		if i > 0 && speed > 0 {
			select {
			case <-time.After(time.Duration(float64(l.at.Sub(lines[i-1].at)) / speed)):
			case <-came:
				os.Exit(0)
			}
		}
		before, after := p.saves(l)
		if before {
			p.writeState(l.run, time.Time{})
		}
		p.write(l.file, l.text)
		if after && i+1 < len(lines) {
			p.writeState(l.run, lines[i+1].at)
		} else if after {
			p.writeState(l.run, time.Time{})
		}
	}
}

// again plays the audit lines once more, with other ids.
func (p *player) again(lines []line, n int) {
	for _, l := range lines {
		if l.file == "" {
			p.write("", bytes.Replace(l.text, []byte(`"execution_id":"`), fmt.Appendf(nil, `"execution_id":"%d-`, n), 1))
		}
	}
}

func (p *player) write(file string, text []byte) {
	if p.bus != nil {
		p.bus.say(text)
	}
	to := p.audit
	if file != "" {
		if to = p.written[file]; to == nil {
			var err error
			to, err = os.OpenFile(filepath.Join(p.folder, file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			must(err)
			p.written[file] = to
		}
	}
	if to != nil {
		_, _ = to.Write(append(text, '\n')) // as with AWF, a line that cannot be written harms no run
	}
}

// read reads a recording, in the order that AWF wrote it.
func read(path string, part int) []line {
	info, err := os.Stat(path)
	must(err)
	if !info.IsDir() {
		return readFile(path, "")
	}
	audit := readFile(filepath.Join(path, "audit.jsonl"), "")
	starts := map[string]int{} // by line
	var lines []line
	current := 1
	for _, l := range audit {
		if starts[string(l.text)]++; starts[string(l.text)] > 1 {
			current++
		}
		if part == 0 || part == current {
			lines = append(lines, l)
		}
	}
	names, err := filepath.Glob(filepath.Join(path, "transcripts", "*.jsonl"))
	must(err)
	var transcripts [][]line
	for _, name := range names {
		transcripts = append(transcripts, readFile(name, filepath.Base(name)))
	}
	slices.SortFunc(transcripts, func(a, b []line) int { return a[0].at.Compare(b[0].at) })
	of := map[string]int{} // files by run
	for _, t := range transcripts {
		var rec struct {
			RunID string `json:"run_id"`
		}
		must(json.Unmarshal(t[0].text, &rec))
		of[rec.RunID]++
		if part == 0 || part == of[rec.RunID] {
			lines = append(lines, t...)
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	return lines
}

// readFile reads a file of lines. Those of a transcript among audit lines go to a file of their run's name.
func readFile(path, file string) []line {
	f, err := os.Open(path)
	must(err)
	defer f.Close()
	var lines []line
	last := map[string]time.Time{} // by run: another one's lines may be of any time
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		var rec struct {
			Event       string
			RunID       string `json:"run_id"`
			ExecutionID string `json:"execution_id"`
			Timestamp   time.Time
		}
		text := bytes.Clone(scanner.Bytes())
		must(json.Unmarshal(text, &rec))
		l := line{rec.Timestamp, rec.RunID + rec.ExecutionID, file, text}
		if file == "" && rec.RunID != "" {
			l.file = rec.RunID + ".jsonl"
		}
		if strings.HasSuffix(rec.Event, ".completed") {
			l.at = l.at.Add(time.Millisecond - 1) // audit lines carry whole milliseconds, cut off
		}
		if l.at.Before(last[l.run]) {
			l.at = last[l.run]
		}
		last[l.run] = l.at
		lines = append(lines, l)
	}
	return lines
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
