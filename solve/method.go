package solve

import (
	"fmt"
	"slices"
	"strings"

	"laminar/flow"
)

// Kind says what a method follows.
type Kind string

// The kinds of method. ODE and Multistep methods follow dx/dt = u_t(x), Jump takes
// long steps along its average, SDE methods follow a stochastic equation that has
// the same distribution at every time.
const (
	ODE       Kind = "ode"
	Multistep Kind = "multistep"
	SDE       Kind = "sde"
	Jump      Kind = "jump"
)

// Method is an entry of the catalogue. The entries are shared: do not edit them.
type Method struct {
	Name string
	// About is one line for listings: the usual name and the source.
	About string
	Kind  Kind
	// Order is the order of a step: of its error for one path, or of the error of
	// averages (weak order) for an SDE.
	Order int
	// Tableau is that of a Runge-Kutta method, nil for others.
	Tableau *Tableau
	// Scheduled methods need Solver.Schedule: they work with the estimate of the
	// data, the noise or the score that a velocity of a Gaussian path holds.
	Scheduled bool
	// Forward methods run from noise to data only.
	Forward bool

	diffuses bool // reads Config.Diffusion
	evals    int  // of one step, where there is no tableau
}

// StageCount is the number of evaluations of one step of fixed length.
func (m *Method) StageCount() int {
	if m.Tableau != nil {
		return m.Tableau.stages()
	}
	return m.evals
}

// Adaptive reports whether the method can control its own step.
func (m *Method) Adaptive() bool { return m.Tableau != nil && m.Tableau.E != nil }

var others = []*Method{
	{Name: "ab2", About: "Adams-Bashforth 2: the velocity of the last step is used again", Kind: Multistep, Order: 2, evals: 1},
	{Name: "abm", About: "Adams-Bashforth-Moulton: the last step is corrected by the velocity that the next one needs", Kind: Multistep, Order: 3, evals: 1},
	{Name: "ddim", About: "DDIM: the estimates of data and noise, mixed anew (Song et al. 2021)", Kind: Multistep, Order: 1, Scheduled: true, evals: 1},
	{Name: "dpmpp2m", About: "DPM-Solver++ 2M (Lu et al. 2022)", Kind: Multistep, Order: 2, Scheduled: true, Forward: true, evals: 1},
	{Name: "unipc", About: "UniPC-2, predictor and corrector (Zhao et al. 2023)", Kind: Multistep, Order: 3, Scheduled: true, Forward: true, evals: 1},
	{Name: "em", About: "Euler-Maruyama with a choice of diffusion (SiT, Ma et al. 2024)", Kind: SDE, Order: 1, Scheduled: true, Forward: true, diffuses: true, evals: 1},
	{Name: "sde-heun", About: "stochastic Heun, of weak order 2, with a choice of diffusion", Kind: SDE, Order: 2, Scheduled: true, Forward: true, diffuses: true, evals: 2},
	{Name: "ancestral", About: "DDPM's ancestral sampling: the posterior of each step (Ho et al. 2020)", Kind: SDE, Order: 1, Scheduled: true, Forward: true, evals: 1},
	{Name: "renoise", About: "the estimate of the data with fresh noise, diffusers' stochastic step; for networks of few steps", Kind: SDE, Order: 1, Scheduled: true, Forward: true, evals: 1},
	{Name: "jump", About: "one evaluation per step, for networks of few steps (MeanFlow, shortcut)", Kind: Jump, Order: 1, Forward: true, evals: 1},
}

var catalogue = slices.Concat(rungeKutta, others)

// Catalogue returns all methods: those of Runge-Kutta, simplest first, then
// multistep, stochastic and long-step ones.
func Catalogue() []*Method { return slices.Clone(catalogue) }

// Named returns the method called name. The error is a *flow.FieldError on
// "method" that lists the valid names.
func Named(name string) (*Method, error) {
	for _, m := range catalogue {
		if m.Name == name {
			return m, nil
		}
	}
	return nil, &flow.FieldError{Path: "method", Msg: fmt.Sprintf("unknown solver %q; choose one of %s", name, names(func(*Method) bool { return true }))}
}

// names lists the methods that ok accepts.
func names(ok func(*Method) bool) string {
	var out []string
	for _, m := range catalogue {
		if ok(m) {
			out = append(out, m.Name)
		}
	}
	return strings.Join(out, ", ")
}

// Steps returns how many fixed steps of the method spend nfe evaluations of a
// network, when one evaluation of the field costs cost of them (2 under
// guidance, else 1). The error is a *flow.FieldError on "nfe" that names the
// nearest numbers that work.
func Steps(m *Method, nfe, cost int) (int, error) {
	if cost < 1 {
		return 0, &flow.FieldError{Path: "nfe", Msg: fmt.Sprintf("one evaluation of the field cannot cost %d", cost)}
	}
	per := m.StageCount() * cost
	if nfe >= per && nfe%per == 0 {
		return nfe / per, nil
	}
	var use string
	switch lo := nfe / per * per; {
	case nfe < per:
		use = fmt.Sprint(per)
	default:
		use = fmt.Sprintf("%d or %d", lo, lo+per)
	}
	guided := ""
	if cost > 1 {
		guided = fmt.Sprintf(" of a field that costs %d", cost)
	}
	return 0, &flow.FieldError{Path: "nfe", Msg: fmt.Sprintf("%d evaluations are no whole number of %s steps%s (%d each): use %s", nfe, m.Name, guided, per, use)}
}
