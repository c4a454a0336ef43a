package metric

import (
	"math"

	"laminar/rng"
	"laminar/tensor"
)

// Directions returns m unit vectors of dimension d, one per row, along which
// the sliced distances look. For d = 1 there is one direction whatever m. For
// d = 2 they are m angles (i + 1/2)π/m, which integrate over the half circle to
// an error of order 1/m²; key is not used. Else they are normalised Gaussian
// vectors drawn from key.
func Directions(d, m int, key rng.Key) tensor.Mat {
	switch d {
	case 1:
		return tensor.Mat{N: 1, D: 1, Data: []float32{1}}
	case 2:
		dirs := tensor.New(m, 2)
		for i := range m {
			s, c := math.Sincos((float64(i) + 0.5) * math.Pi / float64(m))
			dirs.Row(i)[0], dirs.Row(i)[1] = float32(c), float32(s)
		}
		return dirs
	}
	dirs := tensor.New(m, d)
	for i := range m {
		s := key.At(uint64(i)).Stream()
		row := dirs.Row(i)
		var norm float64
		for norm == 0 {
			s.Normal(row)
			for _, v := range row {
				norm += float64(v) * float64(v)
			}
		}
		norm = math.Sqrt(norm)
		for j := range row {
			row[j] = float32(float64(row[j]) / norm)
		}
	}
	return dirs
}

// sorted is one cloud seen along one direction: its values in ascending order
// and the row that each came from.
type sorted struct {
	val []float32
	row []int32
	// scratch of the radix sort
	val2 []float32
	row2 []int32
}

// project fills s with dir·x, sorted. Ties keep the order of rows.
func (s *sorted) project(x tensor.Mat, dir []float32) {
	if cap(s.val) < x.N {
		s.val, s.val2 = make([]float32, x.N), make([]float32, x.N)
		s.row, s.row2 = make([]int32, x.N), make([]int32, x.N)
	}
	s.val, s.val2 = s.val[:x.N], s.val2[:x.N]
	s.row, s.row2 = s.row[:x.N], s.row2[:x.N]
	for i := range x.N {
		var p float64
		r := x.Row(i)
		for j, d := range dir {
			p += float64(d) * float64(r[j])
		}
		s.val[i], s.row[i] = float32(p), int32(i)
	}
	s.sort()
}

// order maps finite floats to integers of the same order.
func order(v float32) uint32 {
	b := math.Float32bits(v)
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

// sort is a least-significant-digit radix sort in three passes of 11 bits.
func (s *sorted) sort() {
	var count [3][2048]int32
	for _, v := range s.val {
		k := order(v)
		count[0][k&2047]++
		count[1][k>>11&2047]++
		count[2][k>>22]++
	}
	for pass := range count {
		c := &count[pass]
		var sum int32
		for i, n := range c {
			c[i] = sum
			sum += n
		}
		shift := uint(11 * pass)
		for i, v := range s.val {
			b := order(v) >> shift & 2047
			s.val2[c[b]], s.row2[c[b]] = v, s.row[i]
			c[b]++
		}
		s.val, s.val2 = s.val2, s.val
		s.row, s.row2 = s.row2, s.row
	}
}
