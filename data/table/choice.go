package table

import "math"

// digits cuts n options into the fewest digits of at most most values.
func digits(n, most int) []int {
	for count := 1; ; count++ {
		base := int(math.Ceil(math.Pow(float64(n), 1/float64(count)) - 1e-9))
		if base > most {
			continue
		}
		out := make([]int, count)
		for k := range out {
			out[k] = base
		}
		// The highest digit need not reach its base.
		rest := 1
		for range count - 1 {
			rest *= base
		}
		out[0] = (n + rest - 1) / rest
		return out
	}
}

// width is the number of coordinates of a digit of n values.
func width(n int) int {
	if n == 2 {
		return 1
	}
	return n
}

// of is the block's part of a row.
func (b *Block) of(row []float32) []float32 { return row[b.Offset : b.Offset+b.Width] }

// Corner returns what a digit of n options has in its coordinates: hi in that of
// the option, lo in the others; of two options, lo for the first and hi for the
// second in their one coordinate.
func (t *Transform) Corner(n int) (lo, hi float64) { return corner(n, t.encoding.Separation) }

func corner(n int, separation float64) (lo, hi float64) {
	if n == 2 {
		return -separation / 2, separation / 2
	}
	side := separation / math.Sqrt2 // the corners of the simplex are centred
	return -side / float64(n), side - side/float64(n)
}

// put writes an option.
func (b *Block) put(z []float32, option int, separation float64) {
	for k := len(b.Digits) - 1; k >= 0; k-- {
		n := b.Digits[k]
		digit := option
		if k > 0 {
			digit = option % n
			option /= n
		}
		w := width(n)
		part := z[len(z)-w:]
		z = z[:len(z)-w]
		lo, hi := corner(n, separation)
		switch {
		case n == 1:
			part[0] = 0
		case w == 1:
			part[0] = float32(lo + float64(digit)*(hi-lo))
		default:
			fill(part, float32(lo))
			part[digit] = float32(hi)
		}
	}
}

// Option reads the option of a Choice off its coordinates: of every digit the
// nearest. The result is in 0 to Options-1; equal coordinates are the lower.
func (b *Block) Option(row []float32) int {
	z := b.of(row)
	option := 0
	for _, n := range b.Digits {
		w := width(n)
		option = option*n + nearestOption(z[:w], n)
		z = z[w:]
	}
	return min(option, b.Options-1)
}

// nearestOption is the nearest of the n options of a digit.
func nearestOption(z []float32, n int) (digit int) {
	if n == 2 {
		if z[0] > 0 {
			return 1
		}
		return 0
	}
	for k := 1; k < n; k++ {
		if z[k] > z[digit] {
			digit = k
		}
	}
	return digit
}
