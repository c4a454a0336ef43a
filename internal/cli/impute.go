package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"laminar/recipe"
	"laminar/rng"
	"laminar/run"
	"laminar/sample"
)

// imputeCall is one call of the verb impute.
type imputeCall struct {
	*app
	solver solverFlags
	out    string
	draws  int
	seed   uint64
}

// imputed is what `laminar impute --json` prints.
type imputed struct {
	run.Imputed
	Files []string `json:"files"`
}

func (a *app) imputeCommand() *cobra.Command {
	c := &imputeCall{app: a}
	cmd := &cobra.Command{
		Use: "impute MODEL FILE", Short: "Fill the gaps of a table",
		Long: `Write the rows of FILE, which has the columns of MODEL's data, with their
missing cells filled by a draw given the other cells of their row. Any cells of
a row may be missing. All other cells keep their text.

--draws makes several files, OUT-1, OUT-2 and so on, each with draws of its own:
what differs between them is what the rows do not tell (multiple imputation).`,
		Example: "  laminar impute runs/customers customers.csv -o filled.csv\n  laminar impute runs/customers customers.csv --draws 5 -o filled.csv",
		Args:    takes(2, 2, "MODEL or FILE"),
		RunE:    c.run,
	}
	c.solver.add(cmd)
	f := cmd.Flags()
	f.StringVarP(&c.out, "output", "o", "", "`file` to write: .csv, .tsv, .jsonl, .arff, also with .gz, or .parquet")
	f.IntVar(&c.draws, "draws", 1, "number of files, each with draws of its own")
	f.Uint64Var(&c.seed, "seed", 0, "seed of the draws")
	return cmd
}

func (c *imputeCall) run(cmd *cobra.Command, args []string) error {
	if c.draws < 1 || c.draws > 1000 {
		return usagef("--draws: %d is not in 1 to 1000", c.draws)
	}
	s, err := c.load(args[0])
	if err != nil {
		return err
	}
	if s.Kind() != recipe.Table {
		return usagef("%s makes %s: only models of tables fill gaps (laminar train --kind table)", args[0], s.Kind())
	}
	ext := extension(c.out)
	switch {
	case c.out == "":
		return usagef("-o is missing; name the file to write")
	case !slices.Contains(s.Formats(), ext):
		return usagef("-o %s: no format is called .%s; use one of .%s", c.out, ext, strings.Join(s.Formats(), ", ."))
	}
	o := sample.Config{Seed: rng.New(c.seed), Workers: c.threads}
	if o.Solve, err = c.solver.config(cmd, s.Solve(), 1); err != nil {
		return err
	}
	files := []string{c.out}
	if c.draws > 1 {
		files = nil
		for k := range c.draws {
			files = append(files, fmt.Sprintf("%s-%d.%s", strings.TrimSuffix(c.out, c.out[len(c.out)-len(ext)-1:]), k+1, ext))
		}
	}
	bar := newProgress(c.stderr)
	var done run.Imputed
	var into []io.Writer
	// All files are replaced once all are complete.
	var open func() error
	open = func() error {
		if len(into) < len(files) {
			return c.write(files[len(into)], func(w io.Writer) error {
				into = append(into, w)
				return open()
			})
		}
		var err error
		done, err = s.ImputeFile(cmd.Context(), o, args[1], into, files, func(rows int) { bar.count(rows, 0, "rows") })
		return err
	}
	err = open()
	bar.end()
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(imputed{done, files})
	}
	if done.Gaps == 0 {
		c.note("note: %s has no gaps", args[1])
	}
	c.note("%s in %s of %s filled: %s", counted(done.Gaps, "gap"), thousands(done.InRow), counted(done.Rows, "row"), strings.Join(files, ", "))
	return nil
}
