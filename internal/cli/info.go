package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"laminar/metric"
	"laminar/nn"
	"laminar/recipe"
)

// info is what `laminar info --json` prints.
type info struct {
	Dim        int           `json:"dim"`
	Columns    []string      `json:"columns"`
	Classes    []string      `json:"classes"`
	Kind       string        `json:"kind"`
	Form       recipe.Form   `json:"form,omitempty"`  // what a row stands for
	Times      []float64     `json:"times,omitempty"` // of the marginals
	Parameters int           `json:"parameters"`
	Operations int           `json:"operations"`
	Tensors    []tensorInfo  `json:"tensors"`
	Kernels    string        `json:"kernels"`
	Steps      int           `json:"steps"`
	Loss       metric.Number `json:"loss"`
	Seconds    float64       `json:"seconds"`
	Finished   bool          `json:"finished"`
	Solver     string        `json:"solver"` // by which it is sampled unless told otherwise
	NFE        int           `json:"nfe"`
	Resumable  bool          `json:"resumable"`
	Recipe     recipe.Recipe `json:"recipe"`
}

type tensorInfo struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

func (a *app) infoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "info MODEL", Short: "Show what a model file holds",
		Example: "  laminar info runs/moons\n  laminar info runs/moons/model.safetensors --json",
		Args:    takes(1, 1, "MODEL"),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := a.load(args[0])
			if err != nil {
				return err
			}
			m := s.Model
			i := info{
				Dim: m.Dim(), Columns: m.Columns, Classes: m.Classes, Times: s.Times, Parameters: len(m.Params),
				Operations: len(m.Program.Nodes), Kernels: s.Kernels,
				Steps: s.Steps, Loss: metric.Number(s.Loss), Seconds: s.Seconds, Finished: s.Finished, Resumable: s.State != nil,
				Recipe: s.Recipe, Kind: s.Kind(), Form: s.Form,
				Solver: s.Solve().Method, NFE: s.Solve().NFE,
			}
			for _, e := range m.Program.Layout(nn.Group).Entries {
				i.Tensors = append(i.Tensors, tensorInfo{e.Name, e.Shape})
			}
			if a.json {
				return a.printJSON(i)
			}
			return i.write(a.stdout)
		},
	}
	return cmd
}

func (i info) write(w io.Writer) error {
	var b strings.Builder
	r := i.Recipe
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s "+format+"\n", append([]any{name}, args...)...)
	}
	state := "interrupted; laminar train --resume continues it"
	if i.Finished {
		state = "complete"
		if i.Steps < r.Train.Steps {
			state = "ended for want of progress on held-out rows"
		}
	}
	if f, ok := i.Form.(fmt.Stringer); ok {
		line("data", "%s, %s", r.Data.Name, f)
	} else if r.Data.Kind == recipe.Table {
		line("data", "%s, a table, %d coordinates", r.Data.Name, i.Dim)
	} else {
		line("data", "%s, %d columns", r.Data.Name, i.Dim)
	}
	if len(i.Classes) > 0 {
		line("classes", "%s", wrapped(i.Classes, 64, strings.Repeat(" ", 13)))
	}
	if len(i.Times) > 0 {
		line("times", "%s of the column %s; t = 0 at %v, t = 1 at %v", listed(i.Times), r.Data.TimeColumn, i.Times[0], i.Times[len(i.Times)-1])
		if len(r.Data.LeaveOut) > 0 {
			line("left out", "%s, which training has not seen", listed(r.Data.LeaveOut))
		}
		line("source", "rows of time %v", i.Times[0])
	} else {
		line("source", "%s", r.Source)
	}
	r = r.Settled()
	about := "path " + r.Path.Name
	if r.Path.Sigma > 0 {
		about += fmt.Sprintf(" with sigma %.3g", r.Path.Sigma)
	}
	line("family", "%s, %s, answers %s", r.Family, about, r.Predict)
	if r.Objective != "velocity" {
		line("objective", "%s", r.Objective)
	}
	if d := r.Distill; d != nil {
		line("teacher", "%s, by %s, round %d", d.Teacher, d.Method, d.Round)
	}
	line("coupling", "%s, cost %s", r.Coupling.Name, r.Coupling.Cost)
	line("network", "%s, width %d, depth %d, %s", r.Network.Kind, r.Network.Width, r.Network.Depth, r.Network.Activation)
	line("parameters", "%s in %d tensors, %d operations", thousands(i.Parameters), len(i.Tensors), i.Operations)
	line("training", "%s of %s steps of %d pairs in %.1f s: %s", thousands(i.Steps), thousands(r.Train.Steps), r.Train.Batch, i.Seconds, state)
	line("loss", "%.4f (mean of the last 100 steps)", float64(i.Loss))
	line("sampling", "%s, %s", i.Solver, counted(i.NFE, "evaluation"))
	line("preset", "%s, seed %d", r.Preset, r.Train.Seed)
	line("kernels", "%s", i.Kernels)
	for k, t := range i.Tensors {
		name := ""
		if k == 0 {
			name = "tensors"
		}
		line(name, "%-28s %v", t.Name, t.Shape)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// listed writes numbers as they are written.
func listed(v []float64) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(v)), ", "), "[]")
}
