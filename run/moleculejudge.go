package run

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"laminar/data"
	"laminar/data/molecule"
	"laminar/metric"
	"laminar/recipe"
	"laminar/sample"
)

// judgedMolecules is the largest number of samples of a judgement.
const judgedMolecules = 1000

// MoleculeReport is the Judgement of a model of molecules: shares of molecules and
// atoms that hold by a table of distances and by valences (package molecule),
// beside those of the data.
type MoleculeReport struct {
	Kind string `json:"kind"` // "molecules"
	N    int    `json:"n"`    // molecules to a row
	// Guidance is the scale by which samples were guided away from a weaker copy of the
	// network, two evaluations to a step; 1 is none.
	Guidance float64       `json:"guidance"`
	Rows     []MoleculeRow `json:"rows"`
	// Floor is the same of the data; novel are those that were not trained on.
	Floor molecule.Quality `json:"floor"`

	guided string // Guidance in words
}

// MoleculeRow is the quality at one number of network evaluations.
type MoleculeRow struct {
	Solver string  `json:"solver"`
	NFE    float64 `json:"nfe"`
	molecule.Quality
}

// tune asks for the numbers of evaluations that molecules take.
func (molecules) tune(o *EvalOptions) {
	o.N, o.Settings = judgedMolecules, nil
	for _, nfe := range []int{20, 50, 100} {
		o.Settings = append(o.Settings, metric.Setting{Solver: "euler", NFE: nfe})
	}
}

func (molecules) Judge(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (Judgement, error) {
	form := s.Form.(moleculeForm)
	all, known := inData(plan)
	rep := &MoleculeReport{
		Kind: recipe.Molecules, N: min(o.N, judgedMolecules), Guidance: cmp.Or(o.Guidance, 1), guided: o.guided(s),
		Floor: molecule.Judge(all, known),
	}
	done, total := 0, 0
	for _, set := range o.Settings {
		total += work(rep.N, set)
	}
	for _, set := range o.Settings {
		if !s.suits(set) {
			continue
		}
		c := sample.Config{N: rep.N, Seed: o.Key.Split("molecules"), Source: s.Source, Workers: o.Threads, Guidance: o.Guidance, Solve: s.Solve()}
		var err error
		c.Solve.Method, c.Solve.NFE = set.Solver, set.NFE
		if set.Adaptive() {
			c.Solve.Adaptive, c.Solve.RTol, c.Solve.ATol = true, set.RTol, set.ATol
		}
		if set.Grid != "" {
			if c.Solve.Grid, err = gridOf(set, o); err != nil {
				return nil, err
			}
			c.Solve.NFE = 0
		}
		c.Watch = o.drawn(done, total, set)
		x, stats, err := sample.Draw(ctx, s.Model, c)
		if err != nil {
			return nil, err
		}
		done += work(rep.N, set)
		rep.Rows = append(rep.Rows, MoleculeRow{set.Solver, stats.NFE, molecule.Judge(form.take(x), known)})
	}
	return rep, nil
}

// Apart tells that fewer than half of the samples are valid molecules at every setting.
func (r *MoleculeReport) Apart() bool {
	return !slices.ContainsFunc(r.Rows, func(x MoleculeRow) bool { return x.Valid >= 0.5 })
}

// setOf returns the molecules that rows of a plan stand for, nil for none.
func setOf(rows data.RowSource) *molecule.Set {
	if t, ok := rows.(data.Transformed); ok {
		rows = t.RowSource
	}
	if m, ok := rows.(moleculeRows); ok {
		return m.set
	}
	return nil
}

// inData returns the molecules whose quality is the floor, all of the data or those
// of another file, and the graphs of those that were trained on.
func inData(plan *recipe.Plan) ([]molecule.Molecule, molecule.Graphs) {
	train, held, other := setOf(plan.Train), setOf(plan.HeldOut), setOf(plan.Judge)
	known := molecule.Graphs{}
	var all []molecule.Molecule
	add := func(s *molecule.Set, learnt bool) {
		for i := range s.Len() {
			m := s.At(i)
			if learnt {
				known.Add(&m)
			}
			if own := other == train || other == held; own || s == other {
				all = append(all, m)
			}
		}
	}
	add(train, true)
	add(held, false)
	if other != train && other != held {
		add(other, false)
	}
	return all, known
}

// WriteText writes a table for a person.
func (r *MoleculeReport) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %5s  %-8s %-8s %-8s %-8s %-8s\n", "solver", "NFE", "atoms", "molecules", "valid", "unique", "novel")
	line := func(name, nfe string, q molecule.Quality, novel string) {
		fmt.Fprintf(&b, "%-8s %5s  %-8.1f %-8.1f  %-8.1f %-8.1f %-8s\n", name, nfe, 100*q.AtomStable, 100*q.MolStable, 100*q.Valid, 100*q.Unique, novel)
	}
	for _, row := range r.Rows {
		line(row.Solver, fmt.Sprintf("%.0f", row.NFE), row.Quality, fmt.Sprintf("%.1f", 100*row.Novel))
	}
	line("data", "", r.Floor, fmt.Sprintf("%.1f", 100*r.Floor.Novel))
	fmt.Fprintf(&b, "\nShares in per cent of %d molecules: atoms and molecules that are stable (every\natom has a valence of its element), molecules that are valid (one piece, no\natom above its highest valence), and of the valid ones those that differ from\neach other and from those of training. Bonds are told by distances.\n", r.N)
	if r.guided != "" {
		fmt.Fprintf(&b, "S%s.\n", strings.TrimPrefix(r.guided, "s"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
