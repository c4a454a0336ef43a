package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"laminar/run"
)

// progress shows how training goes: on a terminal one line that is written
// over, elsewhere a plain line every few seconds.
type progress struct {
	w        io.Writer
	terminal bool
	every    time.Duration
	start    time.Time // of this stretch, at the step from
	from     int
	last     time.Time
	pass     string  // of reading a file, or what is counted
	loss     float64 // running mean
	open     bool    // the line on the terminal awaits its end
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, every: 3 * time.Second}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		p.terminal, p.every = true, 100*time.Millisecond
	}
	return p
}

// step is told of every step of a run.
func (p *progress) step(s run.Progress) {
	now := time.Now()
	if p.start.IsZero() || p.pass != "" {
		p.start, p.last, p.from, p.loss, p.pass = now, now, s.Step, s.Loss, ""
	}
	p.loss += (s.Loss - p.loss) / 50
	if !p.due(now) && (!p.terminal || s.Step != s.Total) {
		return
	}
	p.last = now
	rate := float64(s.Step-p.from) / max(now.Sub(p.start).Seconds(), 1e-9)
	left := time.Duration(float64(s.Total-s.Step) / max(rate, 1e-9) * float64(time.Second))
	line := fmt.Sprintf("loss %.4f  %s steps/s  %s left", p.loss, perSecond(rate), clock(left))
	if !p.terminal {
		fmt.Fprintf(p.w, "step %d of %d  %s\n", s.Step, s.Total, line)
		return
	}
	p.open = true
	share := float64(s.Step) / float64(s.Total)
	fmt.Fprintf(p.w, "\r%s %3.0f %%  %s\x1b[K", bar(share, 24), 100*share, line)
}

// count is told how many of a number of things are done; total is 0 where it is not
// known.
func (p *progress) count(done, total int, things string) {
	now := time.Now()
	if p.start.IsZero() || p.pass != things {
		p.start, p.last, p.from, p.pass = now, now, done, things
	}
	if !p.due(now) && (!p.terminal || done != total || !p.open) {
		return
	}
	p.last = now
	left := ""
	rate := float64(done-p.from) / max(now.Sub(p.start).Seconds(), 1e-9)
	if rate >= 1 {
		left = fmt.Sprintf(", %s/s", perSecond(rate))
	}
	if 0 < rate && done < total {
		left += fmt.Sprintf(", %s left", clock(time.Duration(float64(total-done)/rate*float64(time.Second))))
	}
	line := fmt.Sprintf("%s %s%s", thousands(done), things, left)
	switch {
	case total == 0 && p.terminal:
		p.open = true
		fmt.Fprintf(p.w, "\r%s\x1b[K", line)
		return
	case total == 0:
		fmt.Fprintln(p.w, line)
		return
	case !p.terminal:
		fmt.Fprintf(p.w, "%s of %s %s%s\n", thousands(done), thousands(total), things, left)
		return
	}
	p.open = true
	share := float64(done) / float64(total)
	fmt.Fprintf(p.w, "\r%s %3.0f %%  %s\x1b[K", bar(share, 24), 100*share, line)
}

// due tells whether it is time for another line; where lines stay, they become rarer.
func (p *progress) due(now time.Time) bool {
	wait := p.every
	if !p.terminal {
		wait = max(wait, min(now.Sub(p.start)/20, 10*wait))
	}
	return now.Sub(p.last) >= wait
}

// judging shows how a judgement gets on.
func (p *progress) judging(o *run.EvalOptions) {
	o.Watch = func(done, total int) { p.count(done, total, "evaluations") }
	o.Stage = p.stage
}

// reading shows how far a pass over a file has come, once that takes long.
func (p *progress) reading(stage string, done, total int64) {
	now := time.Now()
	if p.pass != stage || p.start.IsZero() || done < int64(p.from) {
		p.pass, p.start, p.last = stage, now, now
	}
	p.from = int(done) // a pass that begins anew
	if !p.due(now) || now.Sub(p.start) < time.Second || done >= total {
		return
	}
	p.last = now
	rate := float64(done) / now.Sub(p.start).Seconds()
	left := time.Duration(float64(total-done) / rate * float64(time.Second))
	share := float64(done) / float64(total)
	line := fmt.Sprintf("%3.0f %%  reading %s  %.0f MB/s  %s left", 100*share, stage, rate/1e6, clock(left))
	if !p.terminal {
		fmt.Fprintln(p.w, strings.TrimSpace(line))
		return
	}
	p.open = true
	fmt.Fprintf(p.w, "\r%s %s\x1b[K", bar(share, 24), line)
}

// end ends the line, so that others can follow.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.w)
	}
	p.open = false
	p.start = time.Time{}
}

// bar draws a share of 0 to 1 in eighths of a cell.
func bar(share float64, cells int) string {
	eighths := min(int(share*float64(8*cells)), 8*cells)
	b := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		b += string([]rune("▏▎▍▌▋▊▉")[part-1])
	}
	return b + strings.Repeat("·", cells-len([]rune(b)))
}

// clock writes a duration as minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// perSecond writes a rate, a slow one with a digit behind the point.
func perSecond(rate float64) string {
	if rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return thousands(int(rate))
}

// counted writes a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}

// thousands writes a count with its thousands parted.
func thousands(n int) string {
	t := fmt.Sprint(n)
	for i := len(t) - 3; i > 0; i -= 3 {
		t = t[:i] + "," + t[i:]
	}
	return t
}
