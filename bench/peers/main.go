// Command peers measures Laminar beside NumPy, PyTorch, SciPy and POT.
//
// Each work (works.go) is done by two processes, the Python one of peers.py and
// this program again, in the same words: a number of repetitions goes in, the
// CPU time and wall time they took comes out. The two are pinned to the same
// core and take turns, so that whatever else the machine does hits both. What
// is reported is the median over the rounds of the ratio of a round to the
// round beside it, never a lone time.
//
//	go run ./bench/peers                   # all works, a markdown table
//	go run ./bench/peers -only 'assign'    # those whose name matches
//	go run ./bench/peers -write docs/benchmarks.md
//
// It runs from the repository's root, on Linux. A side that is missing (a
// Python package not installed, a work not written) costs one line on standard
// error and leaves its columns empty. The exit status is 1 when the two sides'
// answers differ, or with -check when a ratio is below its floor.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// Options are the driver's settings.
type Options struct {
	Python  string        // interpreter that has the packages
	Scripts string        // folder of peers.py
	Rounds  int           // measured rounds of each side
	Round   time.Duration // least length of one round
}

func main() {
	var o Options
	serve := flag.String("serve", "", "be the Go side of the work of this `name` (used by the driver itself)")
	only := flag.String("only", "", "measure only the works whose name matches this `regexp`")
	write := flag.String("write", "", "replace the table in this markdown `file` too")
	check := flag.Bool("check", false, "exit with status 1 when a ratio is below its floor")
	list := flag.Bool("list", false, "list the works and exit")
	flag.StringVar(&o.Python, "python", "/usr/bin/python3", "Python interpreter with the peers' packages")
	flag.StringVar(&o.Scripts, "scripts", "bench/peers", "folder that holds peers.py")
	flag.IntVar(&o.Rounds, "rounds", 7, "measured rounds of each side")
	flag.DurationVar(&o.Round, "round", 100*time.Millisecond, "least length of one round")
	flag.Parse()
	if err := run(o, *serve, *only, *write, *check, *list); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(o Options, serveName, only, write string, check, list bool) error {
	if serveName != "" {
		return serve(serveName, os.Stdin, os.Stdout)
	}
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if only != "" && write != "" {
		return errors.New("-write replaces the whole table; it cannot be combined with -only")
	}
	if o.Rounds < 1 || o.Round <= 0 {
		return fmt.Errorf("-rounds is %d and -round %v, both must be positive", o.Rounds, o.Round)
	}
	var chosen []Work
	for _, w := range works {
		if pattern.MatchString(w.Name) {
			chosen = append(chosen, w)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no work matches -only %q; -list shows them", only)
	}
	if list {
		for _, w := range chosen {
			fmt.Println(w.Name)
		}
		return nil
	}

	report := Report{Versions: map[string]string{}}
	var faults []string
	for i, w := range chosen {
		fmt.Fprintf(os.Stderr, "[%d/%d] %s\n", i+1, len(chosen), w.Name)
		r, err := measure(o, w)
		if err != nil {
			fmt.Fprintf(os.Stderr, "    %v\n", err)
		}
		report.add(r)
		if r.Differ != "" {
			faults = append(faults, w.Name+": "+r.Differ)
		}
		if check && r.verdict() == below {
			faults = append(faults, w.Name+": below the floor")
		}
	}
	table := report.Markdown(time.Now())
	fmt.Print(table)
	if write != "" {
		if err := replaceTable(write, table); err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}
