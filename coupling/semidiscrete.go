package coupling

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/internal/ot"
	"laminar/rng"
	"laminar/tensor"
)

// Semidiscrete is the optimal transport of the source's whole distribution to
// all rows of the data: x0 goes to
//
//	argmax_j g_j - ||x0 - y_j||^2
//
// with a potential g, learnt once, under which every row has the same share of
// the source (Genevay et al. 2016; for flow matching Mousavi-Hosseini et al.
// 2025). A batch has no bias then: where a point goes does not depend on the
// others. A distribution is stood for by a fixed draw of Config.Points rows.
//
// With classes, x0 is given a class by the classes' shares and goes to its
// partner among their rows, so that noise and class stay independent. Real-valued
// conditions and masks cannot be kept so, and Prepare refuses them.
//
// It draws the data itself: use it in a Source, after its Prepare or Restore;
// Pair answers an error. From then on it is safe for concurrent use.
type Semidiscrete struct {
	points int
	rows   flow.Sample
	parts  []part
	upTo   []float64 // the parts' running shares
	learnt ot.Learned
	search sync.Pool // of *semiSearch
}

// part is the rows of one class.
type part struct {
	rows  []int32
	cells *ot.Cells
}

type semiSearch struct {
	ot.Search
	cell [1]int32
}

// ChiSquare returns how unequal the rows' shares of the source are: the mean
// squared relative error of a share, over the classes by their sizes. NaN before
// Prepare or Restore.
func (s *Semidiscrete) ChiSquare() float64 {
	if s.parts == nil {
		return math.NaN()
	}
	return s.learnt.ChiSquare
}

// Pair is the method of flow.Pairer; a batch of data cannot be paired so.
func (s *Semidiscrete) Pair(*flow.Pairs, tensor.Mat, tensor.Mat, flow.Cond, rng.Key) error {
	return fmt.Errorf("%w: the semidiscrete coupling chooses from all the data, not from a batch: use a Source", flow.ErrConfig)
}

// open lists the rows of the data, by class.
func (s *Semidiscrete) open(data flow.Dataset, key rng.Key) error {
	if spec := data.CondSpec(); spec.Real > 0 || spec.Mask {
		return &flow.FieldError{Path: "coupling.name", Msg: "semidiscrete keeps to classes only; for real-valued conditions use c2ot"}
	}
	n := data.Len()
	if n == 0 {
		n = s.points
	}
	if n < 2 {
		return &flow.FieldError{Path: "coupling.name", Msg: fmt.Sprintf("semidiscrete needs at least 2 rows, not %d", n)}
	}
	s.rows = flow.NewSample(data, n)
	if err := data.Draw(s.rows, key.Split("points"), 0); err != nil { // of stored data, each row once
		return err
	}
	byClass := map[int32][]int32{}
	classes := []int32{}
	for i := range int32(n) {
		c := flow.NoClass
		if len(s.rows.Cond.Class) > 0 {
			c = s.rows.Cond.Class[i]
		}
		if _, ok := byClass[c]; !ok {
			classes = append(classes, c)
		}
		byClass[c] = append(byClass[c], i)
	}
	s.parts, s.upTo = nil, nil
	share := 0.0
	for _, c := range classes {
		p := part{rows: byClass[c]}
		y := tensor.New(len(p.rows), data.Dim())
		for k, r := range p.rows {
			copy(y.Row(k), s.rows.X.Row(int(r)))
		}
		p.cells = ot.NewCells(y, nil)
		share += float64(len(p.rows)) / float64(n)
		s.parts, s.upTo = append(s.parts, p), append(s.upTo, share)
	}
	s.search.New = func() any { return new(semiSearch) }
	return nil
}

// Prepare is the method of flow.Preparer: it learns the potentials.
func (s *Semidiscrete) Prepare(ctx context.Context, source, data flow.Dataset, key rng.Key) error {
	if err := s.open(data, key); err != nil {
		return err
	}
	draw := func(dst tensor.Mat, key rng.Key) error {
		return source.Draw(flow.Sample{X: dst, Cond: flow.NewCond(source.CondSpec(), dst.N, dst.D)}, key, 0)
	}
	s.learnt = ot.Learned{}
	for i, p := range s.parts {
		l, err := p.cells.Learn(ctx, draw, key.Split("learn").At(uint64(i)), ot.LearnDefaults())
		if err != nil {
			s.parts = nil
			return told("semidiscrete transport", err)
		}
		s.learnt.ChiSquare += l.ChiSquare * float64(len(p.rows)) / float64(s.rows.X.N)
		s.learnt.Draws += l.Draws
	}
	return nil
}

// State is the method of flow.Preparer: the chi-square and the potentials of all
// rows, little endian.
func (s *Semidiscrete) State() ([]byte, error) {
	if s.parts == nil {
		return nil, fmt.Errorf("%w: the semidiscrete coupling is not prepared", flow.ErrConfig)
	}
	b := binary.LittleEndian.AppendUint64(nil, math.Float64bits(s.learnt.ChiSquare))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.learnt.Draws))
	for _, p := range s.parts {
		for _, g := range p.cells.Potentials() {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(g))
		}
	}
	return b, nil
}

// Restore is the method of flow.Preparer. The error wraps flow.ErrFormat when
// the state is not that of this data.
func (s *Semidiscrete) Restore(_, data flow.Dataset, key rng.Key, state []byte) error {
	if err := s.open(data, key); err != nil {
		return err
	}
	if len(state) != 16+4*s.rows.X.N {
		n := s.rows.X.N
		s.parts = nil
		return fmt.Errorf("%w: the state of the semidiscrete coupling has %d bytes, not %d for %d rows", flow.ErrFormat, len(state), 16+4*n, n)
	}
	s.learnt.ChiSquare = math.Float64frombits(binary.LittleEndian.Uint64(state))
	s.learnt.Draws = int(binary.LittleEndian.Uint64(state[8:]))
	state = state[16:]
	for _, p := range s.parts {
		g := make([]float32, len(p.rows))
		for i := range g {
			g[i] = math.Float32frombits(binary.LittleEndian.Uint32(state[4*i:]))
			if g[i]-g[i] != 0 {
				s.parts = nil
				return fmt.Errorf("%w: potential %d of the semidiscrete coupling is not finite", flow.ErrFormat, i)
			}
		}
		state = state[4*len(g):]
		p.cells.SetPotentials(g)
	}
	return nil
}

// choose writes the partner of every row of x0, with its conditions, to dst.
func (s *Semidiscrete) choose(dst flow.Sample, x0 tensor.Mat, key rng.Key) error {
	if s.parts == nil {
		return fmt.Errorf("%w: the semidiscrete coupling is not prepared: call Source.Prepare", flow.ErrConfig)
	}
	f := s.search.Get().(*semiSearch)
	defer s.search.Put(f)
	dice := key.Stream()
	for i := range x0.N {
		part := 0
		for u := dice.Float64(); part < len(s.parts)-1 && u >= s.upTo[part]; {
			part++
		}
		p := s.parts[part]
		f.Find(p.cells, x0.Rows(i, i+1), f.cell[:], nil, nil)
		if f.cell[0] < 0 {
			return fmt.Errorf("%w: semidiscrete transport: %w: row %d of the source is not finite", flow.ErrFormat, lap.ErrCost, i)
		}
		r := int(p.rows[f.cell[0]])
		copy(dst.X.Row(i), s.rows.X.Row(r))
		dst.Cond.CopyRow(i, s.rows.Cond, r)
	}
	return nil
}
