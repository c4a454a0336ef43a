package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// markdown is the table of all cells: for each task, a line for each method.
func markdown(cells []Cell) string {
	var b strings.Builder
	for _, t := range tasks {
		seeds := map[uint64]bool{}
		floor := []Cell{}
		for _, c := range cells {
			if c.Task == t.Name && !seeds[c.Seed] {
				seeds[c.Seed] = true
				floor = append(floor, c)
			}
		}
		if len(floor) == 0 {
			continue
		}
		fmt.Fprintf(&b, "**%s** (floor %s; reference W2² %s)\n\n", t.Name,
			over(floor, func(c Cell) float64 { return c.MeanFloor }).text(3), over(floor, func(c Cell) float64 { return c.Reference }).text(2))
		b.WriteString("| method | seeds | NPE | published | again | ok | W2 | published | over the floor | again | ok | W2 at 1 | 2 | 4 | 8 | 16 steps | again, 1 step | ok | core-s |\n")
		b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
		for _, m := range methods {
			var mine []Cell
			for _, c := range cells {
				if c.Task == t.Name && c.Method == m.Name {
					mine = append(mine, c)
				}
			}
			if len(mine) > 0 {
				b.WriteString(line(t, m, mine))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// line is a row of the table.
func line(t Task, m Method, cells []Cell) string {
	ref := references[t.Name][m.Name]
	at := func(k int) figures { return over(cells, func(c Cell) float64 { return c.W2[k] }) }
	npe := over(cells, func(c Cell) float64 { return c.NPE })
	w2 := at(len(eulers) - 1)
	ratio := over(cells, func(c Cell) float64 { return c.Mean / c.MeanFloor })
	quality := judge(ratio, ref.ratio, interval{})
	if published := judge(w2, ref.w2, interval{}); published == held || quality == none {
		quality = published
	}
	row := []string{
		m.Name, fmt.Sprint(len(cells)),
		npe.text(3), ref.npe.spreadText(), ref.npeAgain.text(), string(judge(npe, ref.npe, ref.npeAgain)),
		w2.text(3), ref.w2.spreadText(), ratio.text(2), ref.ratio.text(), string(quality),
	}
	for k := range len(eulers) - 1 {
		row = append(row, fmt.Sprintf("%.3f", at(k).mean))
	}
	row = append(row, ref.oneW2.text(), string(judge(at(0), ref.oneW2, interval{})),
		fmt.Sprintf("%.0f", over(cells, func(c Cell) float64 { return c.Core }).mean))
	return "| " + strings.Join(row, " | ") + " |\n"
}

func (f figures) text(digits int) string {
	if f.n < 2 {
		return fmt.Sprintf("%.*f", digits, f.mean)
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, f.mean, digits, f.sd)
}

// spreadText writes a published interval as mean ± sd.
func (i interval) spreadText() string {
	if !i.known() {
		return "–"
	}
	return fmt.Sprintf("%.3f ± %.3f", (i.lo+i.hi)/2, (i.hi-i.lo)/2)
}

func (i interval) text() string {
	switch {
	case !i.known():
		return "–"
	case i.lo == i.hi:
		return fmt.Sprint(i.lo)
	}
	return fmt.Sprintf("%v–%v", i.lo, i.hi)
}

const beginMark, endMark = "<!-- bench-tong: begin -->\n", "<!-- bench-tong: end -->"

// replace puts text between the marks of a file.
func replace(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, found := bytes.Cut(old, []byte(beginMark))
	_, tail, closed := bytes.Cut(rest, []byte(endMark))
	if !found || !closed {
		return fmt.Errorf("%s has no marks %q and %q", file, strings.TrimSpace(beginMark), endMark)
	}
	return os.WriteFile(file, []byte(string(head)+beginMark+text+endMark+string(tail)), 0o644)
}
