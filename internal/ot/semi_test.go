package ot

import (
	"context"
	"fmt"
	"testing"
	"time"
	"math"

	"laminar/rng"
	"laminar/tensor"
)

func TestSemi(t *testing.T) {
	for _, p := range [][2]float64{{2,.5},{4,.5},{4,.75},{1,.25},{2,.25}} {
	expA, expB = p[0], p[1]
	for _, d := range []int{2} {
		for _, m := range []int{1000} {
			y := tensor.New(m, d)
			s := rng.New(3).Stream()
			s.Normal(y.Data)
			for i := range m {
				a := s.Float64() * math.Pi * 2
				y.Row(i)[0], y.Row(i)[1] = float32(2*math.Cos(a))+.1*y.Row(i)[0], float32(math.Sin(a))+.1*y.Row(i)[1]
			}
			c := NewCells(y, nil)
			st := time.Now()
			cc := LearnDefaults()
			cc.Draws=600
			r, err := c.Learn(context.Background(), func(dst tensor.Mat, k rng.Key) error { s := k.Stream(); s.Normal(dst.Data); return nil }, rng.New(1), cc)
			fmt.Println(p, d, m, r, err, time.Since(st))
		}
	}
	}
}
