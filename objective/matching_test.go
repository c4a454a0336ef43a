package objective_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/objective"
	"laminar/path"
	"laminar/rng"
)

// A network that answers noise is trained as such, and sampled as a velocity.
func ExampleFlowMatching_Velocity() {
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		panic(err)
	}
	o := objective.FlowMatching{
		Path: path.Affine{Schedule: path.DDPM()}, Times: path.Uniform{},
		Predict: path.Noise, Schedule: path.DDPM(),
	}
	sampled, err := o.Velocity(net)
	if err != nil {
		panic(err)
	}
	a, _ := nn.Velocity(net)
	b, _ := nn.Velocity(sampled)
	fmt.Println("more operations:", len(b.Nodes) > len(a.Nodes))
	fmt.Println("other parameters:", len(b.Params) != len(a.Params))
	// Output:
	// more operations: true
	// other parameters: false
}

func of(s flow.Schedule, p path.Prediction, w path.Weight) objective.FlowMatching {
	return objective.FlowMatching{Path: path.Affine{Schedule: s}, Times: path.Uniform{}, Predict: p, Schedule: s, Weight: w}
}

// edges draws the ends of time, then uniform times.
type edges struct{}

func (edges) Times(dst []float32, key rng.Key) {
	path.Uniform{}.Times(dst, key)
	dst[0], dst[1] = 0, 1
}

var someSchedules = []flow.Schedule{path.CondOT{}, path.DDPM(), path.LinearVP{}}

// The loss of every prediction is w(t) |f - target|^2 / D with the target of the
// path, times stay inside Clip, and the gradient is the loss's.
func TestLossOfEveryPrediction(t *testing.T) {
	const n, dim = 64, 2
	heavy := path.Weight(func(alpha, sigma float64) float64 { return 1 + 3*alpha })
	net := network(t, dim, flow.CondSpec{})
	b := pairs(n, dim, flow.CondSpec{})
	answer, err := nn.Velocity(net)
	if err != nil {
		t.Fatal(err)
	}
	l := answer.Layout(nn.Group)
	params := make([]float32, l.Size)
	net.Init(params, l, rng.New(1))
	arena := wide(params)
	for _, s := range someSchedules {
		for _, p := range path.Predictions() {
			for name, w := range map[string]path.Weight{"plain": nil, "heavy": heavy} {
				o := of(s, p, w)
				o.Times = edges{}
				ph := phase(t, o, net)
				in := objective.NewInputs(ph.Program, n)
				if err := ph.Fill(in, &b, rng.New(8)); err != nil {
					t.Fatal(err)
				}
				rows := map[string][]float64{}
				for _, r := range ph.Program.Rows {
					rows[r.Name] = wide(in.Mat(r.Name).Data)
				}
				lo, hi := path.Clip(p, s)
				if times := rows[nn.InT]; slices.Min(times) < lo-1e-6 || slices.Max(times) > hi+1e-6 {
					t.Errorf("%T %s: times %v to %v outside [%v, %v]", s, p, slices.Min(times), slices.Max(times), lo, hi)
				}
				run := func() []float64 {
					out, err := ph.Program.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: rows})
					if err != nil {
						t.Fatal(err)
					}
					return out[objective.Loss]
				}
				f, err := answer.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: map[string][]float64{nn.InX: rows[nn.InX], nn.InT: rows[nn.InT]}})
				if err != nil {
					t.Fatal(err)
				}
				mean := 0.0
				for i, got := range run() {
					mean += got / n
					alpha, sigma, da, ds := s.At(rows[nn.InT][i])
					want := 0.0
					for j := range dim {
						x0, x1 := float64(b.X0.At(i, j)), float64(b.X1.At(i, j))
						if x := sigma*x0 + alpha*x1; math.Abs(x-rows[nn.InX][i*dim+j]) > 1e-5 {
							t.Fatalf("x_t is %v, want %v", rows[nn.InX][i*dim+j], x)
						}
						target := map[path.Prediction]float64{
							path.Velocity: ds*x0 + da*x1, path.Data: x1, path.Noise: x0, path.Score: -x0 / sigma,
						}[p]
						e := f[nn.Out][i*dim+j] - target
						want += e * e / dim
					}
					if p == path.Score {
						want *= sigma * sigma
					}
					if w != nil {
						want *= 1 + 3*alpha
					}
					if math.Abs(got-want) > 2e-4*(1+want) {
						t.Errorf("%T %s %s: loss of row %d is %v, want %v", s, p, name, i, got, want)
					}
				}
				out, err := ph.Program.Interpret(graph.Feed{N: n, Arenas: map[string][]float64{nn.Group: arena}, Rows: rows})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range ph.Program.Outputs {
					if r.GradOf < 0 || ph.Program.Params[r.GradOf].Name != "net.2.bias" {
						continue
					}
					e := l.Entries[slices.IndexFunc(l.Entries, func(e graph.Entry) bool { return e.Name == "net.2.bias" })]
					const h = 1e-4
					average := func(d float64) float64 {
						arena[e.Offset] += d
						defer func() { arena[e.Offset] -= d }()
						sum := 0.0
						for _, v := range run() {
							sum += v / n
						}
						return sum
					}
					if got, want := out[r.Name][0], (average(h)-average(-h))/(2*h); math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
						t.Errorf("%T %s %s: gradient %v, want %v", s, p, name, got, want)
					}
				}
			}
		}
	}
}

// The program of the finished model is the network behind path.Convert, asked at
// the nearest time of Clip, with the network's own parameters.
func TestVelocityProgram(t *testing.T) {
	net := network(t, 2, flow.CondSpec{})
	raw, err := nn.Velocity(net)
	if err != nil {
		t.Fatal(err)
	}
	l := raw.Layout(nn.Group)
	params := make([]float32, l.Size)
	net.Init(params, l, rng.New(2))
	times := []float64{0, 0.3, 0.9, 1}
	xs := []float64{0.3, -1, 2, 0.5, -0.2, 0.1, 1, 1}
	feed := func(p *graph.Program, at []float64) []float64 {
		out, err := p.Interpret(graph.Feed{N: 4, Arenas: map[string][]float64{nn.Group: wide(params)}, Rows: map[string][]float64{nn.InX: xs, nn.InT: at}})
		if err != nil {
			t.Fatal(err)
		}
		return out[nn.Out]
	}
	for _, s := range someSchedules {
		for _, p := range path.Predictions() {
			v, err := of(s, p, nil).Velocity(net)
			if err != nil {
				t.Fatal(err)
			}
			prog, err := nn.Velocity(v)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(prog.Layout(nn.Group).Entries, l.Entries, func(a, b graph.Entry) bool { return a.Name == b.Name && a.Offset == b.Offset }) {
				t.Errorf("%T %s: the arena has another layout", s, p)
			}
			lo, hi := path.Clip(p, s)
			clipped := slices.Clone(times)
			for i := range clipped {
				clipped[i] = min(max(clipped[i], lo), hi)
			}
			answer := feed(raw, clipped)
			for i, got := range feed(prog, times) {
				alpha, sigma, da, ds := s.At(clipped[i/2])
				a, b := path.Convert(p, path.Velocity, alpha, sigma, da, ds)
				if want := a*xs[i] + b*answer[i]; math.Abs(got-want) > 1e-8*(1+math.Abs(want)) {
					t.Errorf("%T %s at %v: %v, want %v", s, p, times[i/2], got, want)
				}
			}
		}
	}
	plain, err := objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}.Velocity(net)
	if plain != net || err != nil {
		t.Error("velocities on straight lines need no conversion")
	}
}

func TestPredictionErrors(t *testing.T) {
	net := network(t, 2, flow.CondSpec{})
	for want, o := range map[string]objective.FlowMatching{
		"unknown prediction":   {Path: path.Linear{}, Times: path.Uniform{}, Predict: "speed", Schedule: path.CondOT{}},
		"needs the schedule":   {Path: path.Linear{Sigma: 1}, Times: path.Uniform{}, Predict: path.Data},
		"draws its own noise,": {Path: path.Target{}, Times: path.Uniform{}, Predict: path.Noise, Schedule: path.CondOT{}},
	} {
		_, err := o.Phases(net)
		_, err2 := o.Velocity(net)
		for _, e := range []error{err, err2} {
			if !errors.Is(e, flow.ErrConfig) || !strings.Contains(e.Error(), want) {
				t.Errorf("want %q, got %v", want, e)
			}
		}
	}
}

// Pairs between marginals in time are run through between their times, and as
// much faster.
func TestPairsInTime(t *testing.T) {
	o := objective.FlowMatching{Path: path.Linear{}, Times: path.Uniform{}}
	ph := phase(t, o, network(t, 2, flow.CondSpec{}))
	b := pairs(8, 2, flow.CondSpec{})
	plain, in := objective.NewInputs(ph.Program, 8), objective.NewInputs(ph.Program, 8)
	if err := ph.Fill(plain, &b, rng.New(1)); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		b.T0, b.T1 = append(b.T0, 0.25), append(b.T1, 0.75)
	}
	if err := ph.Fill(in, &b, rng.New(1)); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		s := plain.Mat(nn.InT).Data[i]
		if got, want := in.Mat(nn.InT).Data[i], 0.25+0.5*s; math.Abs(float64(got-want)) > 1e-6 {
			t.Errorf("row %d stands at %v, want %v", i, got, want)
		}
		for j := range 2 {
			if got, want := in.Mat(nn.InX).At(i, j), plain.Mat(nn.InX).At(i, j); got != want {
				t.Errorf("row %d: x %v, want %v", i, got, want)
			}
			if got, want := in.Mat("target").At(i, j), 2*(b.X1.At(i, j)-b.X0.At(i, j)); math.Abs(float64(got-want)) > 1e-5 {
				t.Errorf("row %d: velocity %v, want %v", i, got, want)
			}
		}
	}
}
