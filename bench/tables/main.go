// Command tables measures generators and imputers of tables by three published
// protocols, and sets the published figures beside.
//
//	go run ./bench/tables -data DIR -protocol small  -generator oracle
//	go run ./bench/tables -data DIR -protocol large  -generator bootstrap
//	go run ./bench/tables -data DIR -protocol impute
//
// small is that of ForestDiffusion (Jolicoeur-Martineau, Fatras, Kachman 2024) on
// twelve small sets: the authors' own three splits, five generated sets for each,
// W1 and coverage against training and test rows. large is that of TabSyn (Zhang et
// al. 2024) on Adult, Default, Shoppers, Beijing and California. impute fills one
// cell in five of the small sets, again by ForestDiffusion's protocol.
//
// The generator and the imputer laminar are trained with the defaults of `laminar
// train`. The generators oracle, bootstrap and shuffle know the training rows: what they
// score says whether the measures agree with the published ones. DIR holds the
// folders adult, tabular, uci-forestdiffusion, uci-regression and sklearn, as the
// list in sets.go names their files. Airfoil and concrete slump have the published
// splits only in the order of UCI's own files: airfoil_self_noise.dat with commas, and
// slump_test.data, both as .csv in uci-forestdiffusion. Results are printed as a table, and with -o
// written as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"

	"laminar/rng"
	"laminar/run"
)

func main() {
	o := options{}
	flag.StringVar(&o.data, "data", "", "`folder` that holds the data")
	flag.StringVar(&o.protocol, "protocol", "small", "small, large or impute")
	only := flag.String("sets", "", "the sets that match this `regexp`")
	flag.StringVar(&o.generator, "generator", "bootstrap", names(generators))
	flag.StringVar(&o.imputers, "imputers", "", "`names` of imputers, parted by commas: "+names(imputers)+" (default all)")
	flag.IntVar(&o.splits, "splits", 3, "splits of each small set")
	flag.IntVar(&o.draws, "draws", 5, "generated sets of each split, or imputations")
	seed := flag.Uint64("seed", 0, "seed of generators, imputers and trees")
	out := flag.String("o", "", "`file` for the figures as JSON")
	flag.IntVar(&evaluations, "nfe", 0, "`evaluations` of laminar's network for each row (default the model's own)")
	flag.StringVar(&changes, "recipe", changes, "`fields` of the recipe that differ from the preset's, as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o.key = rng.New(*seed)
	if err := work(ctx, o, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "tables:", err)
		os.Exit(1)
	}
}

// options are what was asked for.
type options struct {
	data, protocol      string
	generator, imputers string
	splits, draws       int
	key                 rng.Key
}

func work(ctx context.Context, o options, only, out string) error {
	if o.data == "" {
		return errors.New("-data names no folder")
	}
	match, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-sets: %w", err)
	}
	var results any
	switch o.protocol {
	case "small":
		results, err = small(ctx, o, match)
	case "large":
		results, err = large(ctx, o, match)
	case "impute":
		results, err = impute(ctx, o, match)
	default:
		return fmt.Errorf("-protocol %s: choose small, large or impute", o.protocol)
	}
	if err != nil || out == "" {
		return err
	}
	b, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return run.WriteFile(out, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// names lists the keys of a catalogue.
func names[T any](m map[string]T) string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
