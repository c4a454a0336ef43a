package boost

import "math"

// loss holds the scores of all rows and the derivatives of the loss there: half
// the squared error, or the negative log-likelihood of classes.
type loss struct {
	y       []float64
	classes int
	groups  int       // scores per row: 1, or one for each of 3 and more classes
	base    []float64 // the scores before the first tree
	// score, grad and hess are groups x rows.
	score, grad, hess []float64
}

func newLoss(y []float64, classes int, train []int32) *loss {
	l := &loss{y: y, classes: classes, groups: 1}
	if classes > 2 {
		l.groups = classes
	}
	n := len(y) * l.groups
	l.score, l.grad, l.hess = make([]float64, n), make([]float64, n), make([]float64, n)
	l.base = make([]float64, l.groups)
	switch classes {
	case 0:
		for k, i := range train { // a running mean does not overflow
			l.base[0] += (y[i] - l.base[0]) / float64(k+1)
		}
	case 2:
		ones := 0.
		for _, i := range train {
			ones += y[i]
		}
		p := (ones + 0.5) / (float64(len(train)) + 1)
		l.base[0] = math.Log(p / (1 - p))
	default:
		count := make([]float64, classes)
		for _, i := range train {
			count[int(y[i])]++
		}
		for k, v := range count {
			l.base[k] = math.Log((v + 0.5) / (float64(len(train)) + 0.5*float64(classes)))
		}
	}
	return l
}

// derive fills grad and hess.
func (l *loss) derive() {
	n := len(l.y)
	blocks(n, func(lo, hi int) {
		p := make([]float64, l.classes)
		for i := lo; i < hi; i++ {
			switch {
			case l.classes == 0:
				l.grad[i], l.hess[i] = l.score[i]-l.y[i], 1
			case l.classes == 2:
				p := logistic(l.score[i])
				l.grad[i], l.hess[i] = p-l.y[i], max(p*(1-p), 1e-16)
			default:
				l.softmax(p, i)
				for k, v := range p {
					g := v
					if int(l.y[i]) == k {
						g--
					}
					l.grad[k*n+i], l.hess[k*n+i] = g, max(2*v*(1-v), 1e-16)
				}
			}
		}
	})
}

// of is the mean loss of some rows.
func (l *loss) of(rows []int32) float64 {
	var sum float64
	p := make([]float64, l.classes)
	for _, i := range rows {
		switch {
		case l.classes == 0:
			d := l.score[i] - l.y[i]
			sum += d * d / 2
		case l.classes == 2:
			f := l.score[i]
			if l.y[i] == 0 {
				f = -f
			}
			sum += math.Log1p(math.Exp(-math.Abs(f))) + max(-f, 0)
		default:
			l.softmax(p, int(i))
			sum -= math.Log(max(p[int(l.y[i])], 1e-300))
		}
	}
	return sum / float64(len(rows))
}

func (l *loss) softmax(p []float64, i int) {
	for k := range p {
		p[k] = l.score[k*len(l.y)+i]
	}
	softmax(p)
}

func logistic(f float64) float64 { return 1 / (1 + math.Exp(-f)) }

// softmax turns scores into probabilities, in place.
func softmax(p []float64) {
	most := math.Inf(-1)
	for _, v := range p {
		most = max(most, v)
	}
	sum := 0.
	for k, v := range p {
		p[k] = math.Exp(v - most)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
}
