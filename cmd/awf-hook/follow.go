package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (c *command) followCommand() *cobra.Command {
	s := &session{adopts: true}
	var follow engine.Follow
	var project string
	cmd := &cobra.Command{
		Use: "follow [PATH]…",
		RunE: func(_ *cobra.Command, paths []string) error {
			follow.Paths = paths
			return c.follow(s, follow, project)
		},
	}
	s.addFileFlag(cmd.Flags())
	s.addTrustFlag(cmd)
	s.addToFlag(cmd)
	s.addFlags(cmd, 10*time.Second, "how long to go on delivering at the end")
	addFollowFlags(cmd.Flags(), &follow, &project, "end a workflow run that was quiet for this long (default: never)")
	addStorageFlag(cmd, &follow.Storage, "beside the PATHs")
	return cmd
}

// addFollowFlags adds the flags of commands that follow files.
func addFollowFlags(flags *pflag.FlagSet, follow *engine.Follow, project *string, orphanUsage string) {
	flags.StringVar(project, "project", "", "also read the settings and workflows of the project in this `DIR`")
	flags.BoolVar(&follow.FromStart, "from-start", false, "read files that were never followed from their beginning")
	flags.DurationVar(&follow.OrphanAfter, "orphan-after", 0, orphanUsage)
}

func (c *command) follow(s *session, follow engine.Follow, project string) error {
	if slices.Contains(follow.Paths, "-") {
		return errors.New("-: follow reads files; awf-hook run reads stdin")
	}
	c.sayMissing("follow", follow.Paths)
	var err error
	if follow.Paths, err = followed(follow.Paths); err != nil {
		return failure(err)
	}
	if err := s.enterProject(project, &follow.Storage); err != nil {
		return failure(err)
	}
	follow.State, follow.Broken = s.search().StateFolder(), c.printBroken()
	s.feed = func(ctx context.Context, eng *engine.Engine) error { return eng.Follow(ctx, follow) }
	return s.run(c)
}

// enterProject enters a project's folder, as AWF does; "" leaves out projects. It makes the session's paths and others absolute before it
// leaves the folder to which they are relative.
func (s *session) enterProject(folder string, others ...*string) error {
	if s.noProject = folder == ""; s.noProject {
		return nil
	}
	paths := append(others, &s.file, &s.spill)
	if s.queue != engine.Memory && !config.IsDatabase(s.queue) {
		paths = append(paths, &s.queue)
	}
	for _, path := range paths {
		if *path == "" {
			continue
		}
		full, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = full
	}
	if err := os.Chdir(folder); err != nil {
		return fmt.Errorf("--project: %w", err)
	}
	return nil
}

// sayMissing says which paths a command waits for, and which it cannot follow.
func (c *command) sayMissing(by string, paths []string) {
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil {
			c.sayf("%s: %v: %s waits for it", plain(path), cause(err), by)
		} else if !info.IsDir() && !info.Mode().IsRegular() {
			c.sayf("%s: neither a file nor a folder: %s reads nothing from it", plain(path), by)
		}
	}
}

// followed returns absolute paths, each once: the given ones, else AWF's own files.
func followed(paths []string) ([]string, error) {
	if len(paths) == 0 {
		if audit := engine.AuditFile(os.LookupEnv); audit != "" {
			paths = append(paths, audit)
		}
		paths = append(paths, engine.Transcripts(os.LookupEnv))
	}
	var full []string
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(full, path) {
			full = append(full, path)
		}
	}
	return full, nil
}
