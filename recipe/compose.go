package recipe

import (
	"context"
	"fmt"
	"slices"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/internal/kernel"
	"laminar/model"
	"laminar/nn"
	"laminar/objective"
	"laminar/path"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
	"laminar/train"
)

// Material is what a recipe is composed with: for the data and for the source,
// what was read or built in. A zero Source is N(0, I).
type Material struct {
	Data   Given
	Source Given
	// Teacher is the model that a recipe with Distill learns from.
	Teacher *Teacher
}

// Given is what data are given as: a distribution, a table of points, or a set
// whose rows have a form. Exactly one is set.
type Given struct {
	Toy   data.RowSource
	Table *data.Table
	Set   Set
}

// IsZero reports whether nothing is given.
func (g Given) IsZero() bool { return g.Toy == nil && g.Table == nil && g.Set == nil }

// IsBuiltIn reports whether name is that of a built-in data set.
func IsBuiltIn(name string) bool {
	for _, e := range data.Catalogue() {
		if e.Name == name {
			return true
		}
	}
	return false
}

// BuiltInData returns a built-in data set by name. labelled keeps the class
// ids of a stored set.
func BuiltInData(name string, labelled bool) (Given, error) {
	if t, err := data.NamedTable(name); err == nil {
		if !labelled {
			t.Label, t.Class, t.Classes = "", nil, nil
		}
		return Given{Table: t}, nil
	}
	d, err := data.Named(name)
	if err != nil {
		return Given{}, err
	}
	if labelled {
		c, ok := d.(data.Classed)
		if !ok {
			return Given{}, fmt.Errorf("%w: %s has no classes", flow.ErrConfig, name)
		}
		if d, err = c.WithClasses(); err != nil {
			return Given{}, fmt.Errorf("%w: %s has no classes; leave the label out", flow.ErrConfig, name)
		}
	}
	src, ok := d.(data.RowSource)
	if !ok {
		return Given{}, fmt.Errorf("%w: rows of %s cannot be drawn one by one", flow.ErrConfig, name)
	}
	return Given{Toy: src}, nil
}

// CheckLabel returns a *flow.FieldError unless d.Label is one that its built-in
// set answers to: "class", or the name of the set's own label column.
func (d Data) CheckLabel() error {
	if d.Label == "" || d.Label == "class" {
		return nil
	}
	valid := "class"
	if t, err := data.NamedTable(d.Name); err == nil && t.Label != "" {
		if d.Label == t.Label {
			return nil
		}
		if t.Label != "class" {
			valid += " or " + t.Label
		}
	}
	return &flow.FieldError{Path: "data.label", Msg: fmt.Sprintf("%s has no column %q; its classes are asked for by %s", d.Name, d.Label, valid)}
}

// BuiltIn returns the material of a recipe that names built-in sets only.
func BuiltIn(r Recipe) (Material, error) {
	var m Material
	err := r.Data.CheckLabel()
	if err != nil {
		return m, err
	}
	if m.Data, err = BuiltInData(r.Data.Name, r.Data.Label != "" && !r.Data.DropLabel); err != nil {
		return m, err
	}
	if r.Source != "gaussian" {
		m.Source, err = BuiltInData(r.Source, false)
	}
	return m, err
}

// Plan is a recipe brought together with its data: all that training and
// evaluation need.
type Plan struct {
	Recipe Recipe
	// Form says what a row stands for, nil for plain points.
	Form      Form
	Transform data.Transform
	Columns   []string
	Classes   []string // names of the class ids
	// Conditions names the real-valued conditions, CondTransform leads to the
	// network's numbers; nil is the identity.
	Conditions    []string
	CondTransform data.Transform
	Notes         []string // remarks on the data for the user

	// Train and Source are in the network's space; HeldOut is nil without rows
	// kept from training.
	Train   data.RowSource
	HeldOut data.RowSource
	Source  data.RowSource
	// Judge is what samples are compared with, in the numbers of the data:
	// rows kept from training if they are many enough, else all rows, or fresh
	// draws.
	Judge data.RowSource
	// Against says in words what Judge is.
	Against    string
	judged     *data.Table // Judge's rows, nil for a distribution
	judgedCond data.Transform
	choices    []flow.Choice // coordinates that are options

	Net       nn.Network
	Objective objective.Objective
	// Pairs is nil where rows have times, whose pairs TimedPairs makes.
	Pairs     *coupling.Source
	heldPairs flow.PairSource

	// Times are the times of the marginals that are learnt from, in ascending
	// order, and Marginals all there are; nil without a column of times. Source
	// and Train are then the first and the last marginal.
	Times       []float64
	Marginals   []Marginal
	TimedPairs  flow.PairSource
	learn, held []flow.Dataset
	// Teacher is what a distillation learns from, else nil; Reflow its pairs, once
	// Generate has made them.
	Teacher *Teacher
	Reflow  *sample.Reflow
}

// judgeRows is the least number of held-out rows that samples are compared with;
// of fewer, too little of a distance is left above its floor, and all rows take
// their place.
const judgeRows = 100

// splitRows is the fewest rows of which some are held out.
const splitRows = 20

// fitRows is the number of draws from which a distribution is standardised.
const fitRows = 100_000

// Compose brings the recipe and its data together.
func (r Recipe) Compose(m Material) (*Plan, error) {
	if m.Data.Set != nil {
		if err := m.Data.Set.Suit(&r); err != nil {
			return nil, err
		}
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	r = r.Settled()
	key := rng.New(r.Train.Seed)
	p := &Plan{Recipe: r, Transform: data.Identity{}}
	if err := p.takeData(m.Data, key); err != nil {
		return nil, err
	}
	if p.Times == nil {
		if err := p.takeSource(m.Source); err != nil {
			return nil, err
		}
	}
	if err := p.takeTeacher(m.Teacher); err != nil {
		return nil, err
	}
	var err error
	if p.Net, err = r.network(p.Train.Dim(), p.Train.CondSpec()); err != nil {
		return nil, err
	}
	if p.Times != nil {
		if p.TimedPairs, err = p.chain(p.learn); err != nil {
			return nil, err
		}
		if p.heldPairs, err = p.chain(p.held); err != nil {
			return nil, err
		}
		p.Objective, err = p.objective()
		return p, err
	}
	p.chooseCoupling()
	if p.Pairs, err = p.couple(p.Recipe.Coupling, p.Train); err != nil {
		return nil, err
	}
	if p.HeldOut != nil {
		if p.heldPairs, err = p.couple(p.heldCoupling(), p.HeldOut); err != nil {
			return nil, err
		}
	}
	p.Objective, err = p.objective()
	return p, err
}

func (p *Plan) takeData(s Given, key rng.Key) error {
	r := p.Recipe
	if s.Toy == nil && r.Data.Noise > 0 {
		return &flow.FieldError{Path: "data.noise", Msg: fmt.Sprintf("%s holds stored rows; noise is added to built-in distributions only", r.Data.Name)}
	}
	if s.Set != nil {
		return p.takeSet(s.Set, key)
	}
	if s.Table == nil {
		if s.Toy == nil {
			return fmt.Errorf("%w: no data", flow.ErrConfig)
		}
		if r.Data.Noise > 0 {
			s.Toy = data.Noisy{RowSource: s.Toy, Std: r.Data.Noise}
		}
		p.Judge, p.Against = s.Toy, "fresh draws"
		if c, ok := s.Toy.(data.Classed); ok && s.Toy.CondSpec().Classes > 0 {
			p.Classes = c.ClassNames()
		}
		for i := range s.Toy.Dim() {
			p.Columns = append(p.Columns, fmt.Sprintf("x%d", i))
		}
		if !r.Data.Standardise {
			p.Train = s.Toy
			return nil
		}
		z, err := data.EstimateStandardise(s.Toy, fitRows, key.Split("standardise"))
		if err != nil {
			return err
		}
		p.Transform, p.Train = z, data.Transformed{RowSource: s.Toy, Transform: z}
		return nil
	}
	all := s.Table
	if r.Data.TimeColumn != "" {
		return p.takeTimes(all, key)
	}
	p.Columns, p.Classes, p.Notes = all.Columns, all.Classes, all.Notes
	learn, held := all, (*data.Table)(nil)
	if r.Data.HeldOut > 0 && all.X.N < splitRows {
		p.Notes = append(slices.Clone(p.Notes), fmt.Sprintf("%d rows are too few to keep some from training: all are trained on", all.X.N))
	} else if r.Data.HeldOut > 0 {
		var err error
		if learn, held, err = all.Split(r.Data.HeldOut, key.Split("held out")); err != nil {
			return err
		}
	}
	var conditions data.Transform
	if r.Data.Standardise {
		z, err := data.FitStandardise(learn.X)
		if err != nil {
			return fmt.Errorf("%s: %w", all.Name, err)
		}
		p.Transform = z
		if !learn.Real.IsEmpty() {
			if conditions, err = data.FitStandardise(learn.Real); err != nil {
				return fmt.Errorf("%s: %w", all.Name, err)
			}
		}
	}
	p.Conditions, p.CondTransform = all.Conditions, conditions
	stored, err := learn.Dataset(p.Transform, conditions)
	if err != nil {
		return err
	}
	p.Train = stored
	judged := all
	p.Against = "all rows, those of training among them"
	if held != nil {
		if p.HeldOut, err = held.Dataset(p.Transform, conditions); err != nil {
			return err
		}
		if held.X.N >= judgeRows {
			judged, p.Against = held, "rows that training has not seen"
		} else {
			p.Notes = append(slices.Clone(p.Notes), fmt.Sprintf("%d held-out rows are too few to judge samples by: all %d rows are used", held.X.N, all.X.N))
		}
	}
	return p.JudgeBy(judged, conditions)
}

// JudgeBy makes the rows of a table what samples are compared with; conditions
// leads from its real-valued conditions to the network's, nil is the identity.
func (p *Plan) JudgeBy(t *data.Table, conditions data.Transform) (err error) {
	p.Judge, err = t.Dataset(data.Identity{}, conditions)
	p.judged, p.judgedCond = t, conditions
	return err
}

// JudgeByDraws makes draws of a distribution what samples are compared with.
func (p *Plan) JudgeByDraws(d data.RowSource) {
	p.Judge, p.judged, p.judgedCond = d, nil, nil
}

// Measured returns Judge and the map into its numbers for measuring distances: a
// table's columns are standardised by themselves, in float64, so that no column
// outweighs the others by its unit, and a large offset does not use up the
// digits of float32. Distributions are measured as they are.
func (p *Plan) Measured() (data.RowSource, data.Transform, error) {
	if p.judged == nil {
		return p.Judge, data.Identity{}, nil
	}
	fit, err := data.FitStandardise(p.judged.X)
	if err != nil {
		return nil, nil, err
	}
	set, err := p.judged.Dataset(fit, p.judgedCond)
	return set, fit, err
}

func (p *Plan) takeSource(s Given) error {
	dim := p.Train.Dim()
	switch {
	case s.Table != nil:
		dim = s.Table.X.D
	case s.Toy != nil:
		dim = s.Toy.Dim()
	}
	if dim != p.Train.Dim() {
		return &flow.FieldError{Path: "source", Msg: fmt.Sprintf("%s has %d columns, %s has %d; they must be equal", p.Recipe.Source, dim, p.Recipe.Data.Name, p.Train.Dim())}
	}
	switch {
	case s.Table != nil:
		// Only its points: conditions come with the data.
		t := *s.Table
		t.Label, t.Class, t.Classes, t.Conditions, t.Real = "", nil, nil, nil, tensor.Matrix[float64]{}
		src, err := t.Dataset(p.Transform, nil)
		if err != nil {
			return err
		}
		p.Source = src
	case s.Toy != nil:
		p.Source = s.Toy
		if z, ok := p.Transform.(*data.Standardise); ok {
			p.Source = data.Transformed{RowSource: s.Toy, Transform: z}
		}
	default:
		p.Source = data.Noise(dim)
	}
	if own := SourceOf(p.Form); own != nil {
		if p.Source = own; p.Recipe.Source != "gaussian" {
			return &flow.FieldError{Path: "source", Msg: fmt.Sprintf("%s start from noise of their own; leave the source out", p.Form.Kind())}
		}
	}
	return nil
}

func (p *Plan) couple(c coupling.Config, d flow.Dataset) (*coupling.Source, error) {
	if s, ok := p.Form.(Sourced); ok {
		pairer, err := s.Pairer(c)
		if err != nil {
			return nil, below("coupling", err)
		}
		return coupling.NewSource(p.Source, d, pairer)
	}
	pairs, err := coupling.Build(c, p.Source, d)
	return pairs, below("coupling", err)
}

// heldCoupling is what pairs rows kept from training: batch by batch, and exact
// where the coupling of training knows only the rows that it has learnt.
func (p *Plan) heldCoupling() coupling.Config {
	c := p.Recipe.Coupling
	c.Block = 1
	if c.Name == "semidiscrete" {
		c.Name = "c2ot"
	}
	return c
}

// Prepare has the coupling learn what it must know of all the data, if it is one
// that does; it may take a while. Trainer does it too.
func (p *Plan) Prepare(ctx context.Context) error {
	if p.Pairs == nil {
		return nil
	}
	return below("coupling", p.Pairs.Prepare(ctx, p.couplingKey()))
}

// RestoreCoupling takes what an earlier Prepare of the same recipe has learnt,
// Pairs.State.
func (p *Plan) RestoreCoupling(state []byte) error {
	return p.Pairs.Restore(p.couplingKey(), state)
}

func (p *Plan) couplingKey() rng.Key { return rng.New(p.Recipe.Train.Seed).Split("coupling") }

// Trainer returns the run that the plan describes, at its first step.
func (p *Plan) Trainer(o train.Options) (*train.Trainer, error) {
	if p.Reflow == nil {
		if err := p.Prepare(context.Background()); err != nil {
			return nil, err
		}
	}
	if p.Recipe.Distill != nil && p.Teacher == nil {
		return nil, &flow.FieldError{Path: "distill.teacher", Msg: "the recipe learns from a teacher, which is missing"}
	}
	pairs := p.TrainPairs()
	if pairs == nil {
		return nil, fmt.Errorf("%w: the teacher has made no pairs yet; call Generate", flow.ErrConfig)
	}
	// Held-out pairs are those of the coupling, of which a pool knows nothing.
	if p.heldPairs != nil && p.Reflow == nil {
		o.HeldOut = p.heldPairs
	}
	c := p.Recipe.Train
	if r := p.Recipe; r.Family != "flow" || r.Objective != "velocity" || r.Distill != nil || !p.Net.CondSpec().IsZero() {
		c.Weak = 0 // conditions have a guidance of their own, and other models no field to lead away from
	}
	return train.New(c, p.Recipe.Optim, p.Objective, p.Net, pairs, o)
}

// Model returns a model with the given parameters, which must not change
// afterwards.
func (p *Plan) Model(params []float32, k *kernel.Set) (*model.Model, error) {
	net, err := p.velocity()
	if err != nil {
		return nil, err
	}
	prog, err := nn.Velocity(net)
	if err != nil {
		return nil, err
	}
	schedule, err := p.Recipe.Schedule()
	if err != nil {
		return nil, err
	}
	if SourceOf(p.Form) != nil {
		schedule = nil // which is about N(0, I)
	}
	return model.New(model.Config{
		Schedule: schedule, Choices: p.masked(), Coupled: p.Recipe.Coupled(), Once: p.Recipe.Once(),
		Program: prog, Params: params, Cond: p.Net.CondSpec(), Transform: p.Transform,
		Columns: p.Columns, Classes: p.Classes, Conditions: p.Conditions, CondTransform: p.CondTransform, Kernels: k,
	})
}

// Schedule returns that of the Gaussian paths a recipe trains on, nil if its
// source is no Gaussian.
func (r Recipe) Schedule() (flow.Schedule, error) {
	if !r.GaussianSource() || r.Family == "gan" {
		return nil, nil
	}
	return path.NewSchedule(r.Settled().Path)
}

// Coupled reports whether noise is paired with data by anything but chance: by a
// coupling, or by the teacher whose pairs a student learns.
func (r Recipe) Coupled() bool { return r.Coupling.Name != "independent" || r.pools() }
