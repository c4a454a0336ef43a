package metric

import (
	"context"
	"errors"
	"fmt"
	"math"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Setting is one way to sample: a solver and its number of network evaluations,
// or, for an adaptive solver, its tolerances with NFE 0.
type Setting struct {
	Solver string
	NFE    int
	// Grid names where the steps are; "" is equal steps.
	Grid string
	// RTol and ATol are the relative and absolute tolerance of adaptive steps; both
	// 0 is fixed steps.
	RTol, ATol float64
}

// Adaptive reports whether s has a tolerance.
func (s Setting) Adaptive() bool { return s.RTol != 0 || s.ATol != 0 }

// String describes s in words.
func (s Setting) String() string {
	if s.Adaptive() {
		return fmt.Sprintf("%s at rtol %g, atol %g", s.Solver, s.RTol, s.ATol)
	}
	if s.Grid != "" {
		return fmt.Sprintf("%s on the grid %s at %d evaluations", s.Solver, s.Grid, s.NFE)
	}
	return fmt.Sprintf("%s at %d evaluations", s.Solver, s.NFE)
}

// Config sets the size of an evaluation. Start from Defaults.
type Config struct {
	// Settings lists the rows of the report.
	Settings []Setting
	// N is the number of points on each side of an exact distance.
	N int
	// Fine is the number of points on each side of SW2 and the energy distance.
	Fine int
	// Pairs is the number of pairs of draws that W2 is averaged over. MMD uses
	// the first three of them.
	Pairs int
	// Directions is the number of directions of the sliced distances.
	Directions int
	// Paths is the number of paths solved for NPE and straightness.
	Paths int
	// Triples and Queries size the crossing estimate; both 0 takes those of
	// DefaultCrossing for the data's dimension.
	Triples, Queries int
	// W2Only leaves all figures but W2 out: MMD, and what Fine points tell.
	W2Only bool
	// Key is the source of all chance.
	Key rng.Key
}

// mmds is the number of pairs that MMD is averaged over.
func (c Config) mmds() int {
	if c.W2Only {
		return 0
	}
	return min(c.Pairs, mmdPairs)
}

// Defaults returns the sizes `laminar eval` uses: n = 2000, ten pairs, 50,000
// fine points, 64 directions, Euler at 1, 2, 4, 8, 16 and 100 evaluations.
func Defaults() Config {
	c := Config{N: 2000, Fine: 50000, Pairs: 10, Directions: 64, Paths: 2000, Key: rng.New(0)}
	for _, nfe := range []int{1, 2, 4, 8, 16, 100} {
		c.Settings = append(c.Settings, Setting{Solver: "euler", NFE: nfe})
	}
	return c
}

// Validate returns an error that wraps flow.ErrConfig and names the first field
// out of range.
func (c Config) Validate() error {
	for _, f := range []struct {
		name         string
		value, least int
	}{{"N", c.N, 2}, {"Fine", c.Fine, 3}, {"Pairs", c.Pairs, 1}, {"Directions", c.Directions, 1}, {"Paths", c.Paths, 1}} {
		if f.value < f.least {
			return &flow.FieldError{Path: "eval." + f.name, Msg: fmt.Sprintf("is %d, must be at least %d", f.value, f.least)}
		}
	}
	for i, s := range c.Settings {
		for _, tol := range []float64{s.RTol, s.ATol} {
			if !(tol >= 0) || math.IsInf(tol, 0) {
				return &flow.FieldError{Path: fmt.Sprintf("eval.Settings[%d]", i), Msg: fmt.Sprintf("%v is not a tolerance", tol)}
			}
		}
		if s.Adaptive() {
			if s.NFE != 0 {
				return &flow.FieldError{Path: fmt.Sprintf("eval.Settings[%d].NFE", i), Msg: fmt.Sprintf("is %d, must be 0 where tolerances choose the steps", s.NFE)}
			}
			continue
		}
		if s.NFE < 1 {
			return &flow.FieldError{Path: fmt.Sprintf("eval.Settings[%d].NFE", i), Msg: fmt.Sprintf("is %d, must be at least 1", s.NFE)}
		}
	}
	return nil
}

// Subject is what Evaluate judges: anything that samples. Optional parts that
// are left nil leave their figures null.
type Subject struct {
	// Name is the data's name in the report.
	Name string
	// Data is what samples should look like. A stored table should be rows that
	// training did not see.
	Data flow.Dataset
	// Against says in words what Data are: "fresh draws", "held-out rows". Units
	// is the unit of distances where it is not the data's own. Both optional.
	Against, Units string
	// Draw returns n samples and the mean number of network evaluations that each
	// took, which is asked of adaptive settings only; others report s.NFE. The
	// first rows must not depend on n, which is so when row i uses key.At(i) and no
	// other key.
	Draw func(ctx context.Context, n int, s Setting, key rng.Key) (x tensor.Mat, nfe float64, err error)
	// Pairs is the coupling whose crossing is reported, in batches of Batch
	// (0 means 256). Optional.
	Pairs flow.PairSource
	Batch int
	// Trace solves n paths of Field on a fine grid from 0 to 1, for NPE and
	// straightness. Optional, both or neither.
	Trace func(ctx context.Context, n int, key rng.Key) (Trajectory, error)
	Field flow.Field
	// PathData is the data in the space in which Trace solves, where that is not
	// the space of Data; nil is Data.
	PathData flow.Dataset
	// Modes says where the modes of the data are: points with class ids, as
	// ModeShares wants them. Optional; labelled data supplies its own.
	Modes flow.Sample
}

// LeastRows is the least number of rows of a stored table that Evaluate can
// measure a sampler against.
const LeastRows = 6

// Evaluate measures a sampler at every setting, and the data against itself.
//
// Pair p compares N fresh samples with N fresh data points; its floor compares
// the same data points with N others. Settings share their starting noise, so
// that rows differ by the solver alone. SW2 and the energy distance are measured
// once, at Fine points. For a stored table of L rows, N and Fine are lowered to
// L/2, so that the two sides of a floor share no row; the report says which
// sizes were used.
//
// It uses all cores; the figures do not depend on their number.
func Evaluate(ctx context.Context, cfg Config, s Subject) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	if s.Data == nil || s.Draw == nil {
		return Report{}, fmt.Errorf("%w: evaluation needs Data and Draw", flow.ErrConfig)
	}
	if l := s.Data.Len(); l > 0 {
		if l < LeastRows {
			return Report{}, fmt.Errorf("%w: %d rows of data are too few to evaluate against, need at least %d", flow.ErrConfig, l, LeastRows)
		}
		cfg.N, cfg.Fine, cfg.Paths = min(cfg.N, l/2), min(cfg.Fine, l/2), min(cfg.Paths, l/2)
	}
	nan := Number(math.NaN())
	r := Report{
		Kind: "points", Data: s.Name, Against: s.Against, Units: s.Units, N: cfg.N, Fine: cfg.Fine, Pairs: cfg.Pairs,
		Rows: []Row{}, NPE: nan, Straightness: nan, Crossing: nan,
	}
	e := evaluation{cfg: cfg, subject: s, dirs: Directions(s.Data.Dim(), cfg.Directions, cfg.Key.Split("directions"))}
	for _, step := range []func(context.Context, *Report) error{e.drawData, e.floor, e.rows, e.paths, e.crossing} {
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
		if err := step(ctx, &r); err != nil {
			return Report{}, err
		}
	}
	return r, nil
}

// evaluation is the state of one Evaluate.
type evaluation struct {
	cfg     Config
	subject Subject
	dirs    tensor.Mat
	pairs   []dataPair
	fine    [2]tensor.Mat // two independent fine draws
	modes   flow.Sample
	floorW2 []float64
}

// dataPair is two independent draws of the data, and the kernel sum of the first.
type dataPair struct {
	x, y   tensor.Mat
	kernel float64
}

const mmdPairs = 3

func (e *evaluation) drawData(ctx context.Context, _ *Report) error {
	data, key := e.subject.Data, e.cfg.Key
	draw := func(n int, key rng.Key, i int) (flow.Sample, error) {
		s := flow.NewSample(data, n)
		if err := data.Draw(s, key, i); err != nil {
			return s, fmt.Errorf("draw of %d data points: %w", n, err)
		}
		return s, checkFinite("data", s.X)
	}
	e.pairs = make([]dataPair, e.cfg.Pairs)
	err := each(ctx, len(e.pairs), func(p int) error {
		k := key.Split("pairs").At(uint64(p))
		x, err := draw(e.cfg.N, k, 0)
		if err != nil {
			return err
		}
		y, err := draw(e.cfg.N, k, 1)
		e.pairs[p] = dataPair{x: x.X, y: y.X}
		return err
	})
	if err != nil {
		return err
	}
	for i := range e.fine {
		s, err := draw(e.cfg.Fine, key.Split("fine"), i)
		if err != nil {
			return err
		}
		e.fine[i] = s.X
		if i == 0 && data.CondSpec().Classes > 0 {
			e.modes = s
		}
	}
	if !e.subject.Modes.X.IsEmpty() {
		e.modes = e.subject.Modes
	}
	return nil
}

func (e *evaluation) floor(ctx context.Context, r *Report) error {
	e.floorW2 = make([]float64, e.cfg.Pairs)
	mmd := make([]float64, e.cfg.mmds())
	var fine fineFigures
	// One list of jobs, the longest first: the fine figures, then the pairs.
	err := eachWith(ctx, 1+e.cfg.Pairs, newExact, func(x *exact, i int) (err error) {
		if i == 0 && e.cfg.W2Only {
			fine = noFine
			return nil
		}
		if i == 0 {
			fine, err = e.fineFigures(e.fine[1])
			return err
		}
		p := &e.pairs[i-1]
		if e.floorW2[i-1], err = x.w2(p.x, p.y); err != nil || i > len(mmd) {
			return err
		}
		p.kernel = kernelWithin(p.x)
		mmd[i-1] = mmdOf(p.kernel, kernelWithin(p.y), kernelBetween(p.x, p.y), p.x.N, p.y.N)
		return nil
	})
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	w2, ci := Bootstrap(e.floorW2, e.cfg.Key.Split("bootstrap floor"))
	_, sd := meanSD(e.floorW2)
	m, _ := meanSD(mmd)
	r.Floor = Floor{
		W2: Number(w2), W2CI: ci, W2SD: Number(sd), SW2: Number(fine.sw2), MMD: Number(m),
		Energy: Number(fine.energy.Value), EnergySE: Number(fine.energy.SE),
	}
	if !e.modes.X.IsEmpty() && !e.cfg.W2Only {
		r.Floor.Shares, err = e.shares(e.fine[0])
	}
	return err
}

func (e *evaluation) rows(ctx context.Context, r *Report) error {
	n, pairs := e.cfg.N, e.cfg.Pairs
	for _, set := range e.cfg.Settings {
		x, nfe, err := e.subject.Draw(ctx, max(e.cfg.Fine, n*pairs), set, e.cfg.Key.Split("samples"))
		if err != nil {
			return fmt.Errorf("%v: %w", set, err)
		}
		row, err := e.row(ctx, set, x)
		row.Grid = set.Grid
		if set.Adaptive() {
			row.NFE = int(math.Round(nfe))
		}
		if err != nil {
			return fmt.Errorf("%v: %w", set, err)
		}
		r.Rows = append(r.Rows, row)
	}
	return nil
}

func (e *evaluation) row(ctx context.Context, set Setting, x tensor.Mat) (Row, error) {
	n, pairs := e.cfg.N, e.cfg.Pairs
	if err := x.Check("samples", max(e.cfg.Fine, n*pairs), e.subject.Data.Dim()); err != nil {
		return Row{}, err
	}
	if checkFinite("samples", x) != nil {
		return divergedRow(set), nil
	}
	w2, mmd := make([]float64, pairs), make([]float64, e.cfg.mmds())
	var fine fineFigures
	var shares []Number
	err := eachWith(ctx, 1+pairs, newExact, func(ex *exact, i int) (err error) {
		if i == 0 && e.cfg.W2Only {
			fine = noFine
			return nil
		}
		if i == 0 {
			if fine, err = e.fineFigures(x.Rows(0, e.cfg.Fine)); err != nil || e.modes.X.IsEmpty() {
				return err
			}
			shares, err = e.shares(x.Rows(0, e.cfg.Fine))
			return err
		}
		p, xp := e.pairs[i-1], x.Rows((i-1)*n, i*n)
		if w2[i-1], err = ex.w2(xp, p.x); err != nil || i > len(mmd) {
			return err
		}
		mmd[i-1] = mmdOf(kernelWithin(xp), p.kernel, kernelBetween(xp, p.x), n, n)
		return nil
	})
	if errors.Is(err, flow.ErrDiverged) {
		return divergedRow(set), nil // finite, but too far away to be measured
	}
	if err != nil {
		return Row{}, err
	}
	row := Row{Solver: set.Solver, NFE: set.NFE, SW2: Number(fine.sw2), Energy: Number(fine.energy.Value), EnergySE: Number(fine.energy.SE), Shares: shares}
	// All rows are resampled by one key, so that their intervals compare.
	key := e.cfg.Key.Split("bootstrap")
	mean, ci := Bootstrap(w2, key)
	row.W2, row.W2CI, row.Pairs = Number(mean), ci, w2
	ratio, ci := BootstrapRatio(w2, e.floorW2, key)
	row.W2Ratio, row.W2RatioCI = Number(ratio), ci
	m, _ := meanSD(mmd)
	row.MMD = Number(m)
	return row, nil
}

func newExact() exact { return exact{} }

// fineFigures are measured against the first fine draw of the data.
type fineFigures struct {
	sw2    float64
	energy Estimate
}

var noFine = fineFigures{math.NaN(), Estimate{Value: math.NaN(), SE: math.NaN()}}

func (e *evaluation) fineFigures(x tensor.Mat) (f fineFigures, err error) {
	if f.sw2, err = SlicedW2(x, e.fine[0], e.dirs); err != nil {
		return f, err
	}
	f.energy, err = SlicedEnergy(x, e.fine[0], e.dirs)
	return f, err
}

func (e *evaluation) shares(x tensor.Mat) ([]Number, error) {
	k := int32(0)
	for _, c := range e.modes.Cond.Class {
		k = max(k, c+1)
	}
	v, err := ModeShares(x, e.modes.X, e.modes.Cond.Class, int(k))
	out := make([]Number, len(v))
	for i, s := range v {
		out[i] = Number(s)
	}
	return out, err
}

func (e *evaluation) paths(ctx context.Context, r *Report) error {
	if e.subject.Trace == nil || e.subject.Field == nil {
		return nil
	}
	tr, err := e.subject.Trace(ctx, e.cfg.Paths, e.cfg.Key.Split("paths"))
	if errors.Is(err, flow.ErrDiverged) {
		return nil // the figures of paths that lead nowhere stay null
	}
	if err != nil {
		return fmt.Errorf("paths: %w", err)
	}
	f, err := Path(e.subject.Field, tr)
	if err != nil {
		return fmt.Errorf("paths: %w", err)
	}
	set := e.subject.PathData
	if set == nil {
		set = e.subject.Data
	}
	data := flow.NewSample(set, tr.Z[0].N)
	if err := set.Draw(data, e.cfg.Key.Split("path data"), 0); err != nil {
		return err
	}
	w2, err := W2(tr.Z[0], data.X)
	if err != nil {
		return fmt.Errorf("source against data: %w", err)
	}
	r.PathEnergy, r.Straightness, r.NPE = Number(f.Energy), Number(f.Straightness), Number(NPE(f.Energy, w2))
	return nil
}

func (e *evaluation) crossing(ctx context.Context, r *Report) error {
	if e.subject.Pairs == nil {
		return nil
	}
	cfg := DefaultCrossing(e.subject.Pairs.Dim())
	cfg.Key = e.cfg.Key.Split("crossing")
	if e.cfg.Triples != 0 || e.cfg.Queries != 0 {
		cfg.Triples, cfg.Queries = e.cfg.Triples, e.cfg.Queries
	} else if cfg.Triples == 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("crossing was left out: in %d dimensions it would take too long", e.subject.Pairs.Dim()))
		return nil
	}
	if e.subject.Batch > 0 {
		cfg.Batch = e.subject.Batch
	}
	f, err := Crossing(ctx, e.subject.Pairs, cfg)
	if err != nil {
		return err
	}
	r.Crossing, r.CrossingCheck = Number(f.Value), []Number{Number(f.K8), Number(f.K32)}
	return nil
}
