package recipe

import (
	"fmt"
	"slices"
	"strings"

	"laminar/flow"
	"laminar/objective"
	"laminar/path"
)

// Families lists the kinds of generative model, the default first.
func Families() []string { return []string{"flow"} }

// Objectives lists what a flow's network can be trained for, the default first.
func Objectives() []string { return []string{"velocity"} }

// Predictions lists what a network can answer, the default first. Whatever it
// is, the finished model answers velocities.
func Predictions() []string { return []string{"velocity"} }

func (r Recipe) validObjective() (errs []error) {
	for _, f := range []struct {
		path, value string
		valid       []string
	}{
		{"family", r.Family, Families()},
		{"objective", r.Objective, Objectives()},
		{"predict", r.Predict, Predictions()},
	} {
		if !slices.Contains(f.valid, f.value) {
			errs = append(errs, &flow.FieldError{Path: f.path, Msg: fmt.Sprintf("unknown %q; one of %s", f.value, strings.Join(f.valid, ", "))})
		}
	}
	return errs
}

// objective returns what the recipe trains the network for.
func (p *Plan) objective() (objective.Objective, error) {
	r := p.Recipe
	way, err := path.New(r.Path)
	if err != nil {
		return nil, err
	}
	times, err := path.NewTimes(r.Path)
	if err != nil {
		return nil, err
	}
	drop := r.Drop
	if p.Train.CondSpec().IsZero() {
		drop = 0
	}
	return objective.FlowMatching{Path: way, Times: times, Drop: drop}, nil
}
