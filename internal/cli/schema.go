package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"laminar/data/table"
	"laminar/rng"
	"laminar/run"
)

const schemaHelp = `Print what the columns of a table are and how they are written, and with -o
write it as JSON, which can be edited and given back with --schema: kinds,
levels, markers of missing cells, layouts of dates.

FILE is CSV, TSV, JSON lines or ARFF, gzipped or plain, or Parquet. Delimiter,
quote, header and encoding are detected. The file is read in passes and never
held whole.

The kinds:
`

func (a *app) schemaCommand() *cobra.Command {
	var out, given string
	var rare int
	var o table.ReadOptions
	cmd := &cobra.Command{
		Use: "schema FILE", Short: "Show what the columns of a table are",
		Long:    schemaHelp + kindsHelp(),
		Example: "  laminar schema customers.csv\n  laminar schema trips.parquet -o schema.json\n  laminar schema customers.csv --schema schema.json --json",
		Args:    takes(1, 1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rare < 0 {
				return usagef("--rare: %d is negative", rare)
			}
			s, err := a.schema(cmd.Context(), args[0], given, rare, o)
			if err != nil {
				return err
			}
			if out != "" && out != "-" {
				if err := a.write(out, func(w io.Writer) error { return writeSchema(w, s) }); err != nil {
					return err
				}
			}
			if a.json || out == "-" {
				return a.printJSON(s)
			}
			return showSchema(a.stdout, args[0], s)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "", "`file` for the schema as JSON")
	f.StringVar(&given, "schema", "", "`file` with an edited schema: what it says holds, what it leaves out is inferred")
	f.IntVar(&rare, "rare", 0, "pool levels of categories that fewer rows than this have")
	f.StringVar(&o.Format, "format", "", "csv, tsv, jsonl or arff (default by name and content)")
	f.StringVar(&o.Delimiter, "delimiter", "", "the character between cells (default detected)")
	f.StringVar(&o.Header, "header", "", "yes or no: the first row holds names (default detected)")
	f.StringVar(&o.Encoding, "encoding", "", list(table.Encodings())+" (default detected)")
	complete(cmd, "format", "csv", "tsv", "jsonl", "arff")
	complete(cmd, "header", "yes", "no")
	complete(cmd, "encoding", table.Encodings()...)
	return cmd
}

func kindsHelp() string {
	var b strings.Builder
	for _, e := range table.Kinds() {
		fmt.Fprintf(&b, "  %-11s %s\n", e.Kind, e.About)
	}
	return strings.TrimRight(b.String(), "\n")
}

// schema infers and fits.
func (a *app) schema(ctx context.Context, path, given string, rare int, o table.ReadOptions) (*table.Schema, error) {
	io := table.InferOptions{Rare: rare}
	if given != "" {
		var err error
		if io.Given, err = run.ReadSchema(given); err != nil {
			return nil, err
		}
	}
	tell := newProgress(a.stderr)
	defer tell.end()
	return run.Understand(ctx, path, o, io, tell.reading)
}

func writeSchema(w io.Writer, s *table.Schema) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// holdsWidth is the number of characters for what a column holds.
const holdsWidth = 34

// showSchema prints a schema for a person.
func showSchema(w io.Writer, path string, s *table.Schema) error {
	fmt.Fprintf(w, "%s: %s rows, %d columns, %s\n\n", path, thousands(s.Rows), len(s.Columns), formatText(s.Format))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "column\tkind\tmissing\twhat it holds")
	for i := range s.Columns {
		c := &s.Columns[i]
		gaps := ""
		if c.MissingShare > 0 {
			gaps = fmt.Sprintf("%.2g %%", 100*c.MissingShare)
			if len(c.Missing) > 0 && c.Missing[0] != "" {
				gaps += " " + cut(c.Missing[0], 6)
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", cut(c.Name, 22), c.Kind, gaps, cut(holds(c), holdsWidth))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	first := true
	for _, c := range s.Columns {
		for _, n := range c.Notes {
			if first {
				fmt.Fprintln(w)
			}
			first = false
			for k, line := range folded(c.Name+": "+n, 74) {
				fmt.Fprintf(w, "%s%s\n", []string{"note: ", "      "}[min(k, 1)], line)
			}
		}
	}
	return nil
}

// cut shortens a text to a number of characters, on one line.
func cut(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-3]) + "..."
}

func formatText(f table.Format) string {
	if f.Kind != "csv" {
		return f.Kind
	}
	name := map[string]string{",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}[f.Delimiter]
	if name == "" {
		name = fmt.Sprintf("%q", f.Delimiter)
	}
	text := "CSV by " + name
	if !f.Header {
		text += ", no header"
	}
	if f.Encoding != table.UTF8 {
		text += ", " + f.Encoding
	}
	return text
}

// holds says in a few words what is in a column.
func holds(c *table.Column) string {
	switch c.Kind {
	case table.Identifier:
		return "made afresh like " + c.Pattern
	case table.Text:
		return "left empty in samples"
	case table.Date:
		return dates(c)
	case table.Constant:
		if len(c.Levels) == 0 {
			return "all missing"
		}
		return "always " + c.Levels[0]
	case table.Numeric, table.Integer:
		return numberText(c)
	}
	text := strings.Join(c.Levels, ", ")
	if len(c.Levels) > 2 {
		text = fmt.Sprintf("%d: %s", len(c.Levels), text)
	}
	return text
}

func numberText(c *table.Column) string {
	text := ""
	if s := c.Scale; s != nil {
		if len(s.Knots) > 0 {
			lo, hi := ends(s)
			text = fmt.Sprintf("about %s to %s", written(c, lo), written(c, hi))
		}
		for _, v := range s.Spikes {
			text += ", often " + written(c, v)
		}
	}
	if n := c.Number; n != nil && n.Thousands+n.Prefix+n.Suffix != "" {
		text += ", like " + n.Prefix + "1" + n.Thousands + "000" + n.Suffix
	}
	return strings.TrimPrefix(text, ", ")
}

// ends are the outermost knots, on the grid of the values, half a step inwards: knots
// may lie between two of them.
func ends(s *table.Scale) (lo, hi float64) {
	lo, hi = s.Knots[0], s.Knots[len(s.Knots)-1]
	between := func(v float64) bool {
		v /= s.Unit
		return math.Abs(v-math.Round(v)) > 0.4
	}
	if s.Unit > 0 && between(lo) {
		lo += s.Unit / 2
	}
	if s.Unit > 0 && between(hi) {
		hi -= s.Unit / 2
	}
	return lo, hi
}

// written is a number of the column, with four digits if it has many.
func written(c *table.Column, v float64) string {
	if math.Abs(v) < 1e6 && (c.Kind == table.Integer || c.Number != nil && c.Number.Decimals == 0) {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
	return fmt.Sprintf("%.4g", v)
}

// dates are the ends of a column of dates as they are written.
func dates(c *table.Column) string {
	like := "like " + c.Layout
	if c.Scale == nil || len(c.Scale.Knots) == 0 {
		return like
	}
	p, err := table.NewPrinter(&table.Schema{Columns: []table.Column{*c}}, rng.New(0))
	if err != nil {
		return like
	}
	lo, hi := ends(c.Scale)
	text := fmt.Sprintf("about %s to %s", p.Append(nil, 0, lo, 0, false), p.Append(nil, 0, hi, 0, false))
	if len(text) > holdsWidth {
		return like
	}
	return text
}
