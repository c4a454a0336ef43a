package cli

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"laminar/data"
	"laminar/metric"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// encoded is what `laminar encode --json` prints. Error is the root mean square of
// what a round trip loses, over rows and columns, in standard deviations of the
// columns where the model standardises.
type encoded struct {
	N       int           `json:"n"`
	NFE     float64       `json:"nfe"`
	NFEMax  int           `json:"nfe_max"`
	Error   metric.Number `json:"reconstruction_error"`
	Worst   metric.Number `json:"reconstruction_worst"`
	File    *string       `json:"file"`
	Columns []string      `json:"columns,omitempty"`
	Rows    [][]float64   `json:"rows,omitempty"`
}

// encodeCall is one call of the verb encode.
type encodeCall struct {
	*app
	solver solverFlags
	decode bool
	class  string
	out    string
}

func (a *app) encodeCommand() *cobra.Command {
	e := &encodeCall{app: a, solver: solverFlags{precise: true, only: func(m *solve.Method) bool { return !m.Forward }}}
	cmd := &cobra.Command{
		Use: "encode MODEL FILE", Short: "Carry rows of data back to the noise they come from",
		Long: `Carry the rows of FILE back along the flow of MODEL to the noise that they come
from, and print what a round trip loses. --decode carries noise to data: rows of
FILE are then latents, as encode writes them, and -o may name what sample writes
of the model: pictures, sounds, a FOLDER/ of them. The flow is the model's own,
which sample follows without --guidance.`,
		Example: `  laminar encode runs/moons points.csv -o latents.csv
  laminar encode runs/moons latents.csv --decode -o points.csv
  laminar encode runs/mnist latents.npy --decode -o pictures.png
  laminar encode runs/moons points.csv --solver heun --nfe 16 -o latents.npy`,
		Args: takes(2, 2, "MODEL or FILE"),
		RunE: e.run,
	}
	e.solver.add(cmd)
	fs := cmd.Flags()
	fs.BoolVar(&e.decode, "decode", false, "carry latents to data instead")
	fs.StringVar(&e.class, "class", "", "class of all rows, by name or number, in place of the file's own")
	_ = cmd.RegisterFlagCompletionFunc("class", completeClass)
	fs.StringVarP(&e.out, "output", "o", "", "`file` to write: .csv, .npy or .jsonl")
	return cmd
}

func (e *encodeCall) run(cmd *cobra.Command, args []string) error {
	s, err := e.loadUntabled(args[0])
	if err != nil {
		return err
	}
	// What is decoded is written as sample writes it, or as numbers.
	numbers := !e.decode || s.Form == nil || slices.Contains(pointFormats, extension(e.out)) && !slices.Contains(s.Formats(), extension(e.out)) || e.out == ""
	var format string
	switch {
	case numbers:
		if format, err = formatOf(e.out, nil); err == nil && (format == "png" || format == "svg") {
			err = usagef("-o %s: latents are numbers; use .csv, .npy or .jsonl", e.out)
		}
	case isFolder(e.out):
		format = s.Formats()[0]
	default:
		format, err = formatOf(e.out, s.Formats())
	}
	if err != nil {
		return err
	}
	c := sample.Config{Seed: rng.New(0), Workers: e.threads}
	if c.Solve, err = e.solver.config(cmd, solve.Defaults(), 1); err != nil {
		return err
	}
	m := s.Model
	rows, err := e.read(s, args[1])
	if err != nil {
		return err
	}
	n := rows.X.N
	if rows.Cond, err = ofClass(s, rows.Cond, e.class, n); err != nil {
		return err
	}
	z := tensor.New(n, m.Dim())
	if e.decode {
		z = tensor.Convert[float32](rows.X)
	} else if err := m.Transform.Forward(z, rows.X); err != nil {
		return err
	}
	res := encoded{N: n}
	from, to := 1.0, 0.0
	if e.decode {
		from, to = 0, 1
	}
	var sum, worst float64
	err = e.inPieces(n, 4*m.Dim(), func(lo, hi int) error {
		part := c
		part.First, part.Cond = lo, rows.Cond.Rows(lo, hi)
		x := z.Rows(lo, hi)
		start := x.Clone()
		stats, err := sample.Carry(cmd.Context(), m, part, x, from, to)
		if err != nil {
			return atRow(err, lo)
		}
		back := x.Clone()
		if _, err := sample.Carry(cmd.Context(), m, part, back, to, from); err != nil {
			return atRow(err, lo)
		}
		for i, v := range back.Data {
			d := float64(v) - float64(start.Data[i])
			sum, worst = sum+d*d, max(worst, math.Abs(d))
		}
		res.NFE += stats.NFE * float64(hi-lo) / float64(n)
		res.NFEMax = max(res.NFEMax, stats.MaxNFE)
		return nil
	})
	if err != nil {
		return err
	}
	res.Error, res.Worst = metric.Number(math.Sqrt(sum/float64(len(z.Data)))), metric.Number(worst)
	t := &data.Table{Columns: columnNames(m.Columns, m.Dim()), X: tensor.Convert[float64](z)}
	if e.decode {
		if err := m.Transform.Inverse(t.X, z); err != nil {
			return err
		}
	}
	if !numbers {
		return e.writeForm(e.out, format, s, t.X, sampled{N: n, NFE: res.NFE, NFEMax: res.NFEMax})
	}
	if e.json && (e.out == "" || e.out == "-") {
		res.Columns = t.Columns
		for i := range n {
			res.Rows = append(res.Rows, t.X.Row(i))
		}
		return e.printJSON(res)
	}
	if err := e.write(e.out, func(w io.Writer) error { return writeTable(w, format, t) }); err != nil {
		return err
	}
	if e.json {
		res.File = &e.out
		return e.printJSON(res)
	}
	e.note("%s with %s evaluations each; a round trip loses %.2g on average, at worst %.2g, in the network's units",
		counted(n, "row"), spent(res.NFE, res.NFEMax), float64(res.Error), float64(res.Worst))
	return nil
}

// columnNames are a model's names of its columns, made up where it has none.
func columnNames(names []string, dim int) []string {
	for i := len(names); i < dim; i++ {
		names = append(names, fmt.Sprintf("x%d", i))
	}
	return names
}
