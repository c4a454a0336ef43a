package exec

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/internal/par"
)

var lowest = float32(math.Inf(-1))

// Session is the memory and the bindings with which a Program runs. One
// goroutine uses it at a time; any number of sessions may run at once.
//
// A bound slice is read and written in place by every later Run, until another
// is bound. Outputs and gradients must not overlap inputs or each other.
type Session struct {
	prog    *Program
	params  [][]float32 // by group
	held    []bool      // groups whose parameters do not change
	settled bool        // what depends on held groups alone is computed
	grads   [][]float32 // by group, nil if not wanted
	rows    [][]float32 // by row input
	outs    [][]float32 // by output, nil if not wanted
	static  []float32
	lanes   []float32   // of lanes 1 and up
	home    [][]float32 // of each acc: where its final value goes
	workers []frame

	n     int // rows of the current Run
	parts int // lanes or blocks of the current Run
	next  atomic.Int64
}

// frame is what one core works with.
type frame struct {
	s       *Session
	row     int // first row of the block
	rows    int
	lane    int
	first   bool // the lane's sums are not begun
	scratch []float32
	ws      kernel.Workspace
	patches []float32
	strips  []float32
}

// NewSession returns a session with nothing bound.
func (p *Program) NewSession() *Session {
	s := &Session{
		prog:   p,
		params: make([][]float32, len(p.groups)),
		held:   make([]bool, len(p.groups)),
		grads:  make([][]float32, len(p.groups)),
		rows:   make([][]float32, len(p.source.Rows)),
		outs:   make([][]float32, len(p.outs)),
		static: aligned(p.staticLen),
		home:   make([][]float32, len(p.accs)),
	}
	workers := p.work
	if len(p.accs) > 0 {
		workers = min(workers, p.lanes)
	}
	s.workers = make([]frame, workers)
	return s
}

func (s *Session) group(name string) (int, error) {
	g := slices.Index(s.prog.groups, name)
	if g < 0 {
		return 0, fmt.Errorf("%w: the program has no parameter group %q; it has %s", flow.ErrConfig, name, list(s.prog.groups))
	}
	return g, nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// BindParams makes arena the parameters of a group, in the order of the
// program's Layout. The error wraps flow.ErrShape or, for a group that the
// program does not have, flow.ErrConfig.
func (s *Session) BindParams(group string, arena []float32) error {
	return s.bindParams(group, arena, false)
}

// HoldParams is BindParams for parameters that do not change as long as they are
// bound: what depends on them alone, such as weights packed for the products, is
// computed by the first Run and kept.
func (s *Session) HoldParams(group string, arena []float32) error {
	return s.bindParams(group, arena, true)
}

func (s *Session) bindParams(group string, arena []float32, held bool) error {
	if err := s.bindArena(s.params, "parameters", group, arena); err != nil {
		return err
	}
	g := slices.Index(s.prog.groups, group)
	s.settled = s.settled && !held && !s.held[g]
	s.held[g] = held
	return nil
}

// due reports whether a static instruction is to be run.
func (s *Session) due(i *instr) bool {
	return !s.settled || slices.ContainsFunc(i.groups, func(g int) bool { return !s.held[g] })
}

// BindGrads has the gradients of a group's parameters (the outputs with GradOf)
// written to arena, in the order of the program's Layout. Elements of
// parameters of which the program outputs no gradient stay as they are. nil
// unbinds. Errors are as those of BindParams.
func (s *Session) BindGrads(group string, arena []float32) error {
	if arena == nil {
		g, err := s.group(group)
		if err == nil {
			s.grads[g] = nil
		}
		return err
	}
	return s.bindArena(s.grads, "gradients", group, arena)
}

func (s *Session) bindArena(to [][]float32, what, group string, arena []float32) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	if want := s.prog.layout[g].Size; len(arena) != want {
		return fmt.Errorf("%w: %s of group %q have %d elements, want %d", flow.ErrShape, what, group, len(arena), want)
	}
	to[g] = arena
	return nil
}

// BindRow makes data, n times the input's size, the float32 row input of that
// name. Its length is checked by Run. Binding an input that no output depends
// on is allowed. The error wraps flow.ErrConfig.
func (s *Session) BindRow(name string, data []float32) error {
	return s.bindRow(name, graph.Float32, data)
}

// BindRowInts is BindRow for int32 inputs.
func (s *Session) BindRowInts(name string, data []int32) error {
	return s.bindRow(name, graph.Int32, floatsOf(data))
}

func (s *Session) bindRow(name string, t graph.DType, data []float32) error {
	rows := s.prog.source.Rows
	for i, r := range rows {
		if r.Name != name {
			continue
		}
		if r.DType != t {
			return fmt.Errorf("%w: row input %q is %s, not %s", flow.ErrConfig, name, r.DType, t)
		}
		s.rows[i] = data
		return nil
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return fmt.Errorf("%w: the program has no row input %q; it has %s", flow.ErrConfig, name, list(names))
}

// BindOutput has an output written to dst: n times its size for row values,
// its size for others. nil unbinds it; what is not bound is not written. The
// error wraps flow.ErrConfig.
func (s *Session) BindOutput(name string, dst []float32) error {
	return s.bindOutput(name, dst, false)
}

// BindOutputInts is BindOutput for int32 outputs.
func (s *Session) BindOutputInts(name string, dst []int32) error {
	return s.bindOutput(name, floatsOf(dst), true)
}

func (s *Session) bindOutput(name string, dst []float32, ints bool) error {
	var names []string
	for i, o := range s.prog.outs {
		if o.name != name {
			names = append(names, o.name)
			continue
		}
		if o.ints != ints {
			return fmt.Errorf("%w: output %q is of the other type: float32 and int32 have each their own method", flow.ErrConfig, name)
		}
		s.outs[i] = dst
		return nil
	}
	return fmt.Errorf("%w: the program has no output %q; it has %s", flow.ErrConfig, name, list(names))
}

// check verifies the bindings for n rows.
func (s *Session) check(n int) error {
	p := s.prog
	if n < 0 {
		return fmt.Errorf("%w: %d rows", flow.ErrShape, n)
	}
	for g, need := range p.needGroup {
		if need && s.params[g] == nil && p.layout[g].Size > 0 {
			return fmt.Errorf("%w: the parameters of group %q are not bound; call BindParams", flow.ErrShape, p.groups[g])
		}
	}
	for i, need := range p.needRow {
		if !need {
			continue
		}
		if r := &p.source.Rows[i]; len(s.rows[i]) != n*p.rowSize[i] {
			return fmt.Errorf("%w: row input %q has %d elements, want %d rows of %d", flow.ErrShape, r.Name, len(s.rows[i]), n, p.rowSize[i])
		}
	}
	for i := range p.outs {
		o := &p.outs[i]
		want := o.size
		if o.row {
			want *= n
		}
		if s.outs[i] != nil && len(s.outs[i]) != want {
			return fmt.Errorf("%w: output %q has room for %d elements, want %d", flow.ErrShape, o.name, len(s.outs[i]), want)
		}
	}
	return nil
}

// Run computes the outputs for n rows. The error wraps flow.ErrShape when what
// is bound does not fit; then nothing is written.
func (s *Session) Run(n int) error {
	if err := s.check(n); err != nil {
		return err
	}
	p := s.prog
	s.n = n
	lead := &s.workers[0]
	lead.s = s
	lead.row, lead.rows = 0, p.block // what is held serves blocks of any size
	for i := range p.static {
		if s.due(&p.static[i]) {
			lead.run(&p.static[i])
		}
	}
	s.share((*packer)(s), len(p.packs), p.packLen >= shareFrom)
	s.settled = true
	for i := range p.accs {
		a := &p.accs[i]
		if a.group >= 0 && s.grads[a.group] != nil {
			s.home[i] = s.grads[a.group][a.pos : a.pos+a.size]
		} else {
			s.home[i] = s.static[a.home : a.home+a.size]
		}
	}
	blocks := (n + p.block - 1) / p.block
	s.parts = blocks
	if len(p.accs) > 0 {
		s.parts = min(blocks, p.lanes)
		if n := (s.parts - 1) * p.accLen; n > len(s.lanes) {
			s.lanes = aligned(n)
		}
	}
	s.share((*parter)(s), s.parts, true)
	s.reduce()
	lead.row, lead.rows, lead.lane = 0, 1, 0
	for i := range p.final {
		lead.run(&p.final[i])
	}
	for i := range p.outs {
		o := &p.outs[i]
		if o.row {
			continue
		}
		v := lead.at(&o.from)
		if s.outs[i] != nil {
			copy(s.outs[i], v)
		}
		if o.group >= 0 && !o.accumulated && s.grads[o.group] != nil {
			copy(s.grads[o.group][o.pos:o.pos+o.size], v)
		}
	}
	return nil
}

// share has tasks done by job, on several cores if that is worth it. A job
// takes tasks as long as there are any.
func (s *Session) share(job par.Job, tasks int, worth bool) {
	s.next.Store(0)
	if workers := min(len(s.workers), tasks); workers > 1 && worth {
		s.prog.pool.Run(workers, job)
	} else if tasks > 0 {
		job.Do(0)
	}
}

// take returns the next task, or false when all n are taken.
func (s *Session) take(n int) (int, bool) {
	k := int(s.next.Add(1) - 1)
	return k, k < n
}

// packer is a Session at the work of packing weights.
type packer Session

// Do packs weights on core i.
func (s *packer) Do(i int) {
	f := &s.workers[i]
	f.s = (*Session)(s)
	for {
		k, ok := f.s.take(len(s.prog.packs))
		if !ok {
			return
		}
		if i := &s.prog.packs[k]; f.s.due(i) {
			f.run(i)
		}
	}
}

// parter is a Session at the work of running the rows.
type parter Session

// Do runs parts on core i.
func (s *parter) Do(i int) {
	f := &s.workers[i]
	f.s = (*Session)(s)
	for {
		k, ok := f.s.take(s.parts)
		if !ok {
			return
		}
		f.s.part(f, k)
	}
}

// part runs the blocks of a lane, or where there are no lanes one block.
func (s *Session) part(f *frame, part int) {
	p := s.prog
	if f.scratch == nil {
		f.scratch, f.strips = aligned(p.rowLen*p.block), aligned(p.stripLen)
	}
	step := s.parts
	f.lane = 0
	if len(p.accs) > 0 {
		step, f.lane = p.lanes, part
	}
	f.first = true
	for b := part; b*p.block < s.n; b += step {
		f.row = b * p.block
		f.rows = min(p.block, s.n-f.row)
		for i := range p.rows {
			f.run(&p.rows[i])
		}
		f.first = false
		if len(p.accs) == 0 {
			return
		}
	}
}

// reduce adds the lanes to the first, which lies at home already.
func (s *Session) reduce() {
	p := s.prog
	if s.parts == 0 {
		for _, h := range s.home {
			clear(h)
		}
	}
	if s.parts < 2 || len(p.accs) == 0 {
		return
	}
	s.share((*adder)(s), len(p.pieces), true)
}

// adder is a Session at the work of adding lanes, piece by piece. Every
// element is the sum of the lanes in their order, whoever adds it.
type adder Session

// Do adds pieces.
func (s *adder) Do(int) {
	p := s.prog
	for {
		k, ok := (*Session)(s).take(len(p.pieces))
		if !ok {
			return
		}
		c := p.pieces[k]
		home, off := s.home[c.acc][c.lo:c.hi], p.accs[c.acc].off
		for l := range s.parts - 1 {
			at := l*p.accLen + off
			p.kernel.Add(home, home, s.lanes[at+c.lo:at+c.hi])
		}
	}
}

// at returns the memory of a value.
func (f *frame) at(r *ref) []float32 {
	n, off := r.size, r.off
	if r.row {
		n *= f.rows
	}
	var from []float32
	switch r.space {
	case inScratch:
		from = f.scratch
	case inParams:
		from = f.s.params[r.index]
	case inRows:
		from, off = f.s.rows[r.index], f.row*r.size
	case inConsts:
		from = f.s.prog.consts
	case inStatic:
		from = f.s.static
	case inAcc:
		if f.lane == 0 {
			return f.s.home[r.index]
		}
		p := f.s.prog
		from, off = f.s.lanes, (f.lane-1)*p.accLen+p.accs[r.index].off
	}
	return from[off : off+n : off+n]
}

// copyOut copies a block of output i.n to the caller.
func (f *frame) copyOut(i *instr) {
	dst := f.s.outs[i.n]
	if dst == nil {
		return
	}
	copy(dst[f.row*i.in[0].size:], f.at(&i.in[0]))
}
