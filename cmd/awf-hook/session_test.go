package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A session does not wait longer than it may for an adoption, which may itself wait forever for room in the queue.
func TestAdoptionIsGivenUp(t *testing.T) {
	failed := errors.New("the disk is gone")
	for _, tt := range []struct {
		name  string
		adopt func(context.Context) error
		want  error
		after time.Duration
	}{
		{"it waits for room", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, context.Canceled, time.Minute},
		{"it fails", func(context.Context) error { return failed }, failed, 0},
		{"it takes longer", func(context.Context) error { time.Sleep(time.Second); return nil }, nil, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				if err := beside(tt.adopt)(ctx); !errors.Is(err, tt.want) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if took := time.Since(began); took != tt.after {
					t.Errorf("it took %v, want %v", took, tt.after)
				}
			})
		})
	}
}
