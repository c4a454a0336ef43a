package kernel

import "fmt"

// The functions of this file see a slice as a matrix of rows x cols elements,
// row after row without gaps.

func checkRows(what string, rows, cols int, mats ...[]float32) {
	for _, m := range mats {
		if rows < 0 || cols < 0 || len(m) != rows*cols {
			panic(fmt.Sprintf("kernel: %s: %d elements are not %d rows of %d", what, len(m), rows, cols))
		}
	}
}

func checkVec(what string, v []float32, n int) {
	if len(v) != n {
		panic(fmt.Sprintf("kernel: %s: vector of %d, want %d", what, len(v), n))
	}
}

// AddRow sets dst[r][j] = a[r][j] + v[j].
func (s *Set) AddRow(dst, a, v []float32, rows, cols int) {
	checkRows("AddRow", rows, cols, dst, a)
	checkVec("AddRow", v, cols)
	rowwise(s.addRows, dst, a, v, rows, cols)
}

// rowwise calls f for pieces of rows.
func rowwise(f rowsFunc, dst, a, v []float32, rows, cols int) {
	if cols == 0 {
		return
	}
	for step := max(1, chunk/cols); rows > 0; rows -= step {
		n := min(step, rows)
		f(n, cols, dst, a, v)
		dst, a = dst[n*cols:], a[n*cols:]
	}
}

// MulRow sets dst[r][j] = a[r][j] v[j].
func (s *Set) MulRow(dst, a, v []float32, rows, cols int) {
	checkRows("MulRow", rows, cols, dst, a)
	checkVec("MulRow", v, cols)
	rowwise(s.mulRows, dst, a, v, rows, cols)
}

// narrow is the width below which a row is handled by a plain loop. It goes by
// the width alone, so that all rows of a matrix are treated alike.
const narrow = 8

// AddCol sets dst[r][j] = a[r][j] + v[r].
func (s *Set) AddCol(dst, a, v []float32, rows, cols int) {
	checkRows("AddCol", rows, cols, dst, a)
	checkVec("AddCol", v, rows)
	for r, x := range v {
		d, b := dst[r*cols:(r+1)*cols], a[r*cols:(r+1)*cols]
		if cols >= narrow {
			s.AddScalar(d, b, x)
			continue
		}
		for j := range d {
			d[j] = b[j] + x
		}
	}
}

// MulCol sets dst[r][j] = a[r][j] v[r].
func (s *Set) MulCol(dst, a, v []float32, rows, cols int) {
	checkRows("MulCol", rows, cols, dst, a)
	checkVec("MulCol", v, rows)
	for r, x := range v {
		d, b := dst[r*cols:(r+1)*cols], a[r*cols:(r+1)*cols]
		if cols >= narrow {
			s.Scale(d, b, x)
			continue
		}
		for j := range d {
			d[j] = b[j] * x
		}
	}
}

// ColSum adds to dst[j] the sum of a[r][j] over r, in the order of the rows.
func (s *Set) ColSum(dst, a []float32, rows, cols int) {
	checkRows("ColSum", rows, cols, a)
	checkVec("ColSum", dst, cols)
	if rows == 0 || cols == 0 {
		return
	}
	// A column sum is a product with a row of ones, which the panel kernel
	// reads from one number with strides of zero: fma(1, x, acc) = acc + x.
	s.product(1, cols, rows, one, 0, 0, operand{data: a, ld: cols}, dst, 0, dst, cols, nothing, nil)
}

var one = []float32{1}

// RowSum sets dst[r] to the sum of row r, accumulated in float64 in a fixed
// order and rounded once.
func (s *Set) RowSum(dst, a []float32, rows, cols int) {
	checkRows("RowSum", rows, cols, a)
	checkVec("RowSum", dst, rows)
	for r := range dst {
		row := a[r*cols : (r+1)*cols]
		if cols >= narrow {
			dst[r] = float32(s.Sum(row))
			continue
		}
		var t float64
		for _, x := range row {
			t += float64(x)
		}
		dst[r] = float32(t)
	}
}

// RowMax sets dst[r] to the largest element of row r; -Inf where cols is 0. A
// row that holds NaN gives NaN or the largest of its other elements.
func (s *Set) RowMax(dst, a []float32, rows, cols int) {
	checkRows("RowMax", rows, cols, a)
	checkVec("RowMax", dst, rows)
	for r := range dst {
		dst[r] = s.maxOf(a[r*cols : (r+1)*cols])
	}
}

// sumLanes is the number of partial sums in Sum, SumSq and Dot: element i goes
// to lane i mod sumLanes, and lanes are added pairwise, the far half to the
// near half.
const sumLanes = 16

// Sum returns the sum of a, accumulated in float64 in a fixed order. All sets
// give the same bits.
func (s *Set) Sum(a []float32) float64 {
	var t float64
	for len(a) > chunk {
		t += s.sum(a[:chunk])
		a = a[chunk:]
	}
	return t + s.sum(a)
}

// SumSq returns the sum of squares of a, accumulated in float64 in a fixed
// order. All sets give the same bits, the squares being exact in float64.
func (s *Set) SumSq(a []float32) float64 {
	var t float64
	for len(a) > chunk {
		t += s.sumSq(a[:chunk])
		a = a[chunk:]
	}
	return t + s.sumSq(a)
}

// Dot returns the inner product of a and b, which have equal lengths,
// accumulated in float64 in a fixed order. All sets give the same bits.
func (s *Set) Dot(a, b []float32) float64 {
	if len(a) != len(b) {
		mismatch("Dot", len(a), len(b))
	}
	var t float64
	for len(a) > chunk {
		t += s.dot(a[:chunk], b[:chunk])
		a, b = a[chunk:], b[chunk:]
	}
	return t + s.dot(a, b)
}

// RowMin2 scans v[j] = cost[j] + price[j] and returns the smallest v, the
// second smallest (equal to the smallest on a tie, +Inf for one element) and
// the lowest index of the smallest. It is the bid of an auction for the
// assignment problem (Bertsekas 1988). The slices have equal lengths; no sum
// may be NaN; arg is -1 for none.
func (s *Set) RowMin2(cost, price []float32) (best, second float32, arg int) {
	if len(cost) != len(price) {
		mismatch("RowMin2", len(cost), len(price))
	}
	return s.rowMin2(cost, price)
}
