package sample_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/model"
	"laminar/nn"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// onLine is a model of straight lines whose velocity is 0, so that rows are left
// where Renew puts them.
func onLine(t testing.TB, dim int) *model.Model {
	t.Helper()
	mean, std := make([]float64, dim), make([]float64, dim)
	for i := range std {
		std[i] = 1
	}
	parts := still(t, mean, std).Config
	parts.Schedule = linear{}
	m, err := model.New(parts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func euler(nfe int) solve.Config {
	c := solve.Defaults()
	c.Method, c.NFE = "euler", nfe
	return c
}

// Without anything kept, a row is put on the line to its noise.
func TestRenewStarts(t *testing.T) {
	m, c := onLine(t, 3), sample.Config{Seed: rng.New(7), Solve: euler(4)}
	x, _ := tensor.FromRows([][]float64{{1, 2, 3}, {-4, 5, 6}})
	z := tensor.Convert[float32](x)
	r := sample.RenewalDefaults()
	r.Strength = 0.25
	stats, err := sample.Renew(context.Background(), m, c, z, r)
	if err != nil || stats.NFE != 4 {
		t.Fatalf("%+v, %v", stats, err)
	}
	c.N = 2
	noise, err := sample.Start(m, c)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range z.Data {
		if want := 0.75*x.Data[i] + 0.25*float64(noise.Data[i]); math.Abs(float64(v)-want) > 1e-6 {
			t.Errorf("number %d is %v, want %v", i, v, want)
		}
	}
}

// What is kept comes back bit for bit, what is not is noised by the path: under a
// field of 0 it ends as noise of the spread that the walks back give it. A row does
// not depend on those beside it.
func TestRenewKeeps(t *testing.T) {
	m, c := onLine(t, 2), sample.Config{Seed: rng.New(7), Solve: euler(16)}
	const n = 4000
	x, r := tensor.New(n, 2), sample.RenewalDefaults()
	r.Keep = tensor.New(n, 2)
	for i := range n {
		x.Row(i)[0], x.Row(i)[1], r.Keep.Row(i)[0] = float32(i), float32(i), 1
	}
	z := x.Clone()
	stats, err := sample.Renew(context.Background(), m, c, z, r)
	if err != nil || stats.NFE != 16 || stats.MaxNFE != 16 {
		t.Fatalf("%+v, %v", stats, err)
	}
	sum := 0.0
	for i := range n {
		if z.Row(i)[0] != x.Row(i)[0] {
			t.Fatalf("row %d: the kept number became %v", i, z.Row(i)[0])
		}
		sum += float64(z.Row(i)[1]) * float64(z.Row(i)[1]) / n
	}
	// Variances by the recursion: at each of 4 steps three walks back from t+h to
	// t, v <- (t/(t+h))^2 v + (1-t)^2 - (t/(t+h))^2 (1-t-h)^2.
	want := 1.0
	for i := range 4 {
		at, next := float64(i)/4, float64(i+1)/4
		for range 3 {
			a := at / next
			want = a*a*want + (1-at)*(1-at) - a*a*(1-next)*(1-next)
		}
	}
	if math.Abs(sum/want-1) > 0.1 {
		t.Errorf("variance %v, want %v", sum, want)
	}
	part := x.Rows(1000, 1010).Clone()
	r.Keep = r.Keep.Rows(1000, 1010)
	c.First = 1000
	if _, err := sample.Renew(context.Background(), m, c, part, r); err != nil || !slices.Equal(part.Data, z.Rows(1000, 1010).Data) {
		t.Errorf("rows depend on what stands beside them: %v", err)
	}
}

func TestRenewRefuses(t *testing.T) {
	m := onLine(t, 2)
	for _, c := range []struct {
		want string
		edit func(c *sample.Config, r *sample.Renewal)
	}{
		{"strength", func(_ *sample.Config, r *sample.Renewal) { r.Strength = 0 }},
		{"strength", func(_ *sample.Config, r *sample.Renewal) { r.Strength = math.NaN() }},
		{"repeats", func(_ *sample.Config, r *sample.Renewal) { r.Repeats = 0 }},
		{"no path from Gaussian noise", func(c *sample.Config, _ *sample.Renewal) { c.Source = data.Noise(2) }},
		{"kept numbers", func(_ *sample.Config, r *sample.Renewal) { r.Keep = tensor.New(1, 2) }},
		{"adaptive", func(c *sample.Config, r *sample.Renewal) { r.Keep = tensor.New(3, 2); c.Solve = precise() }},
	} {
		cfg, r := sample.Config{Solve: euler(8)}, sample.RenewalDefaults()
		c.edit(&cfg, &r)
		_, err := sample.Renew(context.Background(), m, cfg, tensor.New(3, 2), r)
		if !(errors.Is(err, flow.ErrConfig) || errors.Is(err, flow.ErrShape)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// Half of a row is made anew, the other half kept.
func ExampleRenew() {
	net, _ := nn.Post().Network(2, flow.CondSpec{})
	p, _ := nn.Velocity(net)
	parts := model.Config{Program: p, Params: make([]float32, p.Layout(nn.Group).Size), Schedule: linear{}}
	m, err := model.New(parts)
	if err != nil {
		panic(err)
	}
	x, _ := tensor.FromRows([][]float64{{5, 5}})
	z := tensor.Convert[float32](x)
	r := sample.RenewalDefaults()
	r.Keep = tensor.Convert[float32](tensor.Matrix[float64]{N: 1, D: 2, Data: []float64{1, 0}})
	stats, err := sample.Renew(context.Background(), m, sample.Config{Solve: solve.Config{Method: "euler", NFE: 16}}, z, r)
	fmt.Println(z.Data[0], z.Data[1] == 5, stats.NFE, err)
	// Output: 5 false 16 <nil>
}
