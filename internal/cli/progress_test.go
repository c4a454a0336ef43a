package cli

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"laminar/metric"
	"laminar/run"
)

func nan() metric.Number { return metric.Number(math.NaN()) }

func TestBar(t *testing.T) {
	for share, want := range map[float64]string{0: "····", 1: "████", 0.5: "██··", 0.125: "▌···", 2: "████"} {
		if got := bar(share, 4); got != want {
			t.Errorf("bar(%v) = %q, want %q", share, got, want)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q", n, got)
		}
	}
	for d, want := range map[time.Duration]string{0: "0:00", 65 * time.Second: "1:05", 3661 * time.Second: "1:01:01"} {
		if got := clock(d); got != want {
			t.Errorf("clock(%v) = %q", d, got)
		}
	}
	if got := wrapped([]string{"a/one", "two", "three"}, 8, "> "); got != "one  two\n> three" {
		t.Errorf("wrapped: %q", got)
	}
}

func TestProgressLines(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b)
	if p.terminal {
		t.Fatal("a buffer is no terminal")
	}
	p.every = 0
	for i := 1; i <= 3; i++ {
		s := run.Progress{Total: 3}
		s.Step, s.Loss = i, 1.5
		p.step(s)
	}
	p.end()
	if got := b.String(); strings.Count(got, "\n") != 3 || !strings.Contains(got, "step 3 of 3  loss 1.5000") || strings.ContainsAny(got, "\r\x1b") {
		t.Errorf("%q", got)
	}
	b.Reset()
	p = newProgress(&b)
	p.terminal, p.every = true, 0
	s := run.Progress{Total: 1000000}
	s.Step, s.Loss = 999999, 1234.5
	p.step(s)
	p.end()
	line := strings.TrimSuffix(strings.TrimPrefix(b.String(), "\r"), "\x1b[K\n")
	if n := len([]rune(line)); n > 79 {
		t.Errorf("%d characters: %q", n, line)
	}
}
