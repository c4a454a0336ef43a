package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/model"
	"laminar/nn"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
)

var update = flag.Bool("update", false, "write the fixtures anew")

// fixture is a network with its parameters, and what Go makes of one noise with
// it. The page's interpreter must arrive at the same points.
type fixture struct {
	Name    string          `json:"name"`
	Program json.RawMessage `json:"program"`
	Params  string          `json:"params"`
	Seed    uint64          `json:"seed"`
	Noise   string          `json:"noise"`
	Runs    []followed      `json:"runs"`
}

type followed struct {
	Method string `json:"method"`
	Steps  int    `json:"steps"`
	End    string `json:"end"`
}

func pack(x []float32) string {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func unpack(t *testing.T, s string) []float32 {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

func make1(t *testing.T, name string, p *graph.Program, params []float32, cond flow.CondSpec, rows int) fixture {
	t.Helper()
	prog, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(model.Config{Program: p, Params: params, Cond: cond})
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{Name: name, Program: prog, Params: pack(params), Seed: 7}
	type run struct {
		method string
		steps  int
	}
	runs := []run{{"euler", 8}, {"midpoint", 4}, {"heun", 4}, {"rk4", 3}}
	if m.LongSteps() {
		runs = append(runs, run{"jump", 1}, run{"jump", 3})
	}
	for _, s := range runs {
		c := sample.Config{N: rows, Seed: rng.New(f.Seed), Solve: solve.Defaults()}
		x, err := sample.Start(m, c)
		if err != nil {
			t.Fatal(err)
		}
		f.Noise = pack(x.Data)
		c.Solve.Method, c.Solve.NFE, c.Solve.Steps = s.method, 0, s.steps
		solver, err := solve.New[float32](c.Solve)
		if err != nil {
			t.Fatal(err)
		}
		v, err := sample.Field(m, c, 0, rows)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := solver.Solve(context.Background(), v, x, 0, 1); err != nil {
			t.Fatal(err)
		}
		f.Runs = append(f.Runs, followed{s.method, s.steps, pack(x.Data)})
	}
	return f
}

// everything is a field that uses each operation that a velocity program may
// hold, so that none is missing in the page.
func everything() (*graph.Program, error) {
	b := graph.NewBuilder()
	in := nn.RowInputs(b, 2, flow.CondSpec{})
	w := b.Param(nn.Group, "w", 6, 3)
	h := b.Linear(b.Concat(0, in.X, in.T), w, true)
	one := b.Const(1, 6)
	terms := []graph.Value{
		b.Neg(h), b.Abs(h), b.Sign(h), b.Exp(b.Scale(h, 0.1)), b.Log(b.Add(b.Abs(h), one)), b.Sqrt(b.Add(b.Square(h), one)),
		b.Sin(h), b.Cos(h), b.Tanh(h), b.Sigmoid(h), b.Erf(h), b.ReLU(h), b.Step(h),
		b.Sub(h, one), b.Div(h, b.Add(b.Square(h), one)), b.Max(h, one), b.Min(h, one), b.Greater(h, one), b.Equal(b.Step(h), one),
		b.Select(b.Step(h), h, one), b.StopGradient(h),
	}
	grid := b.Reshape(h, 2, 3)
	turned := b.Transpose(grid, 1, 0)
	terms = append(terms, b.Reshape(turned, 6),
		b.Reshape(b.Broadcast(b.Sum(grid, 1), 2, 3), 6), b.Reshape(b.Broadcast(b.ReduceMax(grid, 0), 2, 3), 6),
		b.Pad(b.Slice(h, 0, 1, 4), 0, 2, 1),
		b.Reshape(b.Concat(1, b.Slice(grid, 1, 0, 1), b.Slice(grid, 1, 1, 3)), 6),
		b.Pad(b.Reshape(b.MatMul(grid, turned, false, false), 4), 0, 1, 1),
		b.Pad(b.Reshape(b.MatMul(grid, grid, false, true), 4), 0, 0, 2),
		b.Slice(b.Reshape(b.MatMul(grid, grid, true, false), 9), 0, 2, 8))
	table := b.Param(nn.Group, "table", 4, 6)
	index := b.Convert(b.Scale(b.Add(in.T, b.Const(0, 1)), 3), graph.Int32)
	terms = append(terms, b.Reshape(b.Gather(table, index), 6))
	terms = append(terms, b.Reshape(b.Slice(b.Scatter(index, b.Reshape(h, 1, 6), 4), 0, 1, 2), 6))
	image := b.Reshape(h, 2, 3, 1)
	window := graph.Same(2, 3, 3, 1)
	terms = append(terms, b.Reshape(b.Fold(b.Unfold(image, window), window), 6))
	sum := terms[0]
	for _, x := range terms[1:] {
		sum = b.Add(sum, b.Scale(b.Tanh(x), 0.7))
	}
	b.Output(nn.Out, b.Linear(b.Tanh(sum), b.Param(nn.Group, "out", 2, 6), true))
	return b.Build()
}

// filled returns an arena of small normal numbers.
func filled(p *graph.Program, scale float32) []float32 {
	x := make([]float32, p.Layout(nn.Group).Size)
	s := rng.New(3).Stream()
	s.Normal(x)
	for i := range x {
		x[i] *= scale
	}
	return x
}

func fixtures(t *testing.T) []fixture {
	t.Helper()
	var out []fixture
	network := func(name string, s nn.Spec, c flow.CondSpec, rows int, scale float32) {
		n, err := s.Network(2, c)
		if err != nil {
			t.Fatal(err)
		}
		if name == "long steps" {
			n = nn.LongStep{Network: n}
		}
		p, err := nn.Velocity(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, make1(t, name, p, filled(p, scale), c, rows))
	}
	for _, a := range nn.Activations() {
		network("mlp "+a, nn.Spec{Kind: "mlp", Width: 11, Depth: 2, Activation: a}, flow.CondSpec{}, 9, 0.4)
	}
	network("resmlp", nn.Spec{Kind: "resmlp", Width: 16, Depth: 2, Activation: "silu", TimeFeatures: 8}, flow.CondSpec{}, 150, 0.2)
	network("conditions", nn.Spec{Kind: "resmlp", Width: 8, Depth: 1, Activation: "gelu", TimeFeatures: 4}, flow.CondSpec{Classes: 3, Real: 2, Mask: true}, 9, 0.3)
	network("long steps", nn.Spec{Kind: "resmlp", Width: 12, Depth: 2, Activation: "silu", TimeFeatures: 6}, flow.CondSpec{}, 70, 0.3)
	p, err := everything()
	if err != nil {
		t.Fatal(err)
	}
	return append(out, make1(t, "everything", p, filled(p, 0.5), flow.CondSpec{}, 9))
}

// TestFixtures holds the files that the page's own tests read to what Go does
// today; -update writes them.
func TestFixtures(t *testing.T) {
	path := filepath.Join("test", "fixtures", "networks.json")
	now := fixtures(t)
	if *update {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		if err := e.Encode(now); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var stored []fixture
	if err := json.Unmarshal(b, &stored); err != nil {
		t.Fatal(err)
	}
	if len(stored) != len(now) {
		t.Fatalf("%d fixtures stored, %d expected; run go test ./web -update", len(stored), len(now))
	}
	for i, s := range stored {
		if s.Name != now[i].Name || s.Params != now[i].Params || s.Noise != now[i].Noise || !bytes.Equal(s.Program, now[i].Program) {
			t.Errorf("%s: the stored network is not the one that Go builds; run go test ./web -update", s.Name)
			continue
		}
		for j, r := range s.Runs {
			x, y := unpack(t, r.End), unpack(t, now[i].Runs[j].End)
			for k := range x {
				// Kernel sets differ in the last bits.
				if math.Abs(float64(x[k]-y[k])) > 2e-5*(1+math.Abs(float64(y[k]))) {
					t.Errorf("%s, %s: number %d is %v, stored %v", s.Name, r.Method, k, y[k], x[k])
					break
				}
			}
		}
	}
}
