package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"laminar/data"
)

// dataset is one line of `laminar datasets --json`.
type dataset struct {
	Name  string `json:"name"`
	Dim   int    `json:"dim"`
	Modes int    `json:"modes"`
	Rows  int    `json:"rows"` // 0 for a distribution
	About string `json:"about"`
}

func (a *app) datasetsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "datasets", Short: "List the built-in data sets",
		Long:    "List the built-in data sets. Each can be trained on, or be a source.",
		Example: "  laminar datasets\n  laminar train checkerboard --source 8gaussians",
		Args:    takes(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			var sets []dataset
			for _, e := range data.Catalogue() {
				sets = append(sets, dataset{e.Name, e.Dim, e.Modes, e.Len, e.Doc})
			}
			if a.json {
				return a.printJSON(map[string]any{"datasets": sets})
			}
			t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "name\tdim\trows\twhat it is")
			for _, s := range sets {
				rows := "any"
				if s.Rows > 0 {
					rows = fmt.Sprint(s.Rows)
				}
				about := folded(s.About, 48)
				fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", s.Name, s.Dim, rows, about[0])
				for _, more := range about[1:] {
					fmt.Fprintf(t, "\t\t\t%s\n", more)
				}
			}
			return t.Flush()
		},
	}
}

// folded breaks a text between words into lines of at most width characters; it
// returns at least one.
func folded(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// dataNames lists the built-in data sets.
func dataNames() []string {
	var names []string
	for _, e := range data.Catalogue() {
		names = append(names, e.Name)
	}
	return names
}

// list joins the values of a flag for its help.
func list(values []string) string { return strings.Join(values, ", ") }
