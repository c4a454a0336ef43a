package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/metric"
	"laminar/plot"
	"laminar/recipe"
	"laminar/tensor"
)

// ReadingTrial is one setting as it was measured. Ratio is its Frechet distance
// over that of the best setting, of the same noise, with a 95 % interval.
type ReadingTrial struct {
	ReadingRow
	Ratio   metric.Number   `json:"ratio"`
	RatioCI metric.Interval `json:"ratio_ci"`

	feats tensor.Mat
}

func (t ReadingTrial) setting() metric.Setting {
	return metric.Setting{Solver: t.Solver, NFE: t.NFE, Grid: t.Grid}
}

// ReadingAdvice is what AdviseReading found. Chosen and Best are measured on noise
// that had no part in choosing them; Curve is what the choice was made from, by
// NFE.
type ReadingAdvice struct {
	Kind      string       `json:"kind"`
	Tolerance float64      `json:"tolerance"`
	Guidance  float64      `json:"guidance"`
	Chosen    ReadingTrial `json:"chosen"`
	Best      ReadingTrial `json:"best"`
	// Within tells whether the interval of Chosen's ratio lies below the tolerance.
	Within bool `json:"within"`
	// Rejected are cheaper settings that were chosen first and did not hold on fresh
	// noise.
	Rejected []ReadingTrial `json:"rejected"`
	Floor    ReadingFloor   `json:"floor"`
	Tried    int            `json:"tried"`
	N        int            `json:"n"`
	Features string         `json:"features"`
	Curve    []ReadingTrial `json:"curve"`
}

// AdviseReadingDefaults is AdviseDefaults for the model s of images or sounds: an
// evaluation is dear, so that few settings are tried, and the Frechet distance is
// a square, so that it may be 1.2 times the best.
func (s *Saved) AdviseReadingDefaults() AdviseOptions {
	o, e := AdviseDefaults(), s.EvalDefaults()
	o.Tolerance, o.N, o.Screen = 1.2, e.N, e.N/4
	o.NFE = []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32}
	o.Solvers, o.Grids = []string{"euler", "midpoint", "ab2", "dpmpp2m"}, []string{equalSteps, "quadratic", "cosine"}
	o.Guidance = s.Guidance()
	return o
}

// manyReadings is the number of evaluations above which all methods lead to about
// the same, so that only the first of the list is tried, and fewReadings that up
// to which grids matter.
const (
	manyReadings = 16
	fewReadings  = 8
)

// AdviseReading is Advise for images and sounds, by the Frechet distance in the
// features of a classifier: a first look at all settings with o.Screen samples of
// the same noise, the best of them at every number of evaluations with o.N, and
// the cheapest one within the tolerance with as many of fresh noise beside the
// best. o.Watch counts network evaluations.
func AdviseReading(ctx context.Context, s *Saved, plan *recipe.Plan, o AdviseOptions) (ReadingAdvice, error) {
	if err := o.Validate(); err != nil {
		return ReadingAdvice{}, err
	}
	form, ok := s.Form.(galleried)
	if !ok {
		return ReadingAdvice{}, fmt.Errorf("%w: advice is for models of points, images and sounds; laminar eval --nfe 20,50,100 measures %s", flow.ErrConfig, s.Kind())
	}
	e := s.EvalDefaults()
	e.N, e.Threads, e.Key, e.Guidance = o.N, o.Threads, o.Key, o.Guidance
	a := readingAdviser{j: &reading{gallery: form.gallery(s), s: s, plan: plan, o: e}, o: o}
	a.out = ReadingAdvice{Kind: s.Kind(), Tolerance: o.Tolerance, Guidance: o.Guidance, Rejected: []ReadingTrial{}, Features: featuresClassifier}
	tried, err := o.settings(s, e, fewReadings, manyReadings)
	if err != nil {
		return a.out, err
	}
	if plan.Train == nil {
		return a.out, a.j.needsData()
	}
	if err := a.j.prepare(ctx); err != nil {
		return a.out, err
	}
	if a.j.reader == nil {
		a.out.Features = featuresPixels
	}
	var r ReadingReport
	if err := a.j.floor(&r); err != nil {
		return a.out, err
	}
	a.out.Floor, a.out.Tried, a.out.N = r.Floor, len(tried), a.j.n
	return a.advise(ctx, tried)
}

// readingAdviser is the state of one AdviseReading.
type readingAdviser struct {
	j           *reading
	o           AdviseOptions
	out         ReadingAdvice
	done, total int
}

func (a *readingAdviser) advise(ctx context.Context, tried []metric.Setting) (ReadingAdvice, error) {
	spend := 0
	for _, set := range tried {
		spend += set.NFE
	}
	most := slices.Max(a.o.NFE)
	whole := a.j.n
	look := min(whole, max(a.o.Screen, neighbour+2))
	a.total = look*spend + whole*(sum(a.o.NFE)+2*most)
	if a.o.Watch != nil {
		a.o.Watch(0, a.total)
	}
	// Every setting from the same noise, then the best at each cost.
	a.j.n = look
	first, err := a.measure(ctx, tried, "screen")
	if err != nil {
		return a.out, err
	}
	var short []metric.Setting
	for _, t := range cheapestFirst(first) {
		if math.IsNaN(float64(t.FD)) || len(short) > 0 && short[len(short)-1].NFE == t.NFE {
			continue
		}
		short = append(short, t.setting())
	}
	a.j.n = whole
	if a.out.Curve, err = a.measure(ctx, short, "choice"); err != nil {
		return a.out, err
	}
	best := -1
	for i, t := range a.out.Curve {
		if v := float64(t.FD); v == v && (best < 0 || t.FD < a.out.Curve[best].FD) {
			best = i
		}
	}
	if best < 0 {
		return a.out, fmt.Errorf("%w: every setting that was tried leads to infinity", flow.ErrDiverged)
	}
	for i := range a.out.Curve {
		if err := a.compare(&a.out.Curve[i], a.out.Curve[best]); err != nil {
			return a.out, err
		}
	}
	finest := a.out.Curve[best].setting()
	for look := 0; ; look++ {
		chosen := a.cheapest(a.out.Curve[best])
		settings := []metric.Setting{finest}
		if chosen != finest {
			settings = append(settings, chosen)
		}
		fresh, err := a.measure(ctx, settings, fmt.Sprintf("fresh %d", look))
		if err != nil {
			return a.out, err
		}
		for i := range fresh {
			if err := a.compare(&fresh[i], fresh[0]); err != nil {
				return a.out, err
			}
		}
		a.out.Best, a.out.Chosen = fresh[0], fresh[len(fresh)-1]
		a.out.Within = len(fresh) == 1 || float64(a.out.Chosen.RatioCI[1]) <= a.o.Tolerance
		if len(fresh) == 1 || float64(a.out.Chosen.Ratio) <= a.o.Tolerance {
			if a.o.Watch != nil {
				a.o.Watch(a.total, a.total)
			}
			return a.out, nil
		}
		a.out.Rejected = append(a.out.Rejected, a.out.Chosen)
	}
}

func sum(v []int) int {
	total := 0
	for _, x := range v {
		total += x
	}
	return total
}

// cheapestFirst sorts trials by cost, then by distance, none last.
func cheapestFirst(of []ReadingTrial) []ReadingTrial {
	out := slices.Clone(of)
	slices.SortStableFunc(out, func(a, b ReadingTrial) int {
		if a.NFE != b.NFE {
			return a.NFE - b.NFE
		}
		switch x, y := float64(a.FD), float64(b.FD); {
		case x < y || x == x && y != y:
			return -1
		case x > y || y == y && x != x:
			return 1
		}
		return 0
	})
	return out
}

// measure draws samples at each setting, all from the noise of that name.
func (a *readingAdviser) measure(ctx context.Context, settings []metric.Setting, noise string) ([]ReadingTrial, error) {
	j := *a.j
	j.o.Key = a.o.Key.Split("advise").Split(noise)
	nan := metric.Number(math.NaN())
	var out []ReadingTrial
	for _, set := range settings {
		t := ReadingTrial{
			ReadingRow: ReadingRow{Solver: set.Solver, Grid: set.Grid, NFE: set.NFE, Guidance: a.o.Guidance, FD: nan, FDCI: metric.Interval{nan, nan}, Precision: nan, Recall: nan},
			Ratio:      nan, RatioCI: metric.Interval{nan, nan},
		}
		v, err := j.view(ctx, set, a.o.Guidance)
		switch {
		case errors.Is(err, flow.ErrDiverged):
		case err != nil:
			return nil, err
		default:
			t.Classifier, t.ClassifierCI, t.feats = v.classifier, v.classifierCI, v.feats
			t.FD, t.FDCI, err = distance(v.feats, j.real)
			if err != nil {
				return nil, err
			}
		}
		out = append(out, t)
		if a.done += j.n * set.NFE; a.o.Watch != nil {
			a.o.Watch(min(a.done, a.total), a.total)
		}
	}
	return out, nil
}

// compare fills in the ratio of t to the best setting, whose samples come of the
// same noise: groups of both are left out together.
func (a *readingAdviser) compare(t *ReadingTrial, best ReadingTrial) error {
	if v := float64(t.FD); v != v || t.feats.IsEmpty() {
		return nil
	}
	groups := min(readGroups, t.feats.N/2)
	v, ci, err := metric.Jackknife(groups, func(g int) (float64, error) {
		mine, err := metric.Frechet(without(t.feats, groups, g), a.j.real)
		if err != nil {
			return 0, err
		}
		theirs, err := metric.Frechet(without(best.feats, groups, g), a.j.real)
		return mine / theirs, err
	})
	t.Ratio, t.RatioCI = metric.Number(v), ci
	return err
}

// cheapest returns the first setting by cost that lies within the tolerance and
// was not rejected, the best one if no other does.
func (a *readingAdviser) cheapest(best ReadingTrial) metric.Setting {
	for _, t := range a.out.Curve {
		if float64(t.Ratio) <= a.o.Tolerance && t.NFE < best.NFE && !slices.ContainsFunc(a.out.Rejected, func(r ReadingTrial) bool { return r.setting() == t.setting() }) {
			return t.setting()
		}
	}
	return best.setting()
}

// Figure draws the Frechet distance against the number of evaluations.
func (a ReadingAdvice) Figure(title string, dark bool) (plot.Figure, error) {
	best := plot.Series{Name: "best solver and grid"}
	for _, t := range a.Curve {
		if v := float64(t.FD); v > 0 {
			best.NFE, best.W2 = append(best.NFE, float64(t.NFE)), append(best.W2, v)
			best.Lo, best.Hi = append(best.Lo, float64(t.FDCI[0])), append(best.Hi, float64(t.FDCI[1]))
		}
	}
	c := a.Chosen
	grid := c.Grid
	if grid == "" {
		grid = equalSteps
	}
	chosen := plot.Series{
		Name: fmt.Sprintf("advised: %s, %s, %d", c.Solver, grid, c.NFE), NFE: []float64{float64(c.NFE)}, W2: []float64{float64(c.FD)},
		Lo: []float64{float64(c.FDCI[0])}, Hi: []float64{float64(c.FDCI[1])},
	}
	q := plot.Quality{Title: title, Label: "FD to data", Series: []plot.Series{best, chosen}, Dark: dark}
	if v := float64(a.Floor.FD); v > 0 {
		q.Floor, q.FloorLo, q.FloorHi = v, float64(a.Floor.FDCI[0]), float64(a.Floor.FDCI[1])
	}
	return q.Figure()
}
