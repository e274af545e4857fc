package lane

import "testing"

// However many lanes ask for however many claims, they get no more than there is room for, and each gets some.
func TestLanesShareTheirRoom(t *testing.T) {
	for _, lanes := range []int{1, 2, 10, 1000} {
		const least = 4
		s := &shared{}
		total := 0
		for range lanes {
			granted := s.reserve(maxReadyLane, least)
			if granted < least {
				t.Fatalf("%d lanes: one may ask for %d claims, want at least %d", lanes, granted, least)
			}
			total += granted
		}
		if limit := maxReady/claimSize + lanes*least; total > limit {
			t.Errorf("%d lanes may ask for %d claims together, want at most %d", lanes, total, limit)
		}
		s.unreserve(total)
		if held := s.held.Load(); held != 0 {
			t.Errorf("%d lanes: %d bytes are reserved at the end", lanes, held)
		}
	}
}
