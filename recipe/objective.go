package recipe

import (
	"fmt"
	"slices"
	"strings"

	"laminar/flow"
	"laminar/nn"
	"laminar/objective"
	"laminar/path"
)

// Auto stands for a choice that the family makes: of the path and of the
// prediction. See Settled.
const Auto = "auto"

// families are the kinds of generative model with what each implies.
var families = []struct {
	path.Entry
	path    string   // if left open
	predict []string // what its network may answer, the default first
	method  string   // default solver
}{
	{path.Entry{Name: "flow", About: "flow matching: straight paths, velocities, any coupling"}, "linear", []string{"velocity", "data", "noise"}, "euler"},
	{path.Entry{Name: "diffusion", About: "DDPM: variance-preserving paths, noise, independent pairs"}, "vp", []string{"noise", "velocity", "data"}, "euler"},
	{path.Entry{Name: "score", About: "denoising score matching: as diffusion, but the network answers the score itself"}, "vp", []string{"score"}, "euler"},
	{path.Entry{Name: "gan", About: "adversarial: one evaluation, a critic in training, no path to watch"}, "linear", []string{"velocity"}, "euler"},
}

// Families lists the kinds of generative model, the default first.
func Families() []string {
	var out []string
	for _, f := range families {
		out = append(out, f.Name)
	}
	return out
}

// FamilyCatalogue describes the Families.
func FamilyCatalogue() []path.Entry {
	var out []path.Entry
	for _, f := range families {
		out = append(out, f.Entry)
	}
	return out
}

var objectives = []path.Entry{
	{Name: "velocity", About: "the velocity of the path"},
	{Name: "meanflow", About: "the mean velocity over a step of any length, by its derivative (MeanFlow)"},
	{Name: "shortcut", About: "the mean velocity over steps of lengths 1, 1/2, 1/4 ..., each from two of half the length"},
	{Name: "consistency", About: "the way to the end of the path, the same from all points of it (consistency flow matching)"},
}

// Objectives lists what a flow's network can be trained for, the default first.
func Objectives() []string {
	var out []string
	for _, o := range objectives {
		out = append(out, o.Name)
	}
	return out
}

// ObjectiveCatalogue describes the Objectives.
func ObjectiveCatalogue() []path.Entry { return slices.Clone(objectives) }

// Predictions lists what a network can answer, the default, Auto, first.
// Whatever it is, the finished model answers velocities.
func Predictions() []string {
	out := []string{Auto}
	for _, p := range path.Predictions() {
		out = append(out, string(p))
	}
	return out
}

// family returns the place of r's family in the table, -1 if it is unknown.
func (r Recipe) family() int { return slices.Index(Families(), r.Family) }

// Method returns the solver by which models of r are sampled unless told
// otherwise.
func (r Recipe) Method() string {
	f := r.family()
	switch {
	case r.Objective == "meanflow", r.Objective == "shortcut":
		return "jump"
	case r.solvesTables():
		return "unipc"
	case r.Data.Kind == Molecules && r.Family == "flow" && r.Objective == "velocity":
		return moleculeMethod
	case f >= 0:
		return families[f].method
	}
	return families[0].method
}

// tableNFE is the number of evaluations beyond which rows of tables gain little, unless
// they have many choices; mostForChoices bounds it where these are very many.
const (
	tableNFE       = 10
	mostForChoices = 32
)

// solvesTables reports whether models of r are flows of tables with a schedule, which a
// method that knows it and the steps before follows best.
func (r Recipe) solvesTables() bool {
	if r.Data.Kind != Table || r.Family != "flow" || r.Objective != "velocity" || r.Distill != nil {
		return false
	}
	s, err := r.Schedule()
	return s != nil && err == nil
}

// Once tells that models of r answer where a whole path ends: one evaluation is the
// only number that makes sense.
func (r Recipe) Once() bool {
	return r.Family == "gan" || r.Distill != nil && r.Distill.Method == "distill"
}

// NFE returns the number of network evaluations by which models of r are sampled
// unless told otherwise, 0 where any number is as good. choices are those of a row:
// many take more evaluations, so that few of them are made at once.
func (r Recipe) NFE(choices []flow.Choice) int {
	switch {
	case r.Once():
		return 1
	case r.Objective == "consistency":
		return r.Loss.Segments
	case r.Objective == "meanflow", r.Objective == "shortcut":
		return 4
	case r.Distill != nil && (r.Data.Kind == Images || r.Data.Kind == Sound):
		return studentNFE
	case r.Data.Kind == Images && r.Family == "flow":
		return imageNFE
	case r.Data.Kind == Sound && r.Family == "flow":
		return soundNFE
	case r.Data.Kind == Molecules && r.Family == "flow":
		return moleculeNFE
	case r.solvesTables():
		steps := 0.0 // three for four choices, within the time of each
		for _, k := range choices {
			steps += 0.75 / k.End()
		}
		return max(tableNFE, min(int(steps), mostForChoices))
	}
	return 0
}

// Settled returns r with the path and the prediction of its family where they are
// Auto. A family that is trained on independent pairs, and a path that draws its
// own noise, settle the coupling too; else Compose does, which sees the data.
func (r Recipe) Settled() Recipe {
	f := r.family()
	if f < 0 {
		return r
	}
	if r.Path.Name == Auto {
		r.Path.Name = families[f].path
	}
	if r.Predict == Auto {
		r.Predict = families[f].predict[0]
	}
	if r.Coupling.Name == AutoCoupling && r.Data.TimeColumn != "" && r.Family == "flow" {
		r.Coupling.Name = "ot"
	}
	if r.Coupling.Name == AutoCoupling && (r.Family != "flow" || r.Path.Name == "target") {
		r.Coupling.Name = "independent"
	}
	return r
}

func (r Recipe) validObjective() (errs []error) {
	bad := func(path, format string, a ...any) {
		errs = append(errs, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)})
	}
	for _, f := range []struct {
		path, value string
		valid       []string
	}{
		{"family", r.Family, Families()},
		{"objective", r.Objective, Objectives()},
		{"predict", r.Predict, Predictions()},
	} {
		if !slices.Contains(f.valid, f.value) {
			bad(f.path, "unknown %q; one of %s", f.value, strings.Join(f.valid, ", "))
		}
	}
	if len(errs) > 0 {
		return errs
	}
	r = r.Settled()
	f := families[r.family()]
	independent := r.Coupling.Name == "independent"
	switch {
	case !slices.Contains(f.predict, r.Predict):
		bad("predict", "the family %s answers %s, not %s", f.Name, strings.Join(f.predict, " or "), r.Predict)
	case f.Name != "flow" && r.Objective != "velocity":
		bad("objective", "%s is for the family flow, not %s", r.Objective, f.Name)
	case f.Name != "flow" && !independent:
		bad("coupling.name", "the family %s has no pairs of noise and data to choose: only independent goes with it, not %s", f.Name, r.Coupling.Name)
	case r.Objective != "velocity" && r.Predict != "velocity":
		bad("predict", "the objective %s is about velocities, not %s", r.Objective, r.Predict)
	case f.Name != "flow" && f.Name != "gan" && r.Source != "gaussian":
		bad("source", "the family %s starts from Gaussian noise; leave the source out or use the family flow", f.Name)
	case r.Path.Name == "target" && !independent:
		bad("coupling.name", "the path target draws its own noise: only independent goes with it, not %s", r.Coupling.Name)
	case r.Path.Name == "target" && r.Source != "gaussian":
		bad("source", "the path target draws its own Gaussian noise; another path goes from %s", r.Source)
	case r.Predict == "noise" && r.Source != "gaussian":
		bad("predict", "noise is what a Gaussian source gives; from %s the network can answer velocity or data", r.Source)
	case r.Path.Name == "target" && r.Predict != "velocity" && r.Predict != "data":
		bad("predict", "%s is not known on the path target, which draws its own; velocity or data are", r.Predict)
	case r.Predict != "velocity" || f.Name != "flow":
		s, err := path.NewSchedule(r.Path)
		if err != nil || s != nil {
			break // Validate reports the fault
		}
		if r.Path.Name == "bridge" {
			bad("path.name", "a bridge leads to velocities of the family flow only: its x_t is not made of noise and data alone")
		} else {
			bad("path.sigma", "must be 0, so that x_t is made of noise and data alone, from which velocities are computed")
		}
	}
	return errs
}

// objective returns what the recipe trains the network for. It notes which times
// are left out.
func (p *Plan) objective() (objective.Objective, error) {
	r, cond := p.Recipe, p.Train.CondSpec()
	drop := r.Drop
	if cond.IsZero() {
		drop = 0
	}
	p.unused()
	if r.Family == "gan" {
		critic, err := r.Loss.Critic.Network(p.Train.Dim(), cond)
		return objective.Adversarial{Critic: critic, R1: r.Loss.R1, Rate: r.Loss.CriticRate, Drop: drop}, err
	}
	way, err := path.New(r.Path)
	if err != nil {
		return nil, err
	}
	times, err := path.NewTimes(r.Path)
	if err != nil {
		return nil, err
	}
	weight, err := path.NewWeight(r.Path)
	if err != nil {
		return nil, err
	}
	schedule, err := path.NewSchedule(r.Path)
	if err != nil {
		return nil, err
	}
	teacher, err := p.teach()
	if err != nil {
		return nil, err
	}
	line := objective.Line{Path: way, Drop: drop, Teacher: teacher}
	if affine, ok := way.(path.Affine); ok && r.Objective != "velocity" && teacher == nil {
		if _, hi := path.Clip(path.Velocity, affine.Schedule); hi < 1 {
			p.note("velocities from %.3g on are those of that time: along the path %s they are infinite at the end", hi, r.Path.Name)
		}
	}
	switch r.Objective {
	case "meanflow":
		return objective.MeanFlow{Line: line, Equal: r.Loss.Equal, TimeMean: r.Loss.TimeMean, TimeScale: r.Loss.TimeScale}, nil
	case "shortcut":
		return objective.Shortcut{Line: line, Bootstrap: r.Loss.Bootstrap}, nil
	case "consistency":
		return objective.Consistency{Line: line, Segments: r.Loss.Segments, Delta: r.Loss.Delta, Alpha: r.Loss.Alpha}, nil
	}
	if r.Distill != nil && r.Distill.Method == "distill" {
		times = path.Within{Of: times, Lo: 0, Hi: 0}
	}
	o := objective.FlowMatching{
		Path: way, Times: times, Drop: drop,
		Predict: path.Prediction(r.Predict), Schedule: schedule, Weight: weight,
	}
	choices := p.masked()
	if len(choices) > 0 {
		o.Path = path.Masked{Of: way, Choices: choices}
	}
	lo, hi := o.Clip()
	what := r.Predict + " along the path " + r.Path.Name
	if r.Path.Name == "bridge" {
		lo, hi, what = path.BridgeClip, 1-path.BridgeClip, "the velocity of a bridge"
	}
	if (lo > 0 || hi < 1) && len(choices) == 0 { // choices are all made at the end
		p.note("trained at times from %.3g to %.3g: %s is singular at an end", lo, hi, what)
	}
	return o, nil
}

// masked returns the coordinates that the plan learns as choices, along the path
// path.Masked. Models for few steps and GANs take them for numbers.
func (p *Plan) masked() []flow.Choice {
	r := p.Recipe
	if r.Objective != "velocity" || r.Family == "gan" {
		return nil
	}
	out := slices.Clone(p.choices)
	for k := range out {
		out[k].By = r.Path.ChoicesBy
	}
	return out
}

// unused notes settings that were changed and that nothing in the run looks at.
func (p *Plan) unused() {
	r, d, loss := p.Recipe, path.Defaults(), objective.Defaults()
	few, gan := r.Family == "flow" && r.Objective != "velocity", r.Family == "gan"
	what, names := "", []string(nil)
	tell := func(by, name string, changed bool) {
		if changed {
			what, names = by, append(names, name)
		}
	}
	if few || gan {
		by := "objective " + r.Objective
		if gan {
			by = "family gan"
		}
		tell(by, "path.name", gan && r.Path.Name != "linear")
		tell(by, "path.sigma", gan && r.Path.Sigma != 0)
		tell(by, "path.time", r.Path.Time != d.Time)
		tell(by, "path.shift", r.Path.Shift != d.Shift || r.Path.ShiftLength != 0)
		tell(by, "path.weight", r.Path.Weight != d.Weight)
	}
	p.tellUnused(what, names)
	for _, f := range []struct {
		by, name     string
		used, change bool
	}{
		{"path " + r.Path.Name, "path.power", r.Path.Name == "polynomial", r.Path.Power != d.Power},
		{"times " + r.Path.Time, "path.time_mean", r.Path.Time == "logit-normal", r.Path.TimeMean != d.TimeMean},
		{"times " + r.Path.Time, "path.time_scale", r.Path.Time == "logit-normal", r.Path.TimeScale != d.TimeScale},
		{"times " + r.Path.Time, "path.time_mode", r.Path.Time == "mode", r.Path.TimeMode != d.TimeMode},
		{"times " + r.Path.Time, "path.time_edge", r.Path.Time == "u-shaped", r.Path.TimeEdge != d.TimeEdge},
		{"objective " + r.Objective, "loss.segments", r.Objective == "consistency", r.Loss.Segments != loss.Segments},
		{"path of plain numbers", "path.choices_by", len(p.masked()) > 0, r.Path.ChoicesBy != d.ChoicesBy},
		{"family " + r.Family, "loss.r1", gan, r.Loss.R1 != loss.R1},
	} {
		if !f.used && f.change {
			p.tellUnused(f.by, []string{f.name})
		}
	}
}

func (p *Plan) tellUnused(by string, names []string) {
	if len(names) > 0 {
		p.note("the %s makes no use of %s", by, strings.Join(names, ", "))
	}
}

// note adds a line to what a person should know of the plan.
func (p *Plan) note(format string, a ...any) {
	p.Notes = append(slices.Clone(p.Notes), fmt.Sprintf(format, a...))
}

// velocity returns the network of the finished model, which answers velocities
// whatever p.Net does.
func (p *Plan) velocity() (nn.Network, error) {
	if c, ok := p.Objective.(objective.Converter); ok {
		return c.Velocity(p.Net)
	}
	return p.Net, nil
}
