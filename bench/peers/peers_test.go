package main

import (
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The driver starts its own program as the Go side; under test that program is
// the test binary.
func TestMain(m *testing.M) {
	works = append(works, spin("test: spin", 1))
	if len(os.Args) == 3 && os.Args[1] == "-serve" {
		if err := serve(os.Args[2], os.Stdin, os.Stdout); err != nil {
			println("peers:", err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func spin(name string, value float64) Work {
	return Work{
		Name: name, Against: Peer{Name: "itself", OneCore: true}, Floor: 0.01, Aim: 1e6,
		Go: func() (Job, error) {
			x, at := value, 0
			return Job{
				Prepare: func(round int) error { at = round; return nil },
				Step: func() error {
					for range 100_000 {
						x = math.Sqrt(x)
					}
					return nil
				},
				Answer: func() float64 { return float64(at) },
			}, nil
		},
	}
}

func TestTurns(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("pinning is written for Linux")
	}
	w, err := find("test: spin")
	if err != nil {
		t.Fatal(err)
	}
	w.Tolerance = 1e-9
	r, err := measure(Options{Rounds: 3, Round: time.Millisecond}, w)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Peer) != 3 || len(r.Laminar) != 3 || len(r.ratios()) != 3 {
		t.Fatalf("%d and %d rounds, want 3", len(r.Peer), len(r.Laminar))
	}
	if r.Differ != "" || r.verdict() != floor || r.Versions["go"] == "" {
		t.Errorf("differ %q, verdict %q, versions %v", r.Differ, r.verdict(), r.Versions)
	}
	for i, x := range r.Laminar {
		if x.Answer != float64(i+1) {
			t.Errorf("round %d did the work of round %g", i+1, x.Answer)
		}
		if x.CPU <= 0 || x.CPU > x.Wall*1.5+0.02 {
			t.Errorf("%g s of CPU time in %g s on one core", x.CPU, x.Wall)
		}
	}
}

func TestMissingSide(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("pinning is written for Linux")
	}
	w, err := find("test: spin")
	if err != nil {
		t.Fatal(err)
	}
	w.Against = python("nobody", "gemm", 1, 1, 1)
	r, err := measure(Options{Python: "/nonexistent/python", Rounds: 2, Round: time.Millisecond}, w)
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/python") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v does not name the program in one line", err)
	}
	if len(r.Peer) != 0 || len(r.Laminar) != 2 {
		t.Errorf("%d and %d rounds, want 0 and 2", len(r.Peer), len(r.Laminar))
	}
	if r.verdict() != unknown {
		t.Errorf("verdict %q on one side alone", r.verdict())
	}
}

func TestServeFaults(t *testing.T) {
	var out strings.Builder
	for _, c := range [][2]string{{"test: spin", "zero\n"}, {"test: spin", "0 1\n"}, {"test: spin", "1\n"}, {"no such", "1 1\n"}} {
		if err := serve(c[0], strings.NewReader(c[1]), &out); err == nil {
			t.Errorf("serve(%q) took %q", c[0], c[1])
		}
	}
}

func TestDifference(t *testing.T) {
	answer := func(v float64) []Round { return []Round{{Answer: 7}, {Answer: v}} }
	r := Result{Work: Work{Tolerance: 1e-6}, Peer: answer(100), Laminar: answer(100.00005)}
	if d := r.difference(); d != "" {
		t.Errorf("equal within the tolerance, yet %q", d)
	}
	r.Laminar = answer(100.0002)
	if r.difference() == "" {
		t.Error("a difference went unseen")
	}
	r.Laminar = answer(math.NaN())
	if r.difference() == "" {
		t.Error("NaN went unseen")
	}
}

func TestReport(t *testing.T) {
	rounds := func(seconds ...float64) (out []Round) {
		for _, s := range seconds {
			out = append(out, Round{Reps: 2, CPU: 2 * s, Wall: 2 * s, Peak: 100})
		}
		return out
	}
	p := Report{Versions: map[string]string{"numpy": "1", "go": "2"}}
	p.add(Result{Work: Work{Name: "assignment", Against: python("SciPy"), Floor: 12, Aim: 20}, Peer: rounds(1, 3, 2), Laminar: rounds(.1, .2, .1)})
	gemm := product(1000, 1000, 1000, false, false)
	p.add(Result{Work: gemm, Peer: rounds(.04), Laminar: rounds(.025)})
	p.add(Result{Work: Work{Name: "open", Against: python("POT"), Floor: 2}})
	held := func(mib float64) []Round {
		return []Round{{Reps: 1, CPU: 1, Wall: 1, Memory: mib / 2}, {Reps: 1, CPU: 1, Wall: 1, Memory: mib}}
	}
	p.add(Result{Work: Work{Name: "image", Against: python("PyTorch"), Memory: true}, Peer: held(30), Laminar: held(10)})
	got := p.Markdown(time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC))
	for _, want := range []string{
		"2001-02-03.\ngo 2, numpy 1. float32 peak of one core: 100 GFLOP/s",
		"| assignment | SciPy | 2.00 s | 100 ms | 15.00 (10.00-20.00) | - | - | 12 | 20 | floor |\n",
		"| GEMM 1000x1000x1000 | OpenBLAS | 50 GF/s | 80 GF/s | 1.60 (1.60-1.60) | 80 % | - | 75 % of peak | 88 % of peak | floor |\n",
		"| open | POT | - | - | - | - | - | 2 | - | - |\n",
		"| image | PyTorch | 1.00 s | 1.00 s | 1.00 (1.00-1.00) | - | 30, 10 MiB | - | - | - |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
	text, err := withTable("a\n"+tableBegin+"old\n"+tableEnd+"z\n", "new\n")
	if err != nil || text != "a\n"+tableBegin+"new\n"+tableEnd+"z\n" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := withTable("no marks", "new\n"); err == nil {
		t.Error("a document without marks was accepted")
	}
}

// The figures are those of peers.py.
func TestInputsAreThePeers(t *testing.T) {
	norm := func(v []float32) (s float64) {
		for i, x := range v {
			s += float64(x) * float64(i%7+1)
		}
		return s
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"uniform", uniform(3, 5)[4], wantUniform},
		{"normal", norm(normal(1, 100, 3).Data), wantNormal},
		{"moons", norm(moons(2, 101).Data), wantMoons},
		{"mixture", norm(mixture(2, 50, 32).Data), wantMixture},
		{"cost 2-D", norm(squaredDistance(64, 2, 3).Data), wantCost2},
		{"cost 32-D", norm(squaredDistance(64, 32, 3).Data), wantCost32},
		{"weights", norm(networkWeights(64)[2]), wantWeights},
	} {
		if math.Abs(c.got-c.want) > 1e-9*math.Abs(c.want) {
			t.Errorf("%s: %.15g, want %.15g", c.name, c.got, c.want)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range works {
		if seen[w.Name] || strings.Contains(w.Name, "|") {
			t.Errorf("%q is there twice or breaks the table", w.Name)
		}
		seen[w.Name] = true
	}
}

// From peers.py: sums weighted by the index modulo 7, plus one.
const (
	wantUniform = 0.21643910878148487
	wantNormal  = 72.7063115402998
	wantMoons   = 274.9978397907689
	wantMixture = -830.2286603329703
	wantCost2   = 47667.48090693576
	wantCost32  = 2680873.2146224976
	wantWeights = -14.315204634798647
)
