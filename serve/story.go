package serve

import (
	"encoding/json"
	"sync"
)

// event is one entry of a story.
type event struct {
	id   int
	kind string
	data []byte // JSON
}

// The kinds of event. Of frames and measurements only the last one is told.
const (
	tellState    = "state"
	tellProgress = "progress"
	tellFrame    = "frame"
	tellQuality  = "quality"
	tellEnd      = "end"
)

// story is what happened to a run, for any number of listeners. Each reads on
// from the last event that it knows; the past is thinned, so that a story stays
// short however long the run. It is safe for concurrent use.
type story struct {
	mu     sync.Mutex
	last   int
	events []event
	grew   chan struct{} // closed when an event is added
}

// storyLength is the number of events at which the past is thinned.
const storyLength = 2000

func newStory() *story { return &story{grew: make(chan struct{})} }

// add tells an event.
func (s *story) add(kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of this package without a JSON form
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	if kind == tellFrame || kind == tellQuality {
		s.drop(func(_ int, e event) bool { return e.kind == kind })
	}
	s.events = append(s.events, event{s.last, kind, b})
	if len(s.events) > storyLength {
		// Every second step goes, but for the latest ones.
		old := len(s.events) / 2
		seen := 0
		s.drop(func(i int, e event) bool {
			if i >= old || e.kind != tellProgress {
				return false
			}
			seen++
			return seen%2 == 0
		})
		if len(s.events) > storyLength { // of other kinds: pauses, by the thousand
			s.events = append(s.events[:0], s.events[old:]...)
		}
	}
	close(s.grew)
	s.grew = make(chan struct{})
}

func (s *story) drop(out func(i int, e event) bool) {
	kept := s.events[:0]
	for i, e := range s.events {
		if !out(i, e) {
			kept = append(kept, e)
		}
	}
	clear(s.events[len(kept):])
	s.events = kept
}

// after returns the events after the one with the given id, and a channel that
// is closed when there are more. An id of another story, beyond the last event,
// begins anew.
func (s *story) after(id int) ([]event, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id > s.last || id < 0 {
		id = 0
	}
	var out []event
	for _, e := range s.events {
		if e.id > id {
			out = append(out, e)
		}
	}
	return out, s.grew
}
