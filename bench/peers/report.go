package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report gathers the results of one run.
type Report struct {
	Results  []Result
	Versions map[string]string
}

func (p *Report) add(r Result) {
	p.Results = append(p.Results, r)
	maps.Copy(p.Versions, r.Versions)
}

// Markdown is the table of the run, with machine and date.
func (p *Report) Markdown(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d cores, %s/%s; %s.\n", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, now.UTC().Format(time.DateOnly))
	for i, k := range slices.Sorted(maps.Keys(p.Versions)) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k + " " + p.Versions[k])
	}
	b.WriteString(".")
	if peaks := p.peaks(); len(peaks) > 0 {
		fmt.Fprintf(&b, " float32 peak of one core: %.0f GFLOP/s (median of %d).", median(peaks), len(peaks))
	}
	b.WriteString("\n\n| work | peer | peer's time | Laminar's time | ratio (range) | of peak | memory | floor | aim | reached |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range p.Results {
		cells := []string{
			r.Name, r.Against.Name,
			r.rate(r.Peer), r.rate(r.Laminar),
			spread(r.ratios(), "%.2f"), percent(r.shares()), r.memory(),
			r.target(r.Floor), r.target(r.Aim), r.verdict(),
		}
		if r.Differ != "" {
			cells[len(cells)-1] = "**answers differ**"
		}
		for i, c := range cells {
			if c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

func (p *Report) peaks() []float64 {
	var out []float64
	for _, r := range p.Results {
		for _, x := range r.Laminar {
			if x.Peak > 0 {
				out = append(out, x.Peak)
			}
		}
	}
	return out
}

// rate is the median time of one repetition, or the rate of a product.
func (r Result) rate(rounds []Round) string {
	if len(rounds) == 0 {
		return ""
	}
	t := median(times(rounds, r.Wall))
	clock := ""
	if r.Wall {
		clock = " wall"
	}
	switch {
	case r.Flops > 0:
		return fmt.Sprintf("%.0f GF/s", r.Flops/t/1e9)
	case t >= 1:
		return fmt.Sprintf("%.2f s%s", t, clock)
	default:
		return fmt.Sprintf("%.3g ms%s", t*1e3, clock)
	}
}

// memory is what both sides held beyond their start, of works that ask for it.
func (r Result) memory() string {
	most := func(rounds []Round) (m float64) {
		for _, x := range rounds {
			m = max(m, x.Memory)
		}
		return m
	}
	if a, b := most(r.Peer), most(r.Laminar); r.Memory && a > 0 && b > 0 {
		return fmt.Sprintf("%.0f, %.0f MiB", a, b)
	}
	return ""
}

func (r Result) target(v float64) string {
	switch {
	case v == 0:
		return ""
	case r.OfPeak:
		return fmt.Sprintf("%.0f %% of peak", v*100)
	default:
		return fmt.Sprintf("%g", v)
	}
}

func spread(v []float64, format string) string {
	if len(v) == 0 {
		return ""
	}
	return fmt.Sprintf(format+" ("+format+"-"+format+")", median(v), slices.Min(v), slices.Max(v))
}

func percent(shares []float64) string {
	if len(shares) == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", median(shares)*100)
}

// The table in a document stands between these two lines.
const (
	tableBegin = "<!-- bench-peers: begin -->\n"
	tableEnd   = "<!-- bench-peers: end -->\n"
)

// replaceTable puts table between the two marks of the file.
func replaceTable(path, table string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := withTable(string(old), table)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func withTable(text, table string) (string, error) {
	before, rest, ok := strings.Cut(text, tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		return "", errors.New("the lines " + strings.TrimSpace(tableBegin) + " and " + strings.TrimSpace(tableEnd) + " are not both there")
	}
	return before + tableBegin + table + tableEnd + after, nil
}

// processor names the machine's processor as Linux does.
func processor() string {
	name, family, model := "unknown processor", "", ""
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return name
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "model name":
			name = value
		case "cpu family":
			family = value
		case "model":
			model = value
		case "":
			return fmt.Sprintf("%s (family %s, model %s)", name, family, model)
		}
	}
	return name
}
