package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"laminar/flow"
	"laminar/recipe"
)

// loadForResume reads the folder's run and holds the recipe asked for to it: a
// recipe without a data name takes all from the run; any other must be equal
// but for more steps.
func loadForResume(r *recipe.Recipe, o Options) (*Saved, error) {
	old, err := ReadRecipe(filepath.Join(o.Dir, RecipeFile))
	var saved *Saved
	if _, e := os.Stat(filepath.Join(o.Dir, ModelFile)); e == nil {
		// Kernels are compared by the caller; any set can read the state.
		if saved, err = Load(o.Dir, ""); err != nil {
			return nil, err
		}
		old = saved.Recipe
	} else if err != nil {
		return nil, err
	}
	if r.Data.Name == "" {
		steps := r.Train.Steps
		*r = old
		r.Suited = r.Data.Kind == recipe.Table // by this or an earlier version
		if steps > old.Train.Steps {
			r.Train.Steps = steps
		}
		return saved, nil
	}
	want := *r
	if saved != nil && (old.Suited || old.Data.Kind != recipe.Table) {
		if f, ok := saved.Form.(suiter); ok {
			f.suit(&want)
		}
	}
	want.Suited = old.Data.Kind == recipe.Table
	old.Suited = want.Suited
	want, old = want.Settled(), old.Settled()
	if !slices.Equal(want.Train.Planned, old.Train.Planned) {
		// Of a run by time the checkpoint knows.
		if want.Train.Planned != nil {
			want.Train.Steps = old.Train.Steps
		}
		want.Train.Planned = old.Train.Planned
	}
	want.Data.Digest, want.SourceDigest = old.Data.Digest, old.SourceDigest
	if want.Distill != nil && old.Distill != nil {
		d := *want.Distill
		d.Digest = old.Distill.Digest
		want.Distill = &d
	}
	if want.Coupling.Name == recipe.AutoCoupling {
		want.Coupling.Name = old.Coupling.Name
	}
	if o.Time > 0 || want.Train.Steps > old.Train.Steps {
		want.Train.Steps = max(want.Train.Steps, old.Train.Steps)
		if o.Time > 0 {
			want.Train.Steps = old.Train.Steps
		}
	}
	steps := want.Train.Steps
	want.Train.Steps = old.Train.Steps
	if field := difference(want, old); field != "" {
		return nil, fmt.Errorf("%w: the run in %s has another %s; leave the flag out to continue it, or use --force to start over", flow.ErrConfig, o.Dir, field)
	}
	if steps < old.Train.Steps {
		return nil, fmt.Errorf("%w: the run in %s has %d steps, which can be raised but not lowered to %d", flow.ErrConfig, o.Dir, old.Train.Steps, steps)
	}
	*r = want
	r.Train.Steps = steps
	return saved, nil
}

// Longer returns the number of steps that the run is worth being resumed to: those that
// are usual for its preset and its data, where it had fewer and j, which may be nil,
// tells its samples from the data; 0 elsewhere.
func (s *Saved) Longer(j Judgement) int {
	if j == nil || !j.Apart() || s.Recipe.Distill != nil || s.State == nil || s.State.Ended {
		return 0
	}
	usual, err := recipe.PresetFor(s.Kind(), s.Recipe.Preset)
	if err != nil {
		return 0
	}
	if f, ok := s.Form.(suiter); ok {
		f.suit(&usual)
	}
	if s.Steps >= usual.Train.Steps {
		return 0
	}
	return usual.Train.Steps
}

// suiter is a form that can complete a recipe as its data did.
type suiter interface{ suit(r *recipe.Recipe) }

// difference names the first field in which two recipes differ, "" if none.
func difference(a, b recipe.Recipe) string {
	var x, y map[string]any
	for _, p := range []struct {
		r   recipe.Recipe
		dst *map[string]any
	}{{a, &x}, {b, &y}} {
		text, err := json.Marshal(p.r)
		if err == nil {
			d := json.NewDecoder(bytes.NewReader(text))
			d.UseNumber() // seeds have 64 bits
			err = d.Decode(p.dst)
		}
		if err != nil {
			return "recipe"
		}
	}
	return differ("", x, y)
}

func differ(at string, x, y map[string]any) string {
	keys := map[string]bool{}
	for k := range x {
		keys[k] = true
	}
	for k := range y {
		keys[k] = true
	}
	names := make([]string, 0, len(keys))
	for k := range keys {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		mx, okx := x[k].(map[string]any)
		my, oky := y[k].(map[string]any)
		if okx && oky {
			if d := differ(at+k+".", mx, my); d != "" {
				return d
			}
			continue
		}
		if fmt.Sprint(x[k]) != fmt.Sprint(y[k]) {
			return fmt.Sprintf("%s%s (%v, not %v)", at, k, y[k], x[k])
		}
	}
	return ""
}
