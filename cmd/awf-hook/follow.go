package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
)

type followFlags struct {
	config       string
	project      string
	queue        string
	fromStart    bool
	orphanAfter  time.Duration
	drainTimeout time.Duration
	json         bool
}

func (c *command) followCommand() *cobra.Command {
	var flags followFlags
	cmd := &cobra.Command{
		Use:   "follow [PATH]…",
		Short: "Follow AWF's audit file and transcripts, deliver their events",
		Long: `follow reads AWF's audit file and its folder of transcripts as they grow, and delivers their events until it gets SIGINT
or SIGTERM. A PATH is an audit file or a folder of transcripts; without any they are those that AWF uses. They need not be
there yet, and may be rotated.

A file is read from its end at first, and later from where a follow before stopped. A project's settings and workflows'
definitions are not read, since AWF's records do not say which project they are of: --project names one.

A run that was killed leaves no end. With --orphan-after 1h one that was quiet for so long is given a workflow_error with
"synthetic": true. It must be longer than the longest step: a run that goes on afterwards has had its end.`,
		Example: "  awf-hook follow -c /etc/awf-hook.yaml --orphan-after 6h",
		RunE:    func(_ *cobra.Command, args []string) error { return c.follow(args, flags) },
	}
	cmd.Flags().StringVarP(&flags.config, "config", "c", "", "a configuration `FILE` to read instead of the global settings")
	cmd.Flags().StringVar(&flags.project, "project", "", "read the settings and workflows of the project in this `DIR` too")
	cmd.Flags().StringVar(&flags.queue, "queue", "", "the queue's `FILE`, or memory: for none (default what the configuration says, else the state folder's)")
	cmd.Flags().BoolVar(&flags.fromStart, "from-start", false, "read files that were never followed from their beginning")
	cmd.Flags().DurationVar(&flags.orphanAfter, "orphan-after", 0, "give a run an end that was quiet for so long (default never)")
	cmd.Flags().DurationVar(&flags.drainTimeout, "drain-timeout", 10*time.Second, "how long to go on delivering at the end")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print the report as a JSON object, on stderr")
	return cmd
}

func (c *command) follow(paths []string, flags followFlags) error {
	paths, err := c.followed(paths)
	if err != nil {
		return err
	}
	search := config.Search{File: flags.config, NoProject: flags.project == "", Env: os.LookupEnv}
	if flags.project != "" {
		if search.File != "" {
			if search.File, err = filepath.Abs(search.File); err != nil {
				return failure(err)
			}
		}
		if err := os.Chdir(flags.project); err != nil { // a project's files are found from its folder, as AWF does
			return failure(fmt.Errorf("--project: %w", err))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	eng, err := c.open(search, flags.queue)
	if err != nil {
		return err
	}
	running, stopRunning := context.WithCancel(context.Background())
	defer stopRunning()
	var delivering sync.WaitGroup
	delivering.Go(func() { _ = eng.Run(running) })
	waitAdopted := c.adopt(eng, search)
	followErr := eng.Follow(ctx, engine.Follow{
		Paths: paths, State: search.StateFolder(), FromStart: flags.fromStart, OrphanAfter: flags.orphanAfter, Broken: c.sayBroken(),
	})
	stop() // a second signal ends us as it ends any program
	draining, cancel := context.WithTimeout(running, flags.drainTimeout)
	defer cancel()
	waitAdopted(draining)
	_ = eng.Drain(draining) // what is left is in the report
	stopRunning()
	delivering.Wait()
	closeErr := eng.Close()
	report := eng.Report()
	c.sayReport(report, flags.json)
	switch {
	case followErr != nil:
		return failure(followErr)
	case closeErr != nil:
		return failure(closeErr)
	case c.lost(report)+report.Refused > 0:
		return &exitError{code: exitFailure}
	}
	return nil
}

// followed returns the paths to follow, absolute: those given, else AWF's own.
func (c *command) followed(paths []string) ([]string, error) {
	if len(paths) == 0 {
		if audit := engine.AuditFile(os.LookupEnv); audit != "" {
			paths = append(paths, audit)
		}
		paths = append(paths, engine.Transcripts(os.LookupEnv))
	}
	full := make([]string, len(paths))
	for i, path := range paths {
		var err error
		if full[i], err = filepath.Abs(path); err != nil {
			return nil, failure(err)
		}
	}
	return full, nil
}
