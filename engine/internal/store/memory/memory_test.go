package memory_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
	"github.com/awf-project/awf-hook/engine/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(_ *testing.T, now func() time.Time) store.Queue {
		return memory.Open(store.Options{Now: now})
	})
}
