package plot_test

import (
	"bytes"
	"fmt"
	"image/gif"
	"io"

	"laminar/plot"
	"laminar/rng"
	"laminar/tensor"
)

// cloud draws n points of N(0, I) in d dimensions.
func cloud(n, d int, key rng.Key) tensor.Mat {
	m := tensor.New(n, d)
	s := key.Stream()
	s.Normal(m.Data)
	return m
}

// write draws a picture and says how large it is.
func write(p interface{ Figure() (plot.Figure, error) }) {
	fig, err := p.Figure()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := fig.SVG(io.Discard); err != nil {
		fmt.Println(err)
		return
	}
	w, h := fig.Size()
	fmt.Println(w, "x", h)
}

func ExampleScatter() {
	write(plot.Scatter{Title: "samples over data", Data: cloud(200, 2, rng.New(1)), Samples: cloud(200, 2, rng.New(2))})
	// Output: 520 x 566
}

func ExamplePaths() {
	x0, x1 := cloud(50, 2, rng.New(1)), cloud(50, 2, rng.New(2))
	write(plot.Paths{T: []float64{0, 1}, Z: []tensor.Mat{x0, x1}})
	// Output: 520 x 543
}

func ExampleLines() {
	write(plot.Lines{X0: cloud(50, 2, rng.New(1)), X1: cloud(50, 2, rng.New(2))})
	// Output: 520 x 543
}

func ExamplePairGrid() {
	write(plot.PairGrid{Data: cloud(100, 6, rng.New(1)), Names: []string{"mass", "charge"}, Dims: 3})
	// Output: 810 x 856
}

// sink flows to the origin.
type sink struct{}

func (sink) Dim() int { return 2 }
func (sink) Velocity(dst, x tensor.Mat, t float64) error {
	for i, v := range x.Data {
		dst.Data[i] = -v
	}
	return nil
}

func ExampleQuiver() {
	write(plot.Quiver{Field: sink{}, T: 0.5, Data: tensor.Mat{N: 2, D: 2, Data: []float32{-1, -1, 1, 1}}})
	// Output: 520 x 566
}

func ExampleDensity() {
	write(plot.Density{Points: cloud(1000, 2, rng.New(1)), Around: tensor.Mat{N: 2, D: 2, Data: []float32{-4, -3, 4, 3}}})
	// Output: 520 x 446
}

func ExampleImages() {
	write(plot.Images{Rows: cloud(20, 64, rng.New(1)), Width: 8, Height: 8})
	// Output: 654 x 158
}

func ExampleLoss() {
	write(plot.Loss{Step: []float64{1, 2, 3}, Loss: []float64{1, 0.5, 0.4}})
	// Output: 640 x 400
}

func ExampleQuality() {
	write(plot.Quality{
		Series: []plot.Series{{Name: "euler", NFE: []float64{1, 4, 100}, W2: []float64{0.4, 0.2, 0.1}}},
		Floor:  0.08,
	})
	// Output: 640 x 400
}

func ExampleAnimation() {
	var b bytes.Buffer
	film := plot.Animation{
		T: []float64{0, 1}, Z: []tensor.Mat{cloud(30, 2, rng.New(1)), cloud(30, 2, rng.New(2))},
		Field: sink{}, Frames: 5,
	}
	if err := film.GIF(&b); err != nil {
		fmt.Println(err)
		return
	}
	g, _ := gif.DecodeAll(&b)
	fmt.Println(len(g.Image), "frames")
	// Output: 5 frames
}

func ExampleMarginal() {
	write(plot.Marginal{Title: "island", Levels: []string{"Biscoe", "Dream"}, Data: []float64{0.6, 0.4}, Samples: []float64{0.5, 0.5}})
	// Output: 320 x 200
}

func ExampleHeat() {
	write(plot.Heat{Title: "correlations", Names: []string{"mass", "length"}, Values: [][]float64{{1, 0.6}, {0.6, 1}}})
	// Output: 520 x 566
}
