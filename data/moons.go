package data

import (
	"math"

	"laminar/flow"
	"laminar/rng"
)

// Moons is two interleaved half circles of radius 1, the upper about (0, 0) and
// the lower about (1, 0.5), with Gaussian noise of standard deviation Noise on
// either coordinate. Each point's moon and angle are drawn by chance.
type Moons struct {
	Noise float64
}

// Dim returns 2.
func (m Moons) Dim() int { return 2 }

// Modes returns 2: the upper moon and the lower one.
func (m Moons) Modes() int { return 2 }

// Mode returns the moon whose arc is nearer.
func (m Moons) Mode(x []float32) int { return nearerMoon(float64(x[0]), float64(x[1])) }

// Point draws moon, angle and noise.
func (m Moons) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	moon := s.IntN(2)
	m.place(dst, moon, math.Pi*s.Float64(), key)
	return moon
}

func (m Moons) place(dst []float32, moon int, angle float64, key rng.Key) {
	s := key.Split("noise").Stream()
	x, y := moonArc(moon, angle)
	dst[0] = float32(x + m.Noise*s.NormFloat64())
	dst[1] = float32(y + m.Noise*s.NormFloat64())
}

// torchMoons is the moons of torchdyn's generate_moons(noise=0.2) as torchcfm
// uses them, 3x - 1: the noise is one number in [0, 0.2) for each row, added to
// both coordinates.
type torchMoons struct{}

func (torchMoons) Dim() int   { return 2 }
func (torchMoons) Modes() int { return 2 }

func (torchMoons) Mode(x []float32) int {
	const slide = 0.1 // mean of the noise
	return nearerMoon((float64(x[0])+1)/3-slide, (float64(x[1])+1)/3-slide)
}

func (m torchMoons) Point(dst []float32, key rng.Key) int {
	s := key.Stream()
	moon := s.IntN(2)
	m.place(dst, moon, math.Pi*s.Float64(), key)
	return moon
}

func (torchMoons) place(dst []float32, moon int, angle float64, key rng.Key) {
	s := key.Split("noise").Stream()
	x, y := moonArc(moon, angle)
	slide := 0.2 * s.Float64()
	dst[0] = float32(3*(x+slide) - 1)
	dst[1] = float32(3*(y+slide) - 1)
}

// EvenMoons draws moons as the widespread generators do: of n points exactly
// n/2 (rounded down) lie on the upper moon, the angles of either moon are evenly
// spaced from 0 to pi, ends included, and only the noise and the order are by
// chance. The rows of one Draw are therefore not independent; those of DrawAt
// are, moon and angle by chance.
type EvenMoons struct {
	Toy
	arcs arcs
}

// arcs is what EvenMoons needs of a Shape: the point at an angle of a moon,
// with the noise that key yields.
type arcs interface {
	Shape
	place(dst []float32, moon int, angle float64, key rng.Key)
}

// SklearnMoons returns scikit-learn's make_moons(n, noise=noise).
func SklearnMoons(noise float64) EvenMoons {
	return evenMoons(Moons{Noise: noise})
}

// TorchCFMMoons returns torchcfm's sample_moons: 3x - 1 of torchdyn's
// generate_moons(noise=0.2), whose noise is uniform and slides each point along
// the diagonal. Unlike the original its rows are shuffled.
func TorchCFMMoons() EvenMoons {
	return evenMoons(torchMoons{})
}

func evenMoons(a arcs) EvenMoons { return EvenMoons{Toy: Toy{Shape: a}, arcs: a} }

// Draw fills dst with draw i under key.
func (e EvenMoons) Draw(dst flow.Sample, key rng.Key, i int) error {
	if err := checkSample(dst, e.CondSpec(), 2); err != nil {
		return err
	}
	n := dst.X.N
	upper := n / 2
	k := key.At(uint64(i))
	order := newShuffle(k.Split("order"), n)
	for r := range n {
		moon, at, of := 0, r, upper
		if r >= upper {
			moon, at, of = 1, r-upper, n-upper
		}
		angle := 0.0
		if of > 1 {
			angle = math.Pi * float64(at) / float64(of-1)
		}
		row := order.at(r)
		e.arcs.place(dst.X.Row(row), moon, angle, k.At(uint64(row)))
		if e.Labelled {
			dst.Cond.Class[row] = int32(moon)
		}
	}
	return nil
}

// WithClasses returns e with Labelled set.
func (e EvenMoons) WithClasses() (flow.Dataset, error) {
	e.Labelled = true
	return e, nil
}

// moonArc returns the point at an angle in [0, pi] of moon 0 or 1.
func moonArc(moon int, angle float64) (x, y float64) {
	sin, cos := math.Sincos(angle)
	if moon == 0 {
		return cos, sin
	}
	return 1 - cos, 0.5 - sin
}

func nearerMoon(x, y float64) int {
	// The lower moon is the upper one turned by half a turn about (0.5, 0.25).
	if arcDistance(x, y) <= arcDistance(1-x, 0.5-y) {
		return 0
	}
	return 1
}

// arcDistance is the distance to the upper half of the unit circle.
func arcDistance(x, y float64) float64 {
	if y >= 0 {
		return math.Abs(math.Hypot(x, y) - 1)
	}
	return math.Hypot(math.Abs(x)-1, y)
}
