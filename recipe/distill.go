package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"laminar/data"
	"laminar/flow"
	"laminar/graph"
	"laminar/model"
	"laminar/nn"
	"laminar/objective"
	"laminar/path"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
)

// Distill says what a run learns from a teacher, a model trained before.
type Distill struct {
	// Method is an entry of DistillCatalogue.
	Method string `json:"method"`
	// Teacher is the path of the teacher's model file, and Digest its SHA-256,
	// filled in when it is read.
	Teacher string `json:"teacher"`
	Digest  string `json:"digest,omitempty"`
	// Round is the number of this run among the rounds of reflow, from 1.
	Round int `json:"round"`
	// Pool is the number of pairs that the teacher makes for reflow and distill,
	// NFE what it spends on each, by Heun's method or its own long steps.
	Pool int `json:"pool"`
	NFE  int `json:"nfe"`
	// Guidance is the scale of classifier-free guidance by which the teacher makes
	// them, which the student then needs no more; 0 and 1 are none.
	Guidance float64 `json:"guidance,omitempty"`
}

// DistillDefaults returns the first round of a method.
func DistillDefaults(method, teacher string) Distill {
	return Distill{Method: method, Teacher: teacher, Round: 1, Pool: 1 << 17, NFE: 64}
}

var distillations = []struct {
	path.Entry
	objective string
}{
	{path.Entry{Name: "reflow", About: "flow matching on the teacher's own pairs: straighter paths"}, "velocity"},
	{path.Entry{Name: "distill", About: "regression on the teacher's whole path: one evaluation only"}, "velocity"},
	{path.Entry{Name: "meanflow", About: "steps of any length, by the derivative of their mean"}, "meanflow"},
	{path.Entry{Name: "shortcut", About: "steps of length 1, 1/2, 1/4 ..., each from two halves"}, "shortcut"},
	{path.Entry{Name: "consistency", About: "the end of the path, the same from all points of it"}, "consistency"},
}

// DistillCatalogue lists the methods that learn from a teacher.
func DistillCatalogue() []path.Entry {
	var out []path.Entry
	for _, d := range distillations {
		out = append(out, d.Entry)
	}
	return out
}

// Distilled returns the recipe of a run that learns from the model of r by a
// method: the same data, seed and network, the method's objective, a quarter of
// the steps; as many steps where r's model is a student itself.
func (r Recipe) Distilled(d Distill) (Recipe, error) {
	if err := d.validate(); err != nil {
		return r, below("distill", err)
	}
	if r.Family == "gan" {
		return r, &flow.FieldError{Path: "distill.teacher", Msg: "is a GAN, which takes one evaluation already and has no path to learn from"}
	}
	if r.Once() {
		return r, &flow.FieldError{Path: "distill.teacher", Msg: "was distilled into one step and has no path to learn from; name the model that it learnt from"}
	}
	r = r.Settled()
	if r.Distill == nil {
		// What the teacher has found out need not be found again.
		r.Train.Steps = max(1, r.Train.Steps/4)
		r.Train.Planned = nil
	}
	for _, m := range distillations {
		if m.Name == d.Method {
			r.Objective = m.objective
		}
	}
	// The student answers velocities of a flow, whatever its teacher does; pairs
	// of noise and of what it became lie on straight lines.
	r.Family, r.Predict, r.Distill = "flow", "velocity", &d
	// Velocities of a teacher have no noise of chance pairs in them: few rows need
	// to learn them, and long steps want times at both ends.
	r.Loss.Equal, r.Loss.TimeMean, r.Loss.TimeScale = 0.25, 0, 3
	r.Loss.Bootstrap, r.Loss.Delta = 0.75, 0.05
	if r.pools() {
		r.Path = path.Defaults()
		r.Coupling.Name, r.Coupling.Block = "independent", 1 // the teacher pairs
	}
	return r, nil
}

func (d Distill) validate() error {
	bad := func(path, format string, a ...any) error {
		return &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)}
	}
	var names []string
	for _, m := range distillations {
		names = append(names, m.Name)
	}
	switch {
	case !slices.Contains(names, d.Method):
		return bad("method", "unknown %q; one of %s", d.Method, strings.Join(names, ", "))
	case d.Teacher == "":
		return bad("teacher", "is empty; name a model file or a run folder")
	case d.Round < 1:
		return bad("round", "%d is not a round, which count from 1", d.Round)
	case d.Pool < 1 || d.Pool > 1<<30:
		return bad("pool", "%d is not in 1..%d", d.Pool, 1<<30)
	case d.NFE < 2 || d.NFE%2 != 0:
		return bad("nfe", "%d is not an even number of evaluations, at least 2", d.NFE)
	case d.Guidance < 0 || d.Guidance != d.Guidance || d.Guidance > 100:
		return bad("guidance", "%v is not in 0..100", d.Guidance)
	case d.Guidance != 0 && d.Guidance != 1 && d.NFE%4 != 0:
		return bad("nfe", "%d is no multiple of 4, what a guided step of Heun's method takes", d.NFE)
	}
	return nil
}

// pools tells that the run's pairs are those of a pool that the teacher makes.
func (r Recipe) pools() bool {
	return r.Distill != nil && (r.Distill.Method == "reflow" || r.Distill.Method == "distill")
}

// Teacher is a trained model that a run learns from.
type Teacher struct {
	Model  *model.Model
	Recipe Recipe
	// Source is where its flow starts, nil for N(0, I).
	Source data.RowSource
}

// takeTeacher checks that the teacher lives in the plan's space. A plan that is
// only to be judged by needs no teacher.
func (p *Plan) takeTeacher(t *Teacher) error {
	d := p.Recipe.Distill
	if d == nil || t == nil {
		return nil
	}
	mine, err := json.Marshal(p.Transform)
	if err != nil {
		return err
	}
	theirs, err := json.Marshal(t.Model.Transform)
	if err != nil {
		return err
	}
	if t.Model.Dim() != p.Train.Dim() || t.Model.Cond != p.Train.CondSpec() || string(mine) != string(theirs) {
		return &flow.FieldError{Path: "distill.teacher", Msg: "was trained on other data, or on these under another seed or transform"}
	}
	p.Teacher = t
	return nil
}

// network returns the network that r describes, as its objective wants it.
func (r Recipe) network(dim int, c flow.CondSpec) (nn.Network, error) {
	n, err := r.Network.Network(dim, c)
	if err == nil && (r.Objective == "meanflow" || r.Objective == "shortcut") {
		n = nn.LongStep{Network: n}
	}
	return n, err
}

// teach returns the teacher as objectives want it, nil without one.
func (p *Plan) teach() (*objective.Teacher, error) {
	if p.Teacher == nil || p.Recipe.pools() {
		return nil, nil
	}
	r, m := p.Teacher.Recipe.Settled(), p.Teacher.Model
	net, err := r.network(m.Dim(), m.Cond)
	if err != nil {
		return nil, err
	}
	r.Distill = nil
	theirs := &Plan{Recipe: r, Train: p.Train, Net: net}
	if theirs.Objective, err = theirs.objective(); err != nil {
		return nil, err
	}
	if net, err = theirs.velocity(); err != nil {
		return nil, err
	}
	prog, err := nn.Velocity(net)
	if err != nil {
		return nil, err
	}
	if !sameLayout(prog.Layout(nn.Group), m.Program.Layout(nn.Group)) {
		return nil, &flow.FieldError{Path: "distill.teacher", Msg: "its network is not one that its recipe describes: only reflow and distill learn from it"}
	}
	return &objective.Teacher{Net: net, Params: m.Params}, nil
}

func sameLayout(a, b graph.Layout) bool {
	return slices.EqualFunc(a.Entries, b.Entries, func(x, y graph.Entry) bool {
		return x.Name == y.Name && slices.Equal(x.Shape, y.Shape)
	})
}

// Begin returns the parameters from which a student starts: those of its teacher
// where it answers velocities by a network that fits into the student's, with
// zeros for what the student sees beyond it. nil where there is no such teacher.
func (p *Plan) Begin() ([]float32, error) {
	if p.Teacher == nil || p.Teacher.Recipe.Settled().Predict != "velocity" {
		return nil, nil
	}
	prog, err := nn.Velocity(p.Net)
	if err != nil {
		return nil, err
	}
	old, own := p.Teacher.Model.Program.Layout(nn.Group), prog.Layout(nn.Group)
	if len(old.Entries) != len(own.Entries) {
		return nil, nil
	}
	out := make([]float32, own.Size)
	for i, e := range own.Entries {
		f := old.Entries[i]
		if e.Name != f.Name || len(e.Shape) != len(f.Shape) {
			return nil, nil
		}
		src, dst := p.Teacher.Model.Params[f.Offset:f.Offset+f.Size], out[e.Offset:e.Offset+e.Size]
		if slices.Equal(e.Shape, f.Shape) {
			copy(dst, src)
			continue
		}
		if len(e.Shape) != 2 || e.Shape[0] != f.Shape[0] || e.Shape[1] < f.Shape[1] {
			return nil, nil
		}
		for row := range e.Shape[0] {
			copy(dst[row*e.Shape[1]:], src[row*f.Shape[1]:(row+1)*f.Shape[1]])
		}
	}
	return out, nil
}

// Generate has the teacher make the pool of pairs that the run learns from, if it
// learns from one. Training needs it, evaluation does not. watch, which may be
// nil, is told how many pairs of how many there are.
func (p *Plan) Generate(ctx context.Context, workers int, watch func(done, total int)) error {
	if !p.Recipe.pools() || p.Reflow != nil {
		return nil
	}
	d, t := p.Recipe.Distill, p.Teacher
	c := sample.Config{
		N: d.Pool, Seed: rng.New(p.Recipe.Train.Seed).Split("reflow").At(uint64(d.Round)),
		Source: t.Source, Workers: workers, Guidance: d.Guidance, Watch: watch, Solve: solve.Defaults(),
	}
	c.Solve.Method, c.Solve.NFE = "heun", d.NFE
	if t.Model.LongSteps() {
		c.Solve.Method = "jump"
	}
	var err error
	p.Reflow, err = sample.NewReflow(ctx, t.Model, c, p.Train)
	return err
}

// TrainPairs returns what training consumes: the pairs of the coupling, or those
// of the teacher, which are nil until Generate has made them.
func (p *Plan) TrainPairs() flow.PairSource {
	switch {
	case p.Times != nil:
		return p.TimedPairs
	case p.Recipe.pools() && p.Reflow == nil, p.Pairs == nil:
		return nil
	case p.Recipe.pools():
		return p.Reflow
	}
	return p.Pairs
}
