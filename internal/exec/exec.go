// Package exec runs a graph.Program on the CPU, in float32.
//
//	prog, err := exec.Compile(p, exec.Options{})
//	s := prog.NewSession()
//	s.BindParams("net", arena)
//	s.BindRow("x", x)
//	s.BindOutput("y", y)
//	err = s.Run(n)
//
// Compile does once what does not depend on numbers: it recognises groups of
// operations that one kernel can do (fuse.go), sorts the operations into
// stages (lower.go), and lays out memory (plan.go). A Session holds the memory
// and the bindings; Run then allocates nothing.
//
// # Stages, blocks, lanes
//
// A Run has four stages:
//
//	static  what depends on parameters only, such as weights packed for the products
//	rows    the row operations, on one block of rows after the other
//	lanes   within it, sums over rows (gradients), each lane into memory of its own
//	final   the lanes added in order, and what is computed from the sums
//
// The number of rows in a block and the number of lanes are functions of the
// program only, block b belongs to lane b mod lanes, and a lane does its blocks
// in order. Cores take lanes (or blocks, where nothing is summed over rows).
// So the bits of every result are the same for any number of cores, and those
// of a row value do not depend on the other rows, their number, or its index.
// They do depend on the kernel set.
//
// The package does not differentiate and does not know what a network is.
package exec

import (
	"fmt"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/internal/par"
)

// Options configure Compile. The zero value is ready to use.
type Options struct {
	// Kernels are the kernels to run on; nil means kernel.Best().
	Kernels *kernel.Set
	// BlockBytes is about how much memory one block of rows works on; 0 means
	// a default that fits a second-level cache. It decides the number of rows
	// in a block, and so the rounding of sums over rows.
	BlockBytes int
	// Rows is how many rows most runs have, 0 if that is not known: a few large
	// rows are cut into blocks enough for several cores. Like BlockBytes it decides
	// the number of rows in a block.
	Rows int
	// Plain runs every operation as it stands, without fusion.
	Plain bool
	// Workers is how many cores one Run uses at most; 0 means all of the pool.
	// 1 keeps Run on the caller's goroutine. Results do not depend on it.
	Workers int
	// Pool lends the cores; nil means par.Default().
	Pool *par.Pool

	apart bool // no strips, for tests
}

// Program is a compiled program. It is immutable and safe for concurrent use.
type Program struct {
	source *graph.Program
	kernel *kernel.Set
	pool   *par.Pool
	work   int // workers at most

	groups             []string
	layout             []graph.Layout
	rowSize            []int  // of row inputs
	needGroup, needRow []bool // groups and row inputs that an output depends on

	static, rows, final []instr
	packs               []instr // of the static stage, the last ones
	packLen             int     // elements that they write
	consts              []float32
	staticLen           int
	rowLen              int // scratch elements per row
	block               int // rows in a block
	lanes               int
	strips              []strip
	stripLen            int // elements of their memory
	accs                []acc
	accLen              int // elements of one lane
	pieces              []piece
	outs                []out
}

// acc is one sum over rows.
type acc struct {
	off, size  int // in a lane's memory
	group, pos int // where its value is a gradient: group and offset there, else group -1
	home       int // where else its value lives, in static memory
}

// piece is a part of an acc that one core adds over the lanes.
type piece struct{ acc, lo, hi int }

// out is one output of the program.
type out struct {
	name        string
	from        ref
	size        int
	row         bool
	ints        bool
	group, pos  int  // of the parameter whose gradient it is, else group -1
	accumulated bool // an acc writes it to the gradient arena itself
}

// Compile prepares a program to be run. p must not be modified afterwards. The
// error wraps graph.ErrProgram or flow.ErrConfig.
func Compile(p *graph.Program, o Options) (*Program, error) {
	if o.BlockBytes < 0 || o.Workers < 0 {
		return nil, fmt.Errorf("%w: exec: BlockBytes %d and Workers %d must not be negative", flow.ErrConfig, o.BlockBytes, o.Workers)
	}
	if o.Kernels == nil {
		o.Kernels = kernel.Best()
	}
	if o.BlockBytes == 0 {
		o.BlockBytes = defaultBlockBytes
	}
	if o.Pool == nil {
		o.Pool = par.Default()
	}
	if o.Workers == 0 {
		o.Workers = o.Pool.Workers()
	}
	c := &compiler{src: p, opt: o, prog: &Program{
		source: p, kernel: o.Kernels, pool: o.Pool, work: o.Workers, groups: p.Groups(),
	}}
	for _, g := range c.prog.groups {
		c.prog.layout = append(c.prog.layout, p.Layout(g))
	}
	c.prog.needGroup = make([]bool, len(c.prog.groups))
	c.prog.needRow = make([]bool, len(p.Rows))
	for _, r := range p.Rows {
		c.prog.rowSize = append(c.prog.rowSize, sizeOf(r.Shape))
	}
	if err := c.compile(); err != nil {
		return nil, err
	}
	return c.prog, nil
}

// BlockRows returns the number of rows that are computed together.
func (p *Program) BlockRows() int { return p.block }

// Lanes returns the number of partial sums over rows.
func (p *Program) Lanes() int { return p.lanes }

// Source returns the program that was compiled.
func (p *Program) Source() *graph.Program { return p.source }
