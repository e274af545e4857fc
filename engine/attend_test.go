package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// If reading fails for good, attend does not wait for the adoption, which may wait forever for room.
func TestAttendGivesUpAdopting(t *testing.T) {
	failed := errors.New("the disk is gone")
	forever := func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("broken off")
	}
	for _, tt := range []struct {
		name        string
		read, adopt func(context.Context) error
		want        error
		after       time.Duration
	}{
		{"read fails", func(context.Context) error { return failed }, forever, failed, 0},
		{"ctx ends", func(ctx context.Context) error { <-ctx.Done(); return nil }, forever, nil, time.Minute},
		{"adoption fails", func(context.Context) error { return nil }, func(context.Context) error { return failed }, failed, 0},
		{"adoption takes longer", func(context.Context) error { return nil }, func(context.Context) error {
			time.Sleep(time.Second)
			return nil
		}, nil, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				if err := attend(ctx, tt.read, tt.adopt); !errors.Is(err, tt.want) || err != nil && tt.want == nil {
					t.Errorf("attend = %v, want %v", err, tt.want)
				}
				if took := time.Since(began); took != tt.after {
					t.Errorf("it took %v, want %v", took, tt.after)
				}
			})
		})
	}
}
