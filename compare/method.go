package compare

import (
	"laminar/metric"
	"laminar/nn"
	"laminar/optim"
	"laminar/recipe"
)

// Entry describes a method.
type Entry struct{ Name, About string }

// method is one way to learn a distribution, told as changes of one recipe.
type method struct {
	Entry
	set func(*recipe.Recipe)
	// loss says what its loss measures: those of one kind compare.
	loss string
	// student, if not empty, is how the method learns from a first model, which
	// takes half of its steps: an entry of recipe.DistillCatalogue.
	student string
	// solver samples it; once tells that it does so in one evaluation, without a
	// path.
	solver string
	once   bool
}

func coupled(name string) func(*recipe.Recipe) {
	return func(r *recipe.Recipe) { r.Coupling.Name = name }
}

// methods in the order of the report.
var methods = []method{
	{Entry{"independent", "flow matching, pairs by chance"}, coupled("independent"), "velocity", "", "euler", false},
	{Entry{"ot", "flow matching, optimal transport in each batch"}, coupled("ot"), "velocity", "", "euler", false},
	{Entry{"semidiscrete", "flow matching, transport to all rows or 1024 draws"}, semidiscrete, "velocity", "", "euler", false},
	{Entry{"diffusion", "variance-preserving diffusion, sampled by DDIM"}, func(r *recipe.Recipe) { r.Family = "diffusion" }, "noise", "", "ddim", false},
	{Entry{"gan", "generator against a critic, with R1"}, gan, "critic", "", "euler", true},
	{Entry{"reflow", "flow matching on the pairs of a first flow"}, coupled("independent"), "velocity", "reflow", "euler", false},
	{Entry{"meanflow", "mean velocities over steps of any length"}, meanflow, "mean velocity", "", "jump", false},
}

// semidiscrete lets 1024 draws stand for a distribution: to prepare for more would
// take most of a small budget. Of stored data all rows are used.
func semidiscrete(r *recipe.Recipe) { r.Coupling.Name, r.Coupling.Points = "semidiscrete", 1024 }

// gan has a critic like the generator.
func gan(r *recipe.Recipe) { r.Family, r.Loss.Critic = "gan", nn.Post() }

func meanflow(r *recipe.Recipe) { r.Objective, r.Coupling.Name = "meanflow", "independent" }

// Catalogue lists the methods.
func Catalogue() []Entry {
	var out []Entry
	for _, m := range methods {
		out = append(out, m.Entry)
	}
	return out
}

func named(name string) method {
	for _, m := range methods {
		if m.Name == name {
			return m
		}
	}
	return method{}
}

// The evaluations at which every method is judged; one that samples at once has
// the first only.
var evaluations = []int{1, 2, 4, 8, 16, 50, 100}

func (m method) settings() []metric.Setting {
	var out []metric.Setting
	for _, nfe := range evaluations {
		if !m.once || nfe == 1 {
			out = append(out, metric.Setting{Solver: m.solver, NFE: nfe})
		}
	}
	return out
}

// own is the number of evaluations that the method is meant for: its recipe's, or
// as many as there are.
func (m method) own() metric.Setting {
	all := m.settings()
	if r, err := m.recipe("moons", 0, leastSteps); err == nil {
		for _, s := range all {
			if s.NFE == r.NFE(nil) {
				return s
			}
		}
	}
	return all[len(all)-1]
}

// recipe is what the method trains by: the post's network, batch and rate, with
// averaged weights. The rate is constant, so that the model after n steps of a
// long run is that of a run of n steps.
func (m method) recipe(data string, seed uint64, steps int) (recipe.Recipe, error) {
	r, err := recipe.Preset("default")
	if err != nil {
		return r, err
	}
	r.Data.Name = data
	r.Network, r.Optim = nn.Post(), optim.Post()
	r.Optim.EMA = 0.999
	r.Train.Steps, r.Train.Seed, r.Train.Patience = steps, seed, 0
	m.set(&r)
	return r, r.Validate()
}
