package objective_test

import (
	"testing"

	"laminar/objective"
	"laminar/path"
)

// TestClipWithNoiseAboutThePath: noise about a path takes nothing from the
// steepness of its velocity, so its times are clipped as without.
func TestClipWithNoiseAboutThePath(t *testing.T) {
	c := path.Defaults()
	c.Name, c.Sigma = "vp", 0.1
	way, err := path.New(c)
	if err != nil {
		t.Fatal(err)
	}
	o := objective.FlowMatching{Path: way, Times: path.Uniform{}}
	if lo, hi := o.Clip(); lo != 0 || hi != 0.999 {
		t.Errorf("trained at times from %v to %v, want 0 to 0.999", lo, hi)
	}
}
