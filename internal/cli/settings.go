package cli

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"laminar/coupling"
	"laminar/flow"
	"laminar/nn"
	"laminar/path"
	"laminar/recipe"
	"laminar/run"
)

// setting is a flag of train that stands for one field of a recipe.
type setting struct {
	flag, usage string
	values      []string // for completion
	field       func(*recipe.Recipe) any
}

var settings = []setting{
	{"steps", "training steps", nil, func(r *recipe.Recipe) any { return &r.Train.Steps }},
	{"batch", "pairs in a step", nil, func(r *recipe.Recipe) any { return &r.Train.Batch }},
	{"rate", "learning rate", nil, func(r *recipe.Recipe) any { return &r.Optim.Rate }},
	{"ema", "decay of the averaged weights; 0 for none", nil, func(r *recipe.Recipe) any { return &r.Optim.EMA }},
	{"seed", "seed of all that is random", nil, func(r *recipe.Recipe) any { return &r.Train.Seed }},
	{"patience", "held-out looks without progress before a stop; 0 for never", nil, func(r *recipe.Recipe) any { return &r.Train.Patience }},
	{"network", "network: " + list(nn.Kinds()) + "; of images and sounds " + list(nn.ImageKinds()) + "; of molecules egnn", append(append(nn.Kinds(), nn.ImageKinds()...), "egnn"), func(r *recipe.Recipe) any { return &r.Network.Kind }},
	{"width", "units of a hidden layer", nil, func(r *recipe.Recipe) any { return &r.Network.Width }},
	{"depth", "hidden layers, or residual blocks", nil, func(r *recipe.Recipe) any { return &r.Network.Depth }},
	{"activation", "activation: " + list(nn.Activations()), nn.Activations(), func(r *recipe.Recipe) any { return &r.Network.Activation }},
	{"source", "start of the flow: gaussian, a data set or a file", append([]string{"gaussian"}, dataNames()...), func(r *recipe.Recipe) any { return &r.Source }},
	{"coupling", "pairs of a batch: " + list(couplingNames()), couplingNames(), func(r *recipe.Recipe) any { return &r.Coupling.Name }},
	{"ot-cost", "cost of a pair: " + list(coupling.Costs()), coupling.Costs(), func(r *recipe.Recipe) any { return &r.Coupling.Cost }},
	{"ot-block", "batches that are paired together", nil, func(r *recipe.Recipe) any { return &r.Coupling.Block }},
	{"ot-epsilon", "weight of the entropy, of sinkhorn and unbalanced", nil, func(r *recipe.Recipe) any { return &r.Coupling.Epsilon }},
	{"ot-penalty", "charge for mass that is left, of unbalanced", nil, func(r *recipe.Recipe) any { return &r.Coupling.Penalty }},
	{"ot-scale", "unit of both: " + list(coupling.Scales()), coupling.Scales(), func(r *recipe.Recipe) any { return &r.Coupling.Scale }},
	{"ot-mass", "share of a batch that partial pairs", nil, func(r *recipe.Recipe) any { return &r.Coupling.Mass }},
	{"ot-ratio", "how far c2ot strays from real conditions", nil, func(r *recipe.Recipe) any { return &r.Coupling.Ratio }},
	{"ot-points", "points that stand for a distribution, of semidiscrete", nil, func(r *recipe.Recipe) any { return &r.Coupling.Points }},
	{"family", "kind of model: " + list(recipe.Families()), recipe.Families(), func(r *recipe.Recipe) any { return &r.Family }},
	{"objective", "what a flow is trained for: " + list(recipe.Objectives()), recipe.Objectives(), func(r *recipe.Recipe) any { return &r.Objective }},
	{"predict", "what the network answers: " + list(recipe.Predictions()), recipe.Predictions(), func(r *recipe.Recipe) any { return &r.Predict }},
	{"segments", "steps of a sample of the objective consistency", nil, func(r *recipe.Recipe) any { return &r.Loss.Segments }},
	{"r1", "weight of the critic's gradient penalty, of the family gan", nil, func(r *recipe.Recipe) any { return &r.Loss.R1 }},
	{"path", "between noise and data: " + list(pathNames()), pathNames(), func(r *recipe.Recipe) any { return &r.Path.Name }},
	{"sigma", "noise about the path; blur of target, width of bridge", nil, func(r *recipe.Recipe) any { return &r.Path.Sigma }},
	{"power", "exponent of the path polynomial", nil, func(r *recipe.Recipe) any { return &r.Path.Power }},
	{"times", "times of training: " + list(entries(path.TimeCatalogue())), entries(path.TimeCatalogue()), func(r *recipe.Recipe) any { return &r.Path.Time }},
	{"time-mean", "mean of logit-normal; above 0 leans to the data", nil, func(r *recipe.Recipe) any { return &r.Path.TimeMean }},
	{"time-scale", "deviation of logit-normal", nil, func(r *recipe.Recipe) any { return &r.Path.TimeScale }},
	{"time-mode", "scale of mode", nil, func(r *recipe.Recipe) any { return &r.Path.TimeMode }},
	{"time-edge", "steepness of u-shaped", nil, func(r *recipe.Recipe) any { return &r.Path.TimeEdge }},
	{"shift", "moves the times to the noise; 1 for not, 3 for large images", nil, func(r *recipe.Recipe) any { return &r.Path.Shift }},
	{"shift-length", "shift as for a sequence of this length", nil, func(r *recipe.Recipe) any { return &r.Path.ShiftLength }},
	{"choices-by", "time by which the choices of a table are made; 0 is 1", nil, func(r *recipe.Recipe) any { return &r.Path.ChoicesBy }},
	{"weight", "weight of the loss over time: " + list(entries(path.WeightCatalogue())), entries(path.WeightCatalogue()), func(r *recipe.Recipe) any { return &r.Path.Weight }},
	{"drop", "share of rows trained without conditions", nil, func(r *recipe.Recipe) any { return &r.Drop }},
	{"noise", "noise added to a built-in distribution, standard deviation", nil, func(r *recipe.Recipe) any { return &r.Data.Noise }},
	{"label", "column of class labels; class for a built-in set", nil, func(r *recipe.Recipe) any { return &r.Data.Label }},
	{"drop-label", "leave the label column out", nil, func(r *recipe.Recipe) any { return &r.Data.DropLabel }},
	{"cond", "columns that become real-valued conditions", nil, func(r *recipe.Recipe) any { return &r.Data.Conditions }},
	{"time-column", "column of the times at which rows were observed", nil, func(r *recipe.Recipe) any { return &r.Data.TimeColumn }},
	{"leave-out", "`times` that training does not see, to judge by", nil, func(r *recipe.Recipe) any { return &r.Data.LeaveOut }},
	{"array", "name of the array in an NPZ file", nil, func(r *recipe.Recipe) any { return &r.Data.Array }},
	{"schema", "file with what the columns of a table are; see laminar schema", nil, func(r *recipe.Recipe) any { return &r.Data.Schema }},
	{"rare", "pool levels of categories that fewer rows than this have", nil, func(r *recipe.Recipe) any { return &r.Data.Rare }},
	{"kind", "what a row of DATA is (default by a look at it): " + list(recipe.Kinds()), recipe.Kinds(), func(r *recipe.Recipe) any { return &r.Data.Kind }},
	{"held-out-names", "sound files kept for validation: a pattern of their names, auto, or \"\" for a share", nil, func(r *recipe.Recipe) any { return &r.Data.HeldOutNames }},
	{"held-out", "share of a file's rows kept for validation", nil, func(r *recipe.Recipe) any { return &r.Data.HeldOut }},
}

func couplingNames() []string {
	names := []string{recipe.AutoCoupling}
	for _, e := range coupling.Catalogue() {
		names = append(names, e.Name)
	}
	return names
}

func pathNames() []string { return append([]string{recipe.Auto}, entries(path.Catalogue())...) }

func entries(catalogue []path.Entry) []string {
	var names []string
	for _, e := range catalogue {
		names = append(names, e.Name)
	}
	return names
}

// recipeFlags are the flags that make a recipe. given holds the values of the
// flags; only those that the user set are copied onto a preset.
type recipeFlags struct {
	preset        string
	file          string
	noStandardise bool
	given         recipe.Recipe
}

func (f *recipeFlags) add(cmd *cobra.Command) error {
	fs := cmd.Flags()
	fs.StringVar(&f.preset, "preset", recipe.Presets()[0], "what the other flags start from: "+list(recipe.Presets()))
	fs.StringVar(&f.file, "recipe", "", "start from a recipe in a JSON `file` instead of a preset")
	fs.BoolVar(&f.noStandardise, "no-standardise", false, "learn the numbers of the data as they are")
	complete(cmd, "preset", recipe.Presets()...)
	var err error
	if f.given, err = recipe.Preset(recipe.Presets()[0]); err != nil {
		return err
	}
	for _, s := range settings {
		switch p := s.field(&f.given).(type) {
		case *int:
			fs.IntVar(p, s.flag, *p, s.usage)
		case *uint64:
			fs.Uint64Var(p, s.flag, *p, s.usage)
		case *float64:
			fs.Float64Var(p, s.flag, *p, s.usage)
		case *string:
			fs.StringVar(p, s.flag, *p, s.usage)
		case *bool:
			fs.BoolVar(p, s.flag, *p, s.usage)
		case *[]float64:
			fs.Float64SliceVar(p, s.flag, *p, s.usage)
		case *[]string:
			fs.StringSliceVar(p, s.flag, *p, s.usage)
		default:
			return fmt.Errorf("--%s has the type %T", s.flag, p)
		}
		if s.values != nil {
			complete(cmd, s.flag, s.values...)
		}
	}
	return nil
}

// recipe returns the recipe that the flags ask for. It starts from the preset or
// the file, if the user named one, else from base, if that is not nil.
// A preset is the one for data of the given kind.
func (f *recipeFlags) recipe(cmd *cobra.Command, base *recipe.Recipe, kind string, read func(string) (recipe.Recipe, error)) (recipe.Recipe, error) {
	var r recipe.Recipe
	var err error
	changed := cmd.Flags().Changed
	switch {
	case changed("recipe") && changed("preset"):
		return r, usagef("--recipe and --preset both say where to start: give one")
	case changed("recipe"):
		r, err = read(f.file)
	case base != nil && !changed("preset"):
		r = *base
	default:
		r, err = recipe.PresetFor(kind, f.preset)
	}
	if err != nil {
		return r, err
	}
	if changed("network") && base == nil && !changed("recipe") {
		r.ChooseNetwork(f.given.Network.Kind) // and --width and such over it
	}
	for _, s := range settings {
		if changed(s.flag) {
			reflect.ValueOf(s.field(&r)).Elem().Set(reflect.ValueOf(s.field(&f.given)).Elem())
		}
	}
	if changed("steps") {
		r.Train.Planned = nil // of another number
	}
	if changed("no-standardise") {
		r.Data.Standardise = !f.noStandardise
	}
	return r, nil
}

// kind tells what a row of the data called name is: what the user says, points
// where a column of a file is named, and else what a look at it says.
func (f *recipeFlags) kind(cmd *cobra.Command, name string) string {
	changed := cmd.Flags().Changed
	switch {
	case changed("kind"):
		return f.given.Data.Kind
	case changed("schema") || changed("rare"):
		return recipe.Table
	case name == "" || recipe.IsBuiltIn(name):
		return recipe.Points
	case slices.ContainsFunc([]string{"label", "cond", "time-column", "source", "no-standardise", "array"}, changed) && !isFolder(name):
		return recipe.Points // which alone knows these
	}
	return run.KindOf(name)
}

// flagOf names the flag of a field, by its path in a recipe or a solver.
var flagOf = map[string]string{
	"preset": "preset", "source": "source", "drop": "drop",
	"family": "family", "objective": "objective", "predict": "predict",
	"train.steps": "steps", "train.batch": "batch", "train.patience": "patience",
	"optim.rate": "rate", "optim.ema": "ema",
	"network.kind": "network", "network.width": "width", "network.depth": "depth", "network.activation": "activation",
	"coupling.name": "coupling", "coupling.cost": "ot-cost", "coupling.block": "ot-block", "coupling.epsilon": "ot-epsilon",
	"coupling.penalty": "ot-penalty", "coupling.scale": "ot-scale", "coupling.mass": "ot-mass", "coupling.ratio": "ot-ratio", "coupling.points": "ot-points",
	"path.sigma": "sigma",
	"path.name":  "path", "path.power": "power", "path.time": "times", "path.time_mean": "time-mean", "path.time_scale": "time-scale",
	"path.time_mode": "time-mode", "path.time_edge": "time-edge", "path.shift": "shift", "path.shift_length": "shift-length", "path.choices_by": "choices-by", "path.weight": "weight",
	"loss.segments": "segments", "loss.r1": "r1",
	"distill.method": "method", "distill.rounds": "rounds", "distill.pool": "pool", "distill.nfe": "pool-nfe", "distill.guidance": "guidance",
	"data.held_out": "held-out", "where": "where", "balance": "balance", "data.held_out_names": "held-out-names", "data.kind": "kind", "data.schema": "schema", "data.rare": "rare", "data.time_column": "time-column", "data.leave_out": "leave-out", "data.label": "label", "data.conditions": "cond", "data.noise": "noise", "data.drop_label": "drop-label",
	"compare.seeds": "seeds", "compare.budget": "budget", "compare.methods": "methods", "compare.steps": "steps", "compare.n": "n", "compare.pairs": "pairs",
	"eval.N": "n", "eval.Pairs": "pairs", "method": "solver", "nfe": "nfe", "rtol": "rtol", "atol": "atol",
	"diffusion": "diffusion", "diffusion_scale": "diffusion-scale", "grid": "grid", "grid.shift": "grid-shift", "probes": "probes", "guidance": "guidance", "strength": "strength", "tolerance": "tolerance", "optimum": "n",
}

// flagged words the faults that are all there is to an error as those of flags.
func flagged(err error) error {
	switch e := err.(type) {
	case *flow.FieldError:
		if name, ok := flagOf[e.Path]; ok {
			return told{"--" + name + ": " + e.Msg, err}
		}
		if e.Path == "distill.teacher" { // an argument, not a flag
			return told{"the teacher: " + e.Msg, err}
		}
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		if strings.Contains(err.Error(), "\n") || len(all) == 1 {
			named := make([]error, len(all))
			for i := range all {
				named[i] = flagged(all[i])
			}
			return errors.Join(named...)
		}
	}
	return err
}
