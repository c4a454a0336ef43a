package ot

import (
	"fmt"
	"math"
	"testing"
	"time"

	"laminar/rng"
)

func gaussCost(n, m, d int) []float32 {
	s := rng.New(3).Stream()
	x, y := make([]float32, n*d), make([]float32, m*d)
	s.Normal(x)
	s.Normal(y)
	c := make([]float32, n*m)
	for i := range n {
		for j := range m {
			for k := range d {
				e := x[i*d+k] - y[j*d+k]
				c[i*m+j] += e * e
			}
		}
	}
	return c
}
func unif(n int) []float64 {
	a := make([]float64, n)
	for i := range a {
		a[i] = 1 / float64(n)
	}
	return a
}

func TestSpeed(t *testing.T) {
	for _, n := range []int{256, 1024} {
		c := gaussCost(n, n, 2)
		var s Sinkhorn
		for _, cfg := range []SinkhornConfig{{.4, math.Inf(1), 0, 100}, {.4, 1, 0, 100}, {.1, math.Inf(1), 1e-5, 1000}, {.01, math.Inf(1), 1e-5, 1000}} {
			st := time.Now()
			r, err := s.Solve(c, unif(n), unif(n), cfg)
			el := time.Since(st)
			cost, mass := s.Cost()
			fmt.Println(n, cfg, r.Iterations, r.Error, r.Rebuilt, err, el, cost, mass)
			if math.IsInf(cfg.Penalty, 1) {
				p := make([]float32, n*n)
				s.Plan(p)
				var ro Rounder
				st = time.Now()
				i, j := ro.Draw(nil, nil, p, n, n, n, true, rng.New(1))
				fmt.Println(len(i), len(j), time.Since(st))
				var tot float64
				for k := range i {
					tot += float64(c[int(i[k])*n+int(j[k])]) / float64(n)
				}
				fmt.Println(tot)
			} else {
				p := make([]float32, n*n)
				s.Plan(p)
				var ro Rounder
				st = time.Now()
				i, _ := ro.Draw(nil, nil, p, n, n, n, false, rng.New(1))
				fmt.Println(len(i), time.Since(st))
			}
		}
	}
}
