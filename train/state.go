package train

import (
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/nn"
	"laminar/optim"
)

// State is everything that a run remembers between two steps. Its slices are
// copies.
type State struct {
	Step   int
	Groups []GroupState
	// Recent holds the losses of the last steps, by step mod its length.
	Recent []float64
	// Best, Lowest and Without are those of the held-out looks: parameters at
	// the lowest loss, that loss (+Inf before the first look), looks since.
	Best    []float32
	Lowest  float64
	Without int
	Ended   bool
	// Weak is the copy of Config.Weak, nil before its step and without one.
	Weak []float32
}

// GroupState is one parameter group with its optimiser's state.
type GroupState struct {
	Name   string
	Params []float32
	Optim  optim.State
}

// State copies the state of the run.
func (t *Trainer) State() State {
	s := State{Step: t.step, Recent: slices.Clone(t.recent[:]), Lowest: math.Inf(1), Ended: t.ended, Weak: slices.Clone(t.weak)}
	for _, name := range t.order {
		g := t.groups[name]
		gs := GroupState{Name: name, Params: slices.Clone(g.params)}
		if g.opt != nil {
			o := g.opt.State()
			gs.Optim = optim.State{Step: o.Step, M: slices.Clone(o.M), V: slices.Clone(o.V), EMA: slices.Clone(o.EMA)}
		}
		s.Groups = append(s.Groups, gs)
	}
	if h := t.held; h != nil {
		s.Best, s.Lowest, s.Without = slices.Clone(h.best), h.lowest, h.without
	}
	return s
}

// Restore continues from a state that a run of the same configuration returned.
// The error wraps flow.ErrShape if it does not fit; the trainer is unusable
// then.
func (t *Trainer) Restore(s State) error {
	if s.Step < 0 || s.Step > t.cfg.Steps {
		return fmt.Errorf("%w: the stored run is at step %d of a run of %d", flow.ErrConfig, s.Step, t.cfg.Steps)
	}
	if len(s.Groups) != len(t.order) || len(s.Recent) != window {
		return fmt.Errorf("%w: the stored run has %d parameter groups, this one %d", flow.ErrShape, len(s.Groups), len(t.order))
	}
	for _, gs := range s.Groups {
		g := t.groups[gs.Name]
		if g == nil || len(g.params) != len(gs.Params) {
			return fmt.Errorf("%w: the stored run's group %q does not fit this network", flow.ErrShape, gs.Name)
		}
		copy(g.params, gs.Params)
		if g.opt != nil {
			if err := g.opt.Restore(gs.Optim); err != nil {
				return err
			}
		}
	}
	if h := t.held; h != nil {
		if len(s.Best) != 0 && len(s.Best) != len(t.Best()) {
			return fmt.Errorf("%w: the stored best parameters do not fit this network", flow.ErrShape)
		}
		h.best, h.lowest, h.without = slices.Clone(s.Best), s.Lowest, s.Without
		if len(h.best) == 0 {
			h.best = nil
		}
	}
	if len(s.Weak) != 0 && len(s.Weak) != len(t.Average(nn.Group)) {
		return fmt.Errorf("%w: the stored weak copy does not fit this network", flow.ErrShape)
	}
	t.weak = nil
	if len(s.Weak) > 0 {
		t.weak = slices.Clone(s.Weak)
	}
	copy(t.recent[:], s.Recent)
	t.step, t.ended = s.Step, s.Ended
	return nil
}
