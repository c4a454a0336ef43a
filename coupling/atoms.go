package coupling

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"laminar/flow"
	"laminar/internal/lap"
	"laminar/rng"
	"laminar/tensor"
)

// Atoms pairs noise and molecules whose atoms may be renumbered and which may be
// turned, as equivariant optimal transport asks (Klein, Krämer, Noé 2023). A row
// is a number of atoms, each with a place in space, numbers h that tell its element,
// and 1, or 0 where there is no atom (package molecule's Layout). Row i goes with row
// i: the noise gets the atoms of the molecule, with their elements, and is centred, and
// the molecule is renumbered by s and turned about its centre by R so that
//
//	sum_i |x0_i - R x1_s(i)|^2,  h0_i = h1_s(i)
//
// is small: assignments of atoms and best rotations (Horn 1987) follow on each
// other until neither helps, from the molecule as it stands and from its main axes
// along those of the noise in the four ways that there are, and the least is
// taken. It is never more than without; that it is the least of all is not known.
type Atoms struct {
	atoms, width int
	align        bool
	scratch      sync.Pool // of *aligner
}

// NewAtoms returns the coupling of rows of atoms with width numbers each. "ot" of
// c.Name aligns; "independent" only gives the noise the atoms of its molecule.
// Other names are errors, a *flow.FieldError on "name".
func NewAtoms(c Config, atoms, width int) (*Atoms, error) {
	if c.Name != "ot" && c.Name != "independent" {
		return nil, &flow.FieldError{Path: "name", Msg: fmt.Sprintf("molecules are paired by ot or independent, not %s", c.Name)}
	}
	a := &Atoms{atoms: atoms, width: width, align: c.Name == "ot"}
	a.scratch.New = func() any { return new(aligner) }
	return a, nil
}

// Pair is the method of flow.Pairer; the work is done by Pairs.Align.
func (a *Atoms) Pair(dst *flow.Pairs, x0, x1 tensor.Mat, _ flow.Cond, _ rng.Key) error {
	if err := x0.Check("x0", -1, a.atoms*a.width); err != nil {
		return err
	}
	if err := x1.Check("x1", x0.N, x0.D); err != nil {
		return err
	}
	for i, v := range x1.Data {
		if v-v != 0 || x0.Data[i]-x0.Data[i] != 0 {
			return fmt.Errorf("%w: row %d of a batch of molecules is not finite", flow.ErrFormat, i/x1.D)
		}
	}
	start(dst, x0.N)
	dst.Align = func(_ int, x0, x1 []float32) {
		n := a.fit(x0, x1)
		if a.align && n > 1 {
			s := a.scratch.Get().(*aligner)
			defer a.scratch.Put(s)
			s.align(x0, x1, n, a.width)
		}
	}
	return nil
}

// fit gives the noise x0 the atoms of x1, which come first, and centres them; it
// returns their number.
func (a *Atoms) fit(x0, x1 []float32) int {
	n, w := 0, a.width
	for n < a.atoms && x1[(n+1)*w-1] > 0.5 {
		copy(x0[n*w+3:(n+1)*w], x1[n*w+3:(n+1)*w])
		n++
	}
	clear(x0[n*w:])
	for k := range 3 {
		var mean float64
		for i := range n {
			mean += float64(x0[i*w+k]) / float64(n)
		}
		for i := range n {
			x0[i*w+k] -= float32(mean)
		}
	}
	return n
}

// aligner is the scratch of one alignment.
type aligner struct {
	solver lap.Solver
	p, q   [][3]float64 // places in x0 and x1
	base   []float64    // 0 for atoms of one element, else more than all distances
	cost   []float32
	match  []int32
	best   []int32
	row    []float32
}

// rounds bounds how often assignment and rotation follow on each other.
const rounds = 4

func (s *aligner) align(x0, x1 []float32, n, w int) {
	s.p, s.q, s.base = s.p[:0], s.q[:0], s.base[:0]
	most := 1.0 // squares of differences are at most twice the squares of both
	for i := range n {
		a, b := x0[i*w:], x1[i*w:]
		s.p = append(s.p, [3]float64{float64(a[0]), float64(a[1]), float64(a[2])})
		s.q = append(s.q, [3]float64{float64(b[0]), float64(b[1]), float64(b[2])})
		most += 2 * (apart(s.p[i], [3]float64{}) + apart(s.q[i], [3]float64{}))
	}
	for i := range n {
		for j := range n {
			cost := 0.0
			if !slices.Equal(x0[i*w+3:(i+1)*w], x1[j*w+3:(j+1)*w]) {
				cost = most
			}
			s.base = append(s.base, cost)
		}
	}
	s.cost, s.match = resize(s.cost, n*n), resize(s.match, n)
	// As they stand, which an alignment must undercut to be taken.
	s.best = identity(s.best, n)
	least, turn := s.total(s.best, unit), unit
	for _, r := range append(s.axes(), unit) {
		before := math.Inf(1)
		for range rounds {
			if !s.assign(r) {
				break
			}
			r = s.rotation()
			now := s.total(s.match, r)
			if now < least {
				least, turn = now, r
				copy(s.best, s.match)
			}
			if !(now < before) {
				break
			}
			before = now
		}
	}
	s.row = append(s.row[:0], x1[:n*w]...)
	for i, j := range s.best {
		to := x1[i*w : (i+1)*w]
		copy(to, s.row[int(j)*w:])
		p := turn.apply(s.q[j])
		to[0], to[1], to[2] = float32(p[0]), float32(p[1]), float32(p[2])
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// total is what the pairs of match cost under the rotation r.
func (s *aligner) total(match []int32, r rotation) float64 {
	sum := 0.0
	for i, j := range match {
		sum += s.base[i*len(s.p)+int(j)] + apart(s.p[i], r.apply(s.q[j]))
	}
	return sum
}

// assign finds the best match under the rotation r.
func (s *aligner) assign(r rotation) bool {
	n := len(s.p)
	for j, q := range s.q {
		q = r.apply(q)
		for i, p := range s.p {
			s.cost[i*n+j] = float32(s.base[i*n+j] + apart(p, q))
		}
	}
	_, err := s.solver.Assign(s.cost, n, s.match)
	return err == nil // costs are finite unless the numbers are absurd
}

func apart(p, q [3]float64) float64 {
	x, y, z := p[0]-q[0], p[1]-q[1], p[2]-q[2]
	return x*x + y*y + z*z
}

// rotation is a 3 x 3 matrix.
type rotation [3][3]float64

var unit = rotation{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}

func (r rotation) apply(p [3]float64) (out [3]float64) {
	for k, row := range r {
		out[k] = row[0]*p[0] + row[1]*p[1] + row[2]*p[2]
	}
	return out
}

// rotation turns the matched places of x1 nearest to those of x0: the unit
// quaternion that is the first eigenvector of Horn's matrix.
func (s *aligner) rotation() rotation {
	var c [3][3]float64 // sum of q p'
	for i, j := range s.match {
		for a := range 3 {
			for b := range 3 {
				c[a][b] += s.q[j][a] * s.p[i][b]
			}
		}
	}
	k := [4][4]float64{
		{c[0][0] + c[1][1] + c[2][2], c[1][2] - c[2][1], c[2][0] - c[0][2], c[0][1] - c[1][0]},
		{0, c[0][0] - c[1][1] - c[2][2], c[0][1] + c[1][0], c[2][0] + c[0][2]},
		{0, 0, c[1][1] - c[0][0] - c[2][2], c[1][2] + c[2][1]},
		{0, 0, 0, c[2][2] - c[0][0] - c[1][1]},
	}
	value, vector := eigen(k)
	best := 0
	for i, v := range value {
		if v > value[best] {
			best = i
		}
	}
	w, x, y, z := vector[0][best], vector[1][best], vector[2][best], vector[3][best]
	return rotation{
		{w*w + x*x - y*y - z*z, 2 * (x*y - w*z), 2 * (x*z + w*y)},
		{2 * (x*y + w*z), w*w - x*x + y*y - z*z, 2 * (y*z - w*x)},
		{2 * (x*z - w*y), 2 * (y*z + w*x), w*w - x*x - y*y + z*z},
	}
}

// axes are the four rotations that take the main axes of x1 to those of x0.
func (s *aligner) axes() []rotation {
	p, q := frame(s.p), frame(s.q)
	var out []rotation
	for _, sign := range [][3]float64{{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}} {
		var r rotation
		for a := range 3 {
			for b := range 3 {
				for k := range 3 {
					r[a][b] += sign[k] * p[k][a] * q[k][b]
				}
			}
		}
		out = append(out, r)
	}
	return out
}

// frame are the main axes of points about 0, the longest first, right-handed.
func frame(points [][3]float64) (axes [3][3]float64) {
	var c [4][4]float64
	for _, p := range points {
		for a := range 3 {
			for b := a; b < 3; b++ {
				c[a][b] += p[a] * p[b]
			}
		}
	}
	c[3][3] = -1 // below the others
	value, vector := eigen(c)
	var used [4]bool
	for k := range 2 {
		best := -1
		for i, v := range value {
			if !used[i] && (best < 0 || v > value[best]) {
				best = i
			}
		}
		used[best] = true
		for a := range 3 {
			axes[k][a] = vector[a][best]
		}
	}
	u, v := axes[0], axes[1]
	axes[2] = [3]float64{u[1]*v[2] - u[2]*v[1], u[2]*v[0] - u[0]*v[2], u[0]*v[1] - u[1]*v[0]}
	return axes
}

// eigen returns the eigenvalues of the symmetric matrix whose upper half a holds,
// and its eigenvectors as columns, by Jacobi's rotations.
func eigen(a [4][4]float64) (value [4]float64, vector [4][4]float64) {
	for i := range 4 {
		vector[i][i] = 1
		for j := range i {
			a[i][j] = a[j][i]
		}
	}
	for range 30 {
		off, all := 0.0, 0.0
		for i := range 4 {
			for j := range 4 {
				all += a[i][j] * a[i][j]
				if i != j {
					off += a[i][j] * a[i][j]
				}
			}
		}
		if off <= 1e-30*all {
			break
		}
		for p := range 3 {
			for q := p + 1; q < 4; q++ {
				if a[p][q] == 0 {
					continue
				}
				theta := (a[q][q] - a[p][p]) / (2 * a[p][q])
				t := math.Copysign(1/(math.Abs(theta)+math.Sqrt(theta*theta+1)), theta)
				cos := 1 / math.Sqrt(t*t+1)
				sin := t * cos
				for k := range 4 {
					a[k][p], a[k][q] = cos*a[k][p]-sin*a[k][q], sin*a[k][p]+cos*a[k][q]
				}
				for k := range 4 {
					a[p][k], a[q][k] = cos*a[p][k]-sin*a[q][k], sin*a[p][k]+cos*a[q][k]
				}
				for k := range 4 {
					vector[k][p], vector[k][q] = cos*vector[k][p]-sin*vector[k][q], sin*vector[k][p]+cos*vector[k][q]
				}
			}
		}
	}
	for i := range 4 {
		value[i] = a[i][i]
	}
	return value, vector
}
