package solve

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Choices are drawn while the other coordinates flow: from masks, along the path
// path.Masked, which is a Markov chain in continuous time (Campbell et al. 2024; Gat et
// al. 2024). A masked choice is made at the rate 1/(By-t), so at a moment that is
// uniform over the time left to it, by the chances that the velocity at the start of
// that step tells. As the moment does not depend on what is chosen, the moments of a
// row's choices may be spread: of m choices in a random order, one is made in each m-th
// of the time. With as many even steps up to By as choices each is then drawn given all
// those before it, and with fewer steps the fewest are drawn at once.
//
// Rows are spread too: which choice of a row comes first, and which option it has, is
// told by one number that is uniform for each row but goes evenly about [0, 1) from row
// to row (see spread). Where chances do not depend on the values yet, options so
// come in their shares up to a few rows in any run of rows, and not as independent draws do, up
// to the root of their number.
//
// While a method takes a step the choices stand still: it moves the other coordinates
// alone. The draws of a row depend on its number and the key, and not on the steps.

// choosing is the state of a problem with choices: the field that a method sees, of the
// other coordinates alone.
type choosing[T tensor.Float] struct {
	of      flow.FieldOf[T]
	choices []flow.Choice
	plain   [][2]int         // the runs of coordinates that are no choices
	flows   int              // their number
	x       tensor.Matrix[T] // of the problem: its choices stand
	y       tensor.Matrix[T] // its other coordinates, as the method moves them
	v, more tensor.Matrix[T] // velocities of all coordinates, where the step began and elsewhere
	begun   bool
	// Of row i those from i*len(choices) on: moments, infinite where made, and uniform
	// numbers that decide.
	moments, chance []float64
	order           []int32
}

// Dim is the number of coordinates that flow.
func (c *choosing[T]) Dim() int { return c.flows }

// Velocity is the field with the choices where they stand.
func (c *choosing[T]) Velocity(dst, y tensor.Matrix[T], t float64) error {
	v := &c.v
	if c.begun {
		v = &c.more
	}
	c.begun = true
	*v = resize(*v, c.x.N, c.x.D)
	c.scatter(y)
	if err := c.of.Velocity(*v, c.x, t); err != nil {
		return err
	}
	c.gather(dst, *v)
	return nil
}

// gather takes the coordinates that flow out of rows of all.
func (c *choosing[T]) gather(dst, all tensor.Matrix[T]) {
	for i := range all.N {
		to, row := dst.Row(i), all.Row(i)
		for _, r := range c.plain {
			to = to[copy(to, row[r[0]:r[1]]):]
		}
	}
}

// scatter puts the coordinates that flow back into the rows of the problem.
func (c *choosing[T]) scatter(y tensor.Matrix[T]) {
	for i := range y.N {
		from, row := y.Row(i), c.x.Row(i)
		for _, r := range c.plain {
			from = from[copy(row[r[0]:r[1]], from):]
		}
	}
}

// choosable returns what keeps the solver from drawing choices from t0 to t1.
func (s *Solver[T]) choosable(dim int, t0, t1 float64) error {
	if err := flow.CheckChoices(s.Choices, dim); err != nil {
		return err
	}
	switch {
	case s.Score != nil:
		return fmt.Errorf("%w: choices have no score, and a field of scores is given", flow.ErrConfig)
	case t1 < t0 || t0 < 0 || t1 > 1:
		return fmt.Errorf("%w: choices are drawn on the way from noise to data; from t=%g to %g there is none", flow.ErrConfig, t0, t1)
	case s.cfg.Adaptive:
		return &flow.FieldError{Path: "rtol", Msg: "steps are not adaptive where choices are drawn; give a number of evaluations"}
	case s.method.Kind == Jump:
		return &flow.FieldError{Path: "method", Msg: s.method.Name + " takes long steps, in which no choices are drawn; choose another such as unipc"}
	}
	return nil
}

// number is that of row i.
func (s *Solver[T]) number(i int) int {
	if s.Rows != nil {
		return s.Rows[i]
	}
	return s.First + i
}

// spread is a number in [0, 1) for row n, uniform by the chance of the key; those of
// the 2^k rows from a multiple of 2^k on lie one in each 2^k-th. It is the number whose
// bits are those of n in reverse (van der Corput 1935), each flipped by a coin of its own
// for all that n has above it (after Owen 1995). The coins make rows that another key has
// picked out as good as any, which a lattice's would not be; rows picked out by what
// this key has drawn for those before them are not.
func spread(key rng.Key, n int) float64 {
	key = key.Split("spread")
	coins := key.Stream()
	u := coins.Uint64() // of the bits that have nothing above them
	for b := 0; n>>b > 0; b++ {
		bit := uint64(1) << (63 - b)
		if above := n >> (b + 1); above > 0 {
			coin := key.At(uint64(b)).At(uint64(above)).Stream()
			u = u&^bit | coin.Uint64()&bit
		}
		if n>>b&1 > 0 {
			u ^= bit
		}
	}
	return float64(u>>11) * 0x1p-53
}

// begin decides when each masked choice of x is made, and returns the coordinates that
// the method is to move.
func (c *choosing[T]) begin(s *Solver[T], f flow.FieldOf[T], x tensor.Matrix[T], t0 float64) tensor.Matrix[T] {
	m := len(s.Choices)
	c.of, c.choices, c.x = f, s.Choices, x
	c.plain, c.flows = c.plain[:0], 0
	at := 0
	for k := range m + 1 {
		lo, hi := x.D, x.D
		if k < m {
			lo = c.choices[k].Offset
			hi = lo + c.choices[k].Width()
		}
		if lo > at {
			c.plain, c.flows = append(c.plain, [2]int{at, lo}), c.flows+lo-at
		}
		at = hi
	}
	c.y = resize(c.y, x.N, c.flows)
	c.gather(c.y, x)
	if cap(c.moments) < x.N*m {
		c.moments, c.chance = make([]float64, x.N*m), make([]float64, x.N*m)
	}
	if cap(c.order) < m {
		c.order = make([]int32, m)
	}
	for i := range x.N {
		moments, chance, masked := c.moments[i*m:(i+1)*m], c.chance[i*m:(i+1)*m], 0
		for k, choice := range c.choices {
			moments[k] = math.Inf(1)
			if x.Row(i)[choice.Offset] == 0 {
				moments[k] = 0
				masked++
			}
		}
		key := s.Key.At(uint64(s.number(i)))
		draw := key.Split("moments").Stream()
		order := c.order[:masked]
		draw.Perm(order)
		late := draw.Float64()
		first, even := math.Modf(spread(s.Key, s.number(i)) * float64(masked))
		for k := range order { // the place 0 goes to the choice that is to be first
			if order[k] == 0 {
				order[k], order[int(first)] = order[int(first)], 0
				break
			}
		}
		for k, choice := range c.choices {
			if moments[k] != 0 {
				continue
			}
			left := max(choice.End()-t0, 0)
			moments[k] = t0 + left*(float64(order[0])+late)/float64(masked)
			draw := key.Split("choices").At(uint64(k)).Stream()
			if chance[k] = draw.Float64(); order[0] == 0 {
				chance[k] = even
			}
			order = order[1:]
		}
	}
	return c.y
}

// settle ends step n: the coordinates that flow are where the method has moved them, and
// the choices whose moments lie in the step are made.
func (c *choosing[T]) settle(s *Solver[T], n int) {
	c.scatter(c.y)
	c.begun = false
	to := s.times[n]
	b := max(1-s.times[n-1], 1e-3) // models answer at t <= 0.999
	m := len(c.choices)
	for i := range c.x.N {
		for k, choice := range c.choices {
			if moment := &c.moments[i*m+k]; *moment <= to {
				*moment = math.Inf(1)
				lo, hi := choice.Offset, choice.Offset+choice.Width()
				choose(c.x.Row(i)[lo:hi], c.v.Row(i)[lo:hi], b, choice, c.chance[i*m+k])
			}
		}
	}
}

// choose makes the masked choice at x, whose expected data are b v: the option in
// which u, uniform in [0, 1), falls.
func choose[T tensor.Float](x, v []T, b float64, c flow.Choice, u float64) {
	chance := func(j int) float64 { return max((b*float64(v[j])-c.Lo)/(c.Hi-c.Lo), 0) }
	if c.Options == 2 {
		if u < chance(0) {
			x[0] = T(c.Hi)
		} else {
			x[0] = T(c.Lo)
		}
		return
	}
	sum := 0.0
	for j := range x {
		sum += chance(j)
	}
	option := 0
	for u *= sum; option < len(x)-1 && u >= chance(option); option++ {
		u -= chance(option)
	}
	for j := range x {
		x[j] = T(c.Lo)
	}
	x[option] = T(c.Hi)
}
