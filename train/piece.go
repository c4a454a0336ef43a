package train

import (
	"cmp"
	"slices"

	"laminar/graph"
	"laminar/internal/exec"
	"laminar/internal/par"
	"laminar/nn"
	"laminar/objective"
)

// piece is one of a phase's programs with those rows of a batch that it computes:
// all of them where a phase has one program only, else those that no smaller one
// has room for (objective.Phase.Cuts).
type piece struct {
	program *graph.Program
	run     *exec.Session
	in      *objective.Inputs
	loss    []float32
	grads   []float32
	rows    []int
	err     error // of the last run
}

// addPieces compiles the programs of a phase.
func (t *Trainer) addPieces(p *phase) error {
	for _, prog := range append(p.Cuts[:len(p.Cuts):len(p.Cuts)], p.Program) {
		exe, err := exec.Compile(prog, exec.Options{
			Kernels: t.opts.Kernels, Workers: t.opts.Workers, Rows: max(1, t.cfg.Batch/(1+len(p.Cuts))),
		})
		if err != nil {
			return err
		}
		c := &piece{program: prog, run: exe.NewSession(), in: p.in, loss: p.loss}
		if len(p.Cuts) > 0 {
			c.in, c.loss = objective.NewInputs(prog, t.cfg.Batch), make([]float32, t.cfg.Batch)
		}
		p.pieces = append(p.pieces, c)
	}
	return nil
}

// bind binds what the pieces of a phase read and write, once there are optimisers.
func (t *Trainer) bind(p *phase) error {
	for _, c := range p.pieces {
		c.grads = t.groups[p.Trains].grads
		if len(p.pieces) > 1 {
			c.grads = make([]float32, len(c.grads))
		}
		if err := c.run.BindGrads(p.Trains, c.grads); err != nil {
			return err
		}
		for _, name := range p.Program.Groups() {
			if p.Average[name] != "" {
				continue
			}
			if err := c.run.BindParams(name, t.groups[name].params); err != nil {
				return err
			}
		}
		if err := t.bindAverages(p.Phase, c.run); err != nil {
			return err
		}
		if err := c.bindRows(c.in.N); err != nil {
			return err
		}
	}
	return nil
}

// bindRows binds the first n rows of the inputs and of the loss.
func (c *piece) bindRows(n int) error {
	if err := bindInputs(c.run, c.program, c.in, n); err != nil {
		return err
	}
	return c.run.BindOutput(objective.Loss, c.loss[:n])
}

func bindInputs(s *exec.Session, p *graph.Program, in *objective.Inputs, n int) error {
	for _, r := range p.Rows {
		var err error
		if ints := in.Ints(r.Name); ints != nil {
			err = s.BindRowInts(r.Name, ints[:len(ints)/in.N*n])
		} else {
			m := in.Mat(r.Name)
			err = s.BindRow(r.Name, m.Data[:n*m.D])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compute has the pieces of a phase compute the loss of every row that Fill has
// written, and the gradients.
func (t *Trainer) compute(p *phase) error {
	if len(p.pieces) == 1 {
		return p.pieces[0].run.Run(p.in.N)
	}
	p.deal()
	p.share(t.workers())
	grads := t.groups[p.Trains].grads
	clear(grads)
	for _, c := range p.pieces { // in their order, whoever computed them
		if c.err != nil {
			return c.err
		}
		if len(c.rows) == 0 {
			continue
		}
		for k, i := range c.rows {
			p.loss[i] = c.loss[k]
		}
		t.opts.Kernels.Add(grads, grads, c.grads)
	}
	return nil
}

// share has the pieces run on up to workers cores, those with most to do first.
func (p *phase) share(workers int) {
	p.queue = append(p.queue[:0], p.pieces...)
	slices.SortStableFunc(p.queue, func(a, b *piece) int { return cmp.Compare(b.work(), a.work()) })
	p.next.Store(0)
	if workers = min(workers, len(p.queue)); workers > 1 {
		par.Default().Run(workers, (*sharer)(p))
	} else {
		(*sharer)(p).Do(0)
	}
}

// sharer is a phase at the work of running its pieces.
type sharer phase

// Do runs pieces on one core, as long as there are any.
func (s *sharer) Do(int) {
	for {
		k := int(s.next.Add(1) - 1)
		if k >= len(s.queue) {
			return
		}
		s.queue[k].compute()
	}
}

// work is about in proportion to the time that a piece takes: pairs of the parts
// of a row.
func (c *piece) work() int {
	d := c.in.Mat(nn.InX).D
	return len(c.rows) * d * d
}

// compute runs the piece for its rows.
func (c *piece) compute() {
	c.err = nil
	if n := len(c.rows); n > 0 {
		if c.err = c.bindRows(n); c.err == nil {
			c.err = c.run.Run(n)
		}
	}
}

// deal gives each row to the first piece that has room for it.
func (p *phase) deal() {
	for _, c := range p.pieces {
		c.rows = c.rows[:0]
	}
	x := p.in.Mat(nn.InX)
	for i := range x.N {
		end := x.D
		for row := x.Row(i); end > 0 && row[end-1] == 0; {
			end--
		}
		for _, c := range p.pieces {
			if c.in.Mat(nn.InX).D >= end {
				c.take(p.in, i)
				break
			}
		}
	}
}

// take adds row i of all inputs.
func (c *piece) take(all *objective.Inputs, i int) {
	k := len(c.rows)
	c.rows = append(c.rows, i)
	for _, r := range c.program.Rows {
		if ints := c.in.Ints(r.Name); ints != nil {
			n, from := len(ints)/c.in.N, all.Ints(r.Name)
			copy(ints[k*n:(k+1)*n], from[i*(len(from)/all.N):])
			continue
		}
		copy(c.in.Mat(r.Name).Row(k), all.Mat(r.Name).Row(i))
	}
}
