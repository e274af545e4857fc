package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/page"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/spf13/cobra"
)

// defaultListen is where serve listens by default.
const defaultListen = "127.0.0.1:8470"

// daemon is a running serve.
type daemon struct {
	*session
	command  *command
	listen   string
	insecure bool
	debug    bool
	follow   engine.Follow
	project  string

	access      server.Access
	server      atomic.Pointer[server.Server] // nil until it answers
	certificate *server.Certificate           // nil without TLS
	listeners   []net.Listener
	keeper      *keeper
	seen        *view.Seen        // for the page
	mistakes    string            // of the last reload; "" if it was good
	definitions string            // the mistakes of workflows' definitions; "" for none
	taken       map[string]string // look's result for the files of the current configuration
	flags       []config.Value    // what flags say instead of the configuration
	hangups     chan os.Signal    // SIGHUPs, from the start to the end of the process: none of them ends it
}

func (c *command) serveCommand() *cobra.Command {
	d := &daemon{session: &session{adopts: true, isServer: true}, command: c}
	cmd := &cobra.Command{
		Use:  "serve",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.serve() },
	}
	d.addFileFlag(cmd.Flags())
	d.addTrustFlag(cmd)
	d.addFlags(cmd, 30*time.Second, "how long to go on delivering at the end")
	flags := cmd.Flags()
	addFollowFlags(flags, &d.follow, &d.project, "end a workflow run in a followed file that was quiet for this long (default: never)")
	flags.StringVar(&d.listen, "listen", "",
		"the `ADDRESS` to listen on, or unix:PATH (default: the configuration's, else "+defaultListen+")")
	flags.StringArrayVar(&d.follow.Paths, "follow", nil,
		"also deliver the events of this audit file or transcripts folder `PATH`; may be repeated")
	flags.DurationVar(&d.grace, "lame-duck", 5*time.Second, "how long to accept events after the first signal, while /readyz answers 503")
	flags.BoolVar(&d.insecure, "insecure-listen", false, "allow an address that others can reach without TLS or without a token")
	flags.BoolVar(&d.debug, "debug", false, "answer /debug/pprof, on this machine's own addresses only")
	return cmd
}

// serve opens everything that can fail before it reports that it is ready.
func (d *daemon) serve() error {
	c := d.command
	if d.listen != "" && !config.IsListen(d.listen) {
		return fmt.Errorf("--listen: want %s, got %q", config.ListenForm, d.listen)
	}
	d.hangups = make(chan os.Signal, 1)
	signal.Notify(d.hangups, syscall.SIGHUP)
	if err := d.enterProject(); err != nil {
		return failure(err)
	}
	before := look(d.search().Places())
	cfg, err := c.load(d.search())
	if err != nil {
		return err
	}
	d.flags = d.overriding()
	d.config, d.queue = cfg, queueFile(d.search(), cfg, d.queue)
	d.taken = look(d.watched())
	maps.Copy(d.taken, before) // later changes are loaded once serve runs
	if d.queue == "" || d.queue == engine.Memory {
		return &exitError{exitConfig, errors.New("serve needs a queue in a file or a database: it promises that events are stored")}
	}
	if err := d.bind(); err != nil {
		return failure(err)
	}
	defer d.close()
	d.keeper = &keeper{}
	if file := d.queueFile(); file != "" {
		d.keeper.path = file + ".keeper"
	}
	defer d.keeper.close()
	d.metrics = server.NewMetrics(version())
	d.seen = view.NewSeen()
	d.options = engine.Options{Keeps: d.keeper.holds, Serves: true, Observer: d.seen.Observer(d.metrics.Observer(followSource))}
	d.feed, d.leaving = d.work, d.leave
	return d.session.run(c)
}

// overriding returns what flags say instead of the configuration.
func (d *daemon) overriding() (list []config.Value) {
	if d.queue != "" {
		key := "queue.path"
		if config.IsDatabase(d.queue) {
			key = "queue.url"
		}
		list = append(list, config.Value{Key: key, Text: engine.QueueName(d.queue), Place: "--queue"})
	}
	if d.listen != "" {
		list = append(list, config.Value{Key: "serve.listen", Text: d.listen, Place: "--listen"})
	}
	return list
}

// enterProject makes the flags' paths absolute and enters the project's folder, as AWF does.
func (d *daemon) enterProject() error {
	var err error
	if len(d.follow.Paths) > 0 {
		d.command.sayMissing("serve", d.follow.Paths)
		if d.follow.Paths, err = followed(d.follow.Paths); err != nil {
			return err
		}
	}
	socket, isSocket := strings.CutPrefix(d.listen, unixSocket)
	if !isSocket {
		return d.session.enterProject(d.project)
	}
	err = d.session.enterProject(d.project, &socket)
	d.listen = unixSocket + socket
	return err
}

const unixSocket = "unix:" // comes before the path of a socket in --listen

// bind opens the listeners. It refuses a public one without a token and TLS, and a socket that others can open without a token.
func (d *daemon) bind() error {
	var err error
	d.readAccess(d.config)
	if d.listeners, err = server.Listen(d.address()); err != nil {
		return err
	}
	for _, ln := range d.listeners {
		isOpen := len(d.access.Tokens)+len(d.access.Secrets) == 0
		_, isSocket := ln.Addr().(*net.UnixAddr)
		switch {
		case server.IsPrivate(ln):
			continue
		case d.debug:
			err = fmt.Errorf("--debug: %s is not one of this machine's own addresses", ln.Addr())
		case isSocket && isOpen && !d.insecure:
			err = fmt.Errorf("%s: other users can open this socket: let its unit have SocketMode=0600, set serve.tokens in the configuration, "+
				"or pass --insecure-listen", ln.Addr())
		case isSocket:
			continue
		case d.insecure:
			d.command.logger().Warn("other machines can reach this address without TLS or without a token", "address", ln.Addr().String())
		case isOpen:
			err = fmt.Errorf("%s: other machines can reach this address: set serve.tokens in the configuration, or pass --insecure-listen",
				ln.Addr())
		case d.certificate == nil:
			err = fmt.Errorf("%s: other machines can reach this address: set serve.tls in the configuration, or pass --insecure-listen", ln.Addr())
		}
		if err != nil {
			d.close()
			return err
		}
	}
	return nil
}

// isPublic reports whether others can reach an address.
func (d *daemon) isPublic() bool {
	return slices.ContainsFunc(d.listeners, func(ln net.Listener) bool { return !server.IsPrivate(ln) })
}

func (d *daemon) close() {
	for _, ln := range d.listeners {
		ln.Close()
	}
}

// work serves until ctx ends.
func (d *daemon) work(ctx context.Context, eng *engine.Engine) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d.metrics.Watch(server.NewQueue(eng, d.queueFile(), d.command.logger()))
	d.metrics.Loaded(metered(eng), d.sources(), nil)
	options := server.Options{
		Commit: eng.Commit, Differs: eng.Differs, Ready: eng.Ready, Log: d.command.logger(),
		Metrics: d.metrics.Handler(), Refused: d.metrics.Refused, Took: d.took, Span: d.options.Observer.Span,
	}
	desk := view.New(view.Options{Engine: eng, Seen: d.seen, Log: d.command.logger(), ModuleCache: moduleCache(), Env: os.LookupEnv,
		Version: version(), Flags: d.flags, Stale: func() string { return d.server.Load().Stale() }})
	people := page.New(desk)
	options.API, options.Page, options.Login = desk.Handler(), people, people.Login
	if d.debug {
		options.Debug = server.Pprof()
	}
	answers := server.New(options, d.access)
	d.server.Store(answers)
	var secure *tls.Config
	if d.certificate != nil {
		secure = d.certificate.TLS()
	}
	var working sync.WaitGroup
	failed := make(chan error, len(d.listeners)+1)
	for _, ln := range d.listeners {
		tls := secure
		if _, isUnix := ln.Addr().(*net.UnixAddr); isUnix {
			tls = nil
		}
		working.Go(func() { failed <- answers.Run(ctx, ln, tls) })
		d.command.sayf("listening on %s", ln.Addr())
	}
	if len(d.follow.Paths) > 0 {
		print := d.command.printBroken()
		d.follow.State = d.search().StateFolder()
		d.follow.Broken = func(err *event.LineError) {
			d.metrics.Refused(followSource, server.Bad, 1)
			print(err)
		}
		working.Go(func() { failed <- eng.Follow(ctx, d.follow) })
	}
	working.Go(func() { desk.Run(ctx) })
	working.Go(func() { d.watch(ctx, eng) })
	working.Go(func() { server.Watchdog(ctx, eng.Turned) })
	server.Notify(server.IsReady)
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	server.Notify(server.IsStopping)
	stop()
	working.Wait()
	return err
}

// took notes an event that arrived over HTTP.
func (d *daemon) took(source string, ev *event.Event, fate engine.Fate) {
	d.seen.Event(ev, fate)
	d.metrics.Took(source, ev, fate)
}

// queueFile returns the queue's file; "" if the queue is not a file.
func (d *daemon) queueFile() string {
	if config.IsDatabase(d.queue) {
		return ""
	}
	return d.queue
}

// leave runs at the first signal: it makes the server unready, so that load balancers go elsewhere.
func (d *daemon) leave() {
	if s := d.server.Load(); s != nil {
		s.Drain()
	}
}

// readAccess reads from a configuration who may send events, and the certificate.
func (d *daemon) readAccess(cfg *config.Config) {
	if certificate := cfg.Serve.Certificate(); certificate != nil {
		if d.certificate == nil {
			d.certificate = &server.Certificate{}
		}
		d.certificate.Set(*certificate)
	}
	d.access = server.Access{
		Hosts: slices.Concat(cfg.Serve.Hosts, d.ownNames(cfg)), Rate: cfg.Serve.Rate.PerSecond(), Secrets: cfg.Serve.Secrets,
	}
	if page := cmp.Or(cfg.Serve.Page, "read"); page != "off" {
		d.access.Page, _ = access.ParseRole(page) // the configuration checked it
	}
	for _, t := range cfg.Serve.Tokens {
		token := server.Token{Name: t.Name, SHA256: t.SHA256, Rate: t.Rate.PerSecond()}
		if token.Sends = t.Role == "" || t.Role == "send" || t.Role == "admin"; t.Role != "" && t.Role != "send" {
			token.Role, _ = access.ParseRole(t.Role)
		}
		d.access.Tokens = append(d.access.Tokens, token)
	}
}

// ownNames returns the server's names without serve.hosts: that of its address, and those of its certificate.
func (d *daemon) ownNames(cfg *config.Config) (names []string) {
	if host, _, err := net.SplitHostPort(d.address()); err == nil && host != "" {
		names = append(names, host)
	}
	if certificate := cfg.Serve.Certificate(); certificate != nil && certificate.Leaf != nil {
		names = append(names, certificate.Leaf.DNSNames...)
	}
	return names
}

// address returns where to listen: from the flag, else from the configuration.
func (d *daemon) address() string { return cmp.Or(d.listen, d.config.Serve.Listen, defaultListen) }

// followSource is the source of events from followed files.
const followSource = "follow"

// sources lists the possible sources of events.
func (d *daemon) sources() []string { return append(d.access.Sources(), followSource) }
