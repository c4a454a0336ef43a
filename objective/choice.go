package objective

import (
	"laminar/flow"
	"laminar/graph"
	"laminar/nn"
	"laminar/path"
	"laminar/tensor"
)

// logOddsBound bounds the log-odds, smoothly, so that their exponentials need no
// care: chances down to exp(-2 x 15) of each other can be told.
const logOddsBound = 15

// stretch is a run of coordinates of one nature: equal choices side by side, or
// plain values where choice is false.
type stretch struct {
	offset, width, count int
	choice               bool
	lo, hi               float64
}

func (s stretch) size() int { return s.width * s.count }

// stretches cuts dim coordinates at the choices. The error wraps flow.ErrConfig.
func stretches(dim int, choices []flow.Choice) ([]stretch, error) {
	if err := flow.CheckChoices(choices, dim); err != nil {
		return nil, err
	}
	var out []stretch
	at := 0
	plain := func(to int) {
		if to > at {
			out = append(out, stretch{offset: at, width: to - at, count: 1})
		}
	}
	for _, c := range choices {
		plain(c.Offset)
		s := stretch{c.Offset, c.Width(), 1, true, c.Lo, c.Hi}
		if k := len(out) - 1; k >= 0 && c.Offset == at && out[k].choice && out[k].width == s.width && out[k].lo == s.lo && out[k].hi == s.hi {
			out[k].count++
		} else {
			out = append(out, s)
		}
		at = c.Offset + s.width
	}
	plain(dim)
	return out, nil
}

// of returns the stretch's part of a row of all coordinates, [count, width].
func (s stretch) of(b *graph.Builder, x graph.Value) graph.Value {
	return b.Reshape(b.Slice(x, 0, s.offset, s.offset+s.size()), s.count, s.width)
}

// chances returns the log-odds, their chances and, for each choice, log of the
// sum over the options, from the answer [count, width].
func (s stretch) chances(b *graph.Builder, answer graph.Value) (odds, chance, logSum graph.Value) {
	odds = b.Scale(b.Tanh(b.Scale(answer, 1.0/logOddsBound)), logOddsBound)
	e := b.Exp(odds)
	sum := b.Add(e, b.Const(1, 1, 1))
	if s.width > 1 {
		sum = b.Sum(e, 1)
	}
	return odds, b.Div(e, sum), b.Log(sum)
}

// entropy returns the cross-entropy of each choice, [count, 1], for the share of
// each option in target, [count, width].
func (s stretch) entropy(b *graph.Builder, answer, target graph.Value) graph.Value {
	odds, _, logSum := s.chances(b, answer)
	said := b.Mul(odds, target)
	if s.width > 1 {
		said = b.Sum(said, 1)
	}
	return b.Sub(logSum, said)
}

// mean returns E[x1 | x_t], [count, width].
func (s stretch) mean(b *graph.Builder, answer graph.Value) graph.Value {
	_, p, _ := s.chances(b, answer)
	return b.Add(b.Scale(p, s.hi-s.lo), b.Const(s.lo, 1, 1))
}

// free returns 1 where something is to be drawn and 0 elsewhere, for each of the
// parts of the stretch: [count, 1] of choices, which are masked, and [1, width] of
// values, which are not observed; None if that is all of them.
func (s stretch) free(b *graph.Builder, in nn.Inputs) graph.Value {
	if s.choice {
		return b.Equal(b.Slice(s.of(b, in.X), 1, 0, 1), b.Const(0, 1, 1))
	}
	if in.Mask == graph.None {
		return graph.None
	}
	return b.Sub(b.Const(1, 1, 1), s.of(b, in.Mask))
}

// plain reports whether all coordinates are values to be drawn.
func plain(parts []stretch, in nn.Inputs) bool {
	return len(parts) == 1 && !parts[0].choice && in.Mask == graph.None
}

// mixedLoss returns the sum of the squared errors of the values that are not
// observed and the cross-entropies of the choices that are masked.
func mixedLoss(b *graph.Builder, parts []stretch, in nn.Inputs, answer, target graph.Value) graph.Value {
	if plain(parts, in) {
		return b.Sum(b.Square(b.Sub(answer, target)), 0)
	}
	total := graph.None
	for _, s := range parts {
		a, want := s.of(b, answer), s.of(b, target)
		var loss graph.Value
		if s.choice {
			loss = s.entropy(b, a, want)
		} else {
			loss = b.Square(b.Sub(a, want))
		}
		if free := s.free(b, in); free != graph.None {
			loss = b.Mul(loss, free)
		}
		loss = b.Reshape(b.Sum(loss, 0, 1), 1)
		if total == graph.None {
			total = loss
		} else {
			total = b.Add(total, loss)
		}
	}
	return total
}

// mixedVelocity returns the velocity of all coordinates: 0 of values that are
// observed and of choices that are made.
func mixedVelocity(b *graph.Builder, parts []stretch, schedule path.Drawn, predict path.Prediction, in nn.Inputs, answer graph.Value) graph.Value {
	if plain(parts, in) {
		return path.ToVelocity(b, schedule, predict, answer, in.X, in.T)
	}
	var out []graph.Value
	for _, s := range parts {
		a, by, from := s.of(b, answer), schedule, predict
		if s.choice { // its own law, whatever the path of the values
			a, by, from = s.mean(b, a), path.CondOT{}, path.Data
		}
		v := path.ToVelocity(b, by, from, a, s.of(b, in.X), in.T)
		if free := s.free(b, in); free != graph.None {
			v = b.Mul(v, free)
		}
		out = append(out, b.Reshape(v, s.size()))
	}
	return b.Concat(0, out...)
}

// shares writes into target, at the choices, the share of each option that the
// data have.
func shares(target, x1 tensor.Mat, parts []stretch) {
	for _, s := range parts {
		if !s.choice {
			continue
		}
		lo, scale := float32(s.lo), float32(1/(s.hi-s.lo))
		for i := range x1.N {
			from, to := x1.Row(i)[s.offset:s.offset+s.size()], target.Row(i)[s.offset:s.offset+s.size()]
			for j, v := range from {
				to[j] = (v - lo) * scale
			}
		}
	}
}

// hold moves the observed coordinates of x, N x D, to their values.
func hold(x, mask, observed tensor.Mat) {
	for k, m := range mask.Data {
		if m != 0 {
			x.Data[k] = observed.Data[k]
		}
	}
}
