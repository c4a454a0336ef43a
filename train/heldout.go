package train

import (
	"fmt"
	"math"

	"laminar/flow"
	"laminar/internal/exec"
	"laminar/nn"
	"laminar/objective"
)

// heldOut is the loss over pairs that training never sees: the first phase's
// program over the same pairs and times at every look, under the averaged
// parameters.
type heldOut struct {
	in      []*objective.Inputs
	run     *exec.Session
	loss    []float32
	best    []float32 // parameters at the lowest loss
	lowest  float64
	without int // looks since
}

// heldOutBatches is the number of held-out batches in one look.
const heldOutBatches = 8

func (t *Trainer) addHeldOut() error {
	first := t.phases[0]
	exe, err := exec.Compile(first.Program, exec.Options{Kernels: t.opts.Kernels, Workers: t.opts.Workers, Rows: t.cfg.Batch})
	if err != nil {
		return err
	}
	h := &heldOut{run: exe.NewSession(), loss: make([]float32, t.cfg.Batch), lowest: math.Inf(1)}
	if err := t.bindAverages(first.Phase, h.run); err != nil {
		return err
	}
	for _, name := range first.Program.Groups() {
		if first.Average[name] != "" {
			continue
		}
		if err := h.run.BindParams(name, t.Average(name)); err != nil {
			return err
		}
	}
	// The program computes gradients too; nobody reads them.
	if err := h.run.BindGrads(first.Trains, make([]float32, len(t.Params(first.Trains)))); err != nil {
		return err
	}
	if err := h.run.BindOutput(objective.Loss, h.loss); err != nil {
		return err
	}
	key := t.key.Split("held out")
	b := flow.NewBatch(t.cfg.Batch, t.net.Dim(), t.net.CondSpec())
	for i := range heldOutBatches {
		if err := t.opts.HeldOut.Fill(&b, key, i); err != nil {
			return fmt.Errorf("held-out pairs: %w", err)
		}
		in := objective.NewInputs(first.Program, t.cfg.Batch)
		if err := first.Fill(in, &b, key.At(uint64(i))); err != nil {
			return err
		}
		h.in = append(h.in, in)
	}
	t.held = h
	return nil
}

func (t *Trainer) validate(p *Progress) error {
	h := t.held
	for _, in := range h.in {
		if err := bindInputs(h.run, t.phases[0].Program, in, in.N); err != nil {
			return err
		}
		if err := h.run.Run(in.N); err != nil {
			return err
		}
		p.HeldOut += mean(h.loss) / heldOutBatches
	}
	p.Validated = true
	if p.HeldOut < h.lowest {
		h.lowest, h.without = p.HeldOut, 0
		h.best = append(h.best[:0], t.Average(nn.Group)...)
		return nil
	}
	h.without++
	if t.cfg.Patience > 0 && h.without >= t.cfg.Patience {
		t.ended, p.Stopped = true, true
	}
	return nil
}
