package boost

import (
	"context"

	"laminar/internal/par"
	"laminar/tensor"
)

// TrainForest grows a random forest that answers y from the rows of x, as Train
// does; start c from ForestDefaults. Each tree sees as many rows as there are,
// drawn with replacement; c.Rate, c.Rows, c.HeldOut and c.Patience have no part in
// it. Leaves answer the mean of a number, or the share of a class, of which three
// and more have trees of their own.
func TrainForest(ctx context.Context, x tensor.Matrix[float64], levels []int, y []float64, c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := checkTable(x, levels, y, c.Classes); err != nil {
		return nil, err
	}
	c.Rate = 1
	b := newBins(x, levels, c.Bins)
	groups := 1
	if c.Classes > 2 {
		groups = c.Classes
	}
	n := len(y)
	grad, hess := make([]float64, groups*n), make([]float64, n)
	for i, v := range y {
		hess[i] = 1
		if groups == 1 {
			grad[i] = -v
		} else {
			grad[int(v)*n+i] = -1
		}
	}
	m := &Model{classes: c.Classes, groups: groups, base: make([]float64, groups), columns: b.columns, trees: make([]tree, c.Trees*groups), scale: 1 / float64(c.Trees)}
	pool := par.Default()
	spare := make(chan *grower, pool.Workers())
	pool.Run(len(m.trees), job(func(t int) {
		if ctx.Err() != nil {
			return
		}
		var g *grower
		select {
		case g = <-spare:
		default:
			g = newGrower(b, c)
			g.serial = true
		}
		key := c.Key.Split("tree").At(uint64(t / groups))
		s := key.Split("rows").Stream()
		rows := make([]int32, n)
		for i := range rows {
			rows[i] = int32(s.IntN(n))
		}
		k := t % groups
		g.take(grad[k*n:(k+1)*n], hess)
		m.trees[t] = g.grow(rows, key.Split("columns").At(uint64(k)))
		select {
		case spare <- g:
		default:
		}
	}))
	return m, ctx.Err()
}
