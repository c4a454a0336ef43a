// Command tong reproduces the two-dimensional table of Tong et al., "Improving
// and generalizing flow-based generative models with minibatch optimal
// transport" (TMLR 2024, table 2), by the protocol of the authors' repository,
// and sets Laminar's own defaults beside it.
//
//	go run ./bench/tong                                   # all cells, seeds 42 to 46
//	go run ./bench/tong -cells 'OT-CFM/N-moons' -seeds 42 # some
//
// Finished cells are kept in a file, so that another run goes on from there, and
// the table holds every cell that is in the file. cells.json beside this file
// keeps those of the table in docs/benchmarks.md, which is written, with cells
// measured in addition or none (-cells -), by
//
//	go run ./bench/tong -keep bench/tong/cells.json -write docs/benchmarks.md
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	cells := flag.String("cells", "", "measure the cells METHOD/TASK that match this `regexp`; - measures none")
	seeds := flag.String("seeds", "42,43,44,45,46", "seeds, separated by commas")
	keep := flag.String("keep", "runs/tong.json", "`file` that keeps finished cells")
	write := flag.String("write", "", "replace the table in this markdown `file`")
	workers := flag.Int("workers", 0, "cores to use; 0 is all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *cells, *seeds, *keep, *write, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "tong:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cells, seeds, keep, write string, workers int) error {
	done, err := load(keep)
	if err != nil {
		return err
	}
	if cells != "-" {
		if done, err = complete(ctx, done, cells, seeds, keep, workers); err != nil {
			return err
		}
	}
	text := markdown(done)
	fmt.Print(text)
	if write != "" {
		return replace(write, text)
	}
	return nil
}

// complete measures the cells asked for that are not done, and keeps each.
func complete(ctx context.Context, done []Cell, cells, seeds, keep string, workers int) ([]Cell, error) {
	pattern, err := regexp.Compile(cells)
	if err != nil {
		return done, fmt.Errorf("-cells: %w", err)
	}
	todo := 0
	var jobs []func() error
	for _, word := range strings.Split(seeds, ",") {
		seed, err := strconv.ParseUint(strings.TrimSpace(word), 10, 64)
		if err != nil {
			return done, fmt.Errorf("-seeds: %w", err)
		}
		for _, t := range tasks {
			set := sync.OnceValues(func() (Set, error) { return t.load(seed) })
			for _, m := range methods {
				if m.ownNoise && t.source != nil || !pattern.MatchString(m.Name+"/"+t.Name) || has(done, t, m, seed) {
					continue
				}
				todo++
				jobs = append(jobs, func() error {
					s, err := set()
					if err != nil {
						return err
					}
					c, err := measure(ctx, s, m, seed, workers)
					if err != nil {
						return fmt.Errorf("%s/%s, seed %d: %w", m.Name, t.Name, seed, err)
					}
					fmt.Fprintf(os.Stderr, "%s  %s/%s seed %d: W2 %.3f (floor %.3f), NPE %.3f, 1 step %.3f, %.0f core-seconds, %.0f s\n", time.Now().Format(time.TimeOnly),
						m.Name, t.Name, seed, c.W2[len(c.W2)-1], c.Floor, c.NPE, c.W2[0], c.Core, c.Wall)
					done = append(done, c)
					return store(keep, done)
				})
			}
		}
	}
	if todo == 0 && len(done) == 0 {
		return done, errors.New("no cell matches -cells")
	}
	for i, job := range jobs {
		fmt.Fprintf(os.Stderr, "[%d/%d] ", i+1, todo)
		if err := job(); err != nil {
			return done, err
		}
	}
	return done, nil
}

func has(done []Cell, t Task, m Method, seed uint64) bool {
	for _, c := range done {
		if c.Task == t.Name && c.Method == m.Name && c.Seed == seed {
			return true
		}
	}
	return false
}

// load reads the cells of this protocol; none is no error.
func load(path string) ([]Cell, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var all, cells []Cell
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	for _, c := range all {
		if c.Protocol == protocol {
			cells = append(cells, c)
		}
	}
	return cells, err
}

// store writes the cells, one a line, the file whole or not at all.
func store(path string, cells []Cell) error {
	b := []byte("[")
	for i, c := range cells {
		line, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), line...)
	}
	b = append(b, "\n]"...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
