package sample_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/model"
	"laminar/nn"
	"laminar/objective"
	"laminar/path"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// chooser is a model with random parameters of a value and two choices.
func chooser(t testing.TB) *model.Model {
	t.Helper()
	spec := flow.CondSpec{Mask: true}
	net, err := nn.Spec{Kind: "mlp", Width: 24, Depth: 2, Activation: "silu"}.Network(5, spec)
	if err != nil {
		t.Fatal(err)
	}
	choices := []flow.Choice{{Offset: 1, Options: 3, Lo: -1, Hi: 2}, {Offset: 4, Options: 2, Lo: -1, Hi: 1}}
	o := objective.FlowMatching{Path: path.Masked{Of: path.Linear{}, Choices: choices}, Times: path.Uniform{}, Schedule: path.CondOT{}}
	moving, err := o.Velocity(net)
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Velocity(moving)
	if err != nil {
		t.Fatal(err)
	}
	l := p.Layout(nn.Group)
	w := make([]float32, l.Size)
	net.Init(w, l, rng.New(3))
	m, err := model.New(model.Config{Program: p, Params: w, Cond: spec, Schedule: path.CondOT{}, Choices: choices})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Choices come out made, all of their options; those that are given stay; a row depends
// on its index alone, whether it is counted or listed.
func TestChoices(t *testing.T) {
	const n = 900 // more than one chunk
	m := chooser(t)
	c := sample.Config{N: n, Seed: rng.New(7), Solve: solve.Config{Method: "unipc", NFE: 5}, Cond: flow.NewCond(flow.CondSpec{Mask: true}, n, 5)}
	for i := range n {
		if i%2 == 0 {
			c.Cond.Mask.Row(i)[4], c.Cond.Observed.Row(i)[4] = 1, 1
		}
	}
	x, _, err := sample.Latent(context.Background(), m, c)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[2]int]int{}
	for i := range n {
		row := x.Row(i)
		first, second := slices.Index(row[1:4], 2), slices.Index([]float32{-1, 1}, row[4])
		if first < 0 || second < 0 || row[1]+row[2]+row[3] != 0 {
			t.Fatalf("row %d: choices %v", i, row[1:])
		}
		if i%2 == 0 && second != 1 {
			t.Fatalf("row %d lost its given choice", i)
		}
		seen[[2]int{first, second}]++
	}
	if len(seen) != 6 {
		t.Errorf("%d of 6 pairs of options were drawn", len(seen))
	}
	some := c
	some.N, some.Rows, some.Cond = 3, []int{701, 2, 513}, flow.NewCond(flow.CondSpec{Mask: true}, 3, 5)
	for k, i := range some.Rows {
		some.Cond.CopyRow(k, c.Cond, i)
	}
	part, _, err := sample.Latent(context.Background(), m, some)
	if err != nil {
		t.Fatal(err)
	}
	for k, i := range some.Rows {
		if !slices.Equal(part.Row(k), x.Row(i)) {
			t.Errorf("row %d listed is %v, counted %v", i, part.Row(k), x.Row(i))
		}
	}
	some.N = 2
	if _, _, err := sample.Latent(context.Background(), m, some); !errors.Is(err, flow.ErrShape) {
		t.Errorf("3 indices for 2 rows: %v", err)
	}
}

// A model of choices has no way back and no density.
func TestChoicesRefuse(t *testing.T) {
	m, x := chooser(t), tensor.New(2, 5)
	c := sample.Config{N: 2, Seed: rng.New(1), Solve: solve.Config{Method: "euler", NFE: 4}}
	_, back := sample.Carry(context.Background(), m, c, x, 1, 0)
	_, _, density := sample.LogProb(context.Background(), m, c, tensor.NewOf[float64](2, 5))
	_, anew := sample.Renew(context.Background(), m, c, x, sample.RenewalDefaults())
	_, pairs := sample.NewReflow(context.Background(), m, c, nil)
	for want, err := range map[string]error{"from noise to data": back, "tells no density": density, "could be taken back": anew, "or choices": pairs} {
		if !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
