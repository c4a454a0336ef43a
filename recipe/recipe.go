// Package recipe is the one configuration of Laminar: everything that decides
// what a run does, as a serialisable value. Flags fill it, model files and
// checkpoints carry it, a server receives it as JSON.
//
//	r, err := recipe.Preset("default")
//	r.Data.Name = "moons"
//	material, err := recipe.BuiltIn(r)
//	plan, err := r.Compose(material)
//	t, err := plan.Trainer(train.Options{})
//
// A recipe holds the Specs of the packages that it composes and adds nothing to
// what they mean. Two runs of one recipe on one kernel set give the same bits.
package recipe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/nn"
	"laminar/objective"
	"laminar/optim"
	"laminar/path"
	"laminar/train"
)

// Version is the version of the recipe's form. A newer one than this is
// refused.
const Version = 1

// Data says what to learn from.
type Data struct {
	// Name is a built-in data set's name or a file's path.
	Name string `json:"name"`
	// Kind is what a row of the data is, one of Kinds; "" is Points.
	Kind string `json:"kind,omitempty"`
	// Label is the column of a file whose values become class ids, or "class"
	// for a built-in set that has classes; the model is then conditional.
	Label string `json:"label,omitempty"`
	// DropLabel leaves the Label column out.
	DropLabel bool `json:"drop_label,omitempty"`
	// Conditions are columns of a file that become real-valued conditions.
	Conditions []string `json:"conditions,omitempty"`
	// TimeColumn is the column of a file that says when each row was observed. It
	// is no coordinate: the flow goes from the rows of the first time through those
	// of the times between to those of the last.
	TimeColumn string `json:"time_column,omitempty"`
	// LeaveOut are times between the first and the last that training does not see,
	// to judge by.
	LeaveOut []float64 `json:"leave_out,omitempty"`
	// Array names the array of an NPZ archive.
	Array string `json:"array,omitempty"`
	// Schema is a file that says what the columns of a table are, "" for what they
	// look like; see laminar/data/table. Rare pools the levels of its categories
	// that fewer rows than this have.
	Schema string `json:"schema,omitempty"`
	Rare   int    `json:"rare,omitempty"`
	// Noise is the standard deviation of Gaussian noise added to every coordinate
	// of a built-in distribution; 0 for none.
	Noise float64 `json:"noise,omitempty"`
	// Standardise maps every column to mean 0 and standard deviation 1 for the
	// network; samples are mapped back.
	Standardise bool `json:"standardise"`
	// HeldOut is the share of a stored set's rows kept from training, for
	// validation and evaluation; distributions need none.
	HeldOut float64 `json:"held_out"`
	// HeldOutNames is a pattern of file names, as path.Match reads them: the files
	// that it matches are kept from training instead of a share, unless HeldOut is
	// 0. Auto leaves it to the names; "" is none. It is for sounds.
	HeldOutNames string `json:"held_out_names,omitempty"`
	// Digest is the SHA-256 of a file, filled in when it is read, so that a run
	// is only ever continued with the same data.
	Digest string `json:"digest,omitempty"`
}

// Recipe is the whole configuration of a training run.
type Recipe struct {
	Version int    `json:"version"`
	Preset  string `json:"preset"`
	// Suited tells that rows of a table have completed the recipe, which is done once.
	Suited bool `json:"suited,omitempty"`
	Data   Data `json:"data"`
	// Source is where the flow starts: "gaussian", another data set or a file.
	Source       string `json:"source"`
	SourceDigest string `json:"source_digest,omitempty"`
	// Coupling names the pairs of a batch; AutoCoupling leaves the choice to
	// Compose.
	Coupling coupling.Config `json:"coupling"`
	// Path is what lies between a pair; the name Auto leaves it to the family.
	Path path.Config `json:"path"`
	// Family, Objective and Predict say what the network is trained for: see
	// Families, Objectives and Predictions.
	Family    string `json:"family"`
	Objective string `json:"objective"`
	Predict   string `json:"predict"`
	// Loss holds the settings of the objectives that have some.
	Loss objective.Config `json:"loss"`
	// Distill, if not nil, says what the run learns from a teacher.
	Distill *Distill `json:"distill,omitempty"`
	// Drop is the probability with which training hides a row's conditions, so
	// that the model can be guided.
	Drop    float64      `json:"drop"`
	Network nn.Spec      `json:"network"`
	Optim   optim.Spec   `json:"optim"`
	Train   train.Config `json:"train"`
}

// Presets lists the names that Preset takes, the default first.
func Presets() []string { return []string{"default", "fast", "post"} }

// Preset returns a complete recipe, but for the data's name.
//
// default is the best quality that a small budget buys; fast takes a few
// seconds; post is the program of the post to the letter: a 64-64 ReLU network,
// Adam at 1e-3, batches of 256, 2000 steps, unsquared OT cost, nothing else.
func Preset(name string) (Recipe, error) {
	pairs := coupling.Defaults()
	pairs.Name = AutoCoupling
	r := Recipe{
		Version: Version, Preset: name,
		Data:   Data{Standardise: true, HeldOut: 0.1},
		Source: "gaussian", Coupling: pairs, Path: path.Defaults(), Drop: 0.1,
		Family: "flow", Objective: "velocity", Predict: Auto, Loss: objective.Defaults(),
		Network: nn.Defaults(), Optim: optim.Defaults(), Train: train.Defaults(),
	}
	r.Path.Name = Auto
	switch name {
	case "default":
	case "fast":
		r.Network.Width, r.Network.Depth = 64, 2
		r.Train.Steps = 2000
	case "post":
		r.Data = Data{HeldOut: 0}
		r.Coupling.Name, r.Coupling.Cost = "ot", "l2"
		r.Network, r.Optim = nn.Post(), optim.Post()
		r.Train.Steps = 2000
	default:
		return Recipe{}, &flow.FieldError{Path: "preset", Msg: fmt.Sprintf("unknown %q; one of %s", name, strings.Join(Presets(), ", "))}
	}
	return r, nil
}

// Decode reads a recipe from JSON onto the defaults of its preset. Unknown
// fields, and faults that Validate finds, are errors.
func Decode(b []byte) (Recipe, error) {
	var head struct {
		Version int    `json:"version"`
		Preset  string `json:"preset"`
		Data    struct {
			Kind string `json:"kind"`
		} `json:"data"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return Recipe{}, fmt.Errorf("%w: the recipe is not JSON: %w", flow.ErrFormat, err)
	}
	if head.Version > Version {
		return Recipe{}, fmt.Errorf("%w: the recipe is of version %d, this program knows up to %d; use a newer one", flow.ErrFormat, head.Version, Version)
	}
	if head.Preset == "" {
		head.Preset = Presets()[0]
	}
	r, err := PresetFor(head.Data.Kind, head.Preset)
	if err != nil {
		return r, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: recipe: %w", flow.ErrFormat, err)
	}
	return r, r.Validate()
}

// Validate reports every fault that can be told without the data, joined; each
// is a *flow.FieldError with its path in the JSON form.
func (r Recipe) Validate() error {
	var errs []error
	bad := func(path, format string, a ...any) {
		errs = append(errs, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)})
	}
	if r.Data.Name == "" {
		bad("data.name", "is empty; name a built-in data set (laminar datasets) or a file")
	}
	if r.Data.Kind != "" && !slices.Contains(Kinds(), r.Data.Kind) {
		bad("data.kind", "unknown %q; one of %s", r.Data.Kind, strings.Join(Kinds(), ", "))
	}
	if !(r.Data.HeldOut >= 0 && r.Data.HeldOut < 1) {
		bad("data.held_out", "%v is not in [0, 1)", r.Data.HeldOut)
	}
	if r.Data.HeldOutNames != "" && r.Data.Kind != Sound {
		bad("data.held_out_names", "is a pattern of the names of sound files; data of another kind have none")
	}
	if !(r.Data.Noise >= 0 && r.Data.Noise <= 1e6) {
		bad("data.noise", "%v is not in [0, 1e6]", r.Data.Noise)
	}
	if r.Data.Rare < 0 {
		bad("data.rare", "%d is negative", r.Data.Rare)
	}
	if r.Data.Kind != Table && (r.Data.Schema != "" || r.Data.Rare > 0) {
		bad("data.kind", "a schema and the pooling of rare levels are for tables: use table")
	}
	if r.Data.DropLabel && r.Data.Label == "" {
		bad("data.drop_label", "needs data.label to say which column")
	}
	if !(r.Drop >= 0 && r.Drop < 1) {
		bad("drop", "%v is not in [0, 1)", r.Drop)
	}
	if r.Source == "" {
		bad("source", "is empty; use gaussian, another data set or a file")
	}
	errs = append(errs, r.validObjective()...)
	if r.family() >= 0 {
		errs = append(errs, r.validTimes()...)
	}
	errs = append(errs, below("coupling", r.validCoupling()), below("path", r.validPath()), r.Network.Validate("network"), r.Loss.Validate("loss"),
		r.Optim.Validate("optim"), r.Train.Validate("train"))
	if r.Distill != nil {
		errs = append(errs, below("distill", r.Distill.validate()))
	}
	return errors.Join(errs...)
}

// AutoCoupling is the name of a coupling yet to be chosen: optimal transport for
// data without conditions, transport that keeps to them for data with labels or
// conditions. Transport that does not look at conditions gives each condition
// noise of its own, while sampling draws the noise regardless of it (Cheng,
// Schwing 2025).
const AutoCoupling = "auto"

func (r Recipe) validCoupling() error {
	c := r.Coupling
	if c.Name == AutoCoupling {
		c.Name = "c2ot" // which looks at all that ot does
	}
	return c.Validate()
}

func (r Recipe) validPath() error {
	if r.family() < 0 && r.Path.Name == Auto {
		r.Family = families[0].Name
	}
	return r.Settled().Path.Validate()
}

// chooseCoupling replaces AutoCoupling and remarks on couplings that do not
// suit the data.
func (p *Plan) chooseCoupling() {
	c, spec := &p.Recipe.Coupling, p.Train.CondSpec()
	switch c.Name {
	case AutoCoupling:
		switch {
		case spec.IsZero():
			c.Name = "ot"
		case spec.Mask:
			c.Name = "independent"
			p.Notes = append(p.Notes, "the data have masks: pairs are independent, for transport would tie the noise to what is observed")
		default:
			c.Name = "c2ot"
			p.Notes = append(p.Notes, "the data have conditions: transport keeps to them (--coupling c2ot), so that the noise stays independent of the condition")
		}
	case "ot", "sinkhorn", "unbalanced", "partial":
		if !spec.IsZero() {
			p.Notes = append(p.Notes, fmt.Sprintf("the coupling %s does not look at the conditions and harms models that have them; --coupling c2ot does", c.Name))
		}
	}
}

// below puts path before the field paths of err, which may be several joined.
func below(path string, err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, below(path, e))
		}
		return errors.Join(out...)
	}
	if f, ok := err.(*flow.FieldError); ok {
		return &flow.FieldError{Path: path + "." + f.Path, Msg: f.Msg}
	}
	return err
}

// TableOptions returns how a reader should take the file. A column of times is
// read as the table's only condition: see At and TimesOf.
func (d Data) TableOptions() data.Options {
	if d.TimeColumn != "" {
		return data.Options{Conditions: []string{d.TimeColumn}, Array: d.Array}
	}
	return data.Options{Label: d.Label, DropLabel: d.DropLabel, Conditions: d.Conditions, Array: d.Array}
}
