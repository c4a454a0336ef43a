package exec

import (
	"fmt"
	"slices"

	"laminar/flow"
	"laminar/graph"
	"laminar/internal/kernel"
)

// Operations that only this package has. The rewrites of fuse.go introduce
// them; opOut copies an output to where the caller wants it.
const (
	opScale       = graph.Op(200 + iota) // x times a number
	opShift                              // x plus a number
	opSiLU                               // x sigmoid(x)
	opSiLUGrad                           // g, x: g times the slope of SiLU at x
	opReLUGrad                           // g, y: g where y > 0
	opTanhGrad                           // g, y: g (1 - y y)
	opSigmoidGrad                        // g, y: g y (1 - y)
	opAddCol                             // x plus a number per line
	opMulCol                             // x times a number per line
	opAddRow                             // x plus a vector, on every line
	opMulRow                             // x times a vector, on every line
	opPack                               // a weight in the order in which products read it
	opDense                              // x, packed weight and perhaps bias: x w + b
	opAct                                // an activation that the opDense it reads computes on the way
	opConv                               // opDense over the windows of an image
	opConvImage                          // fold of an opDense
	opConvWeight                         // row contraction with the windows of an image
	opWino                               // opConv or opConvImage with fewer products
	opWinoPack                           // its weight
	opWinoWeight                         // opConvWeight with fewer products
	opTurn                               // a weight of a convolution with the taps in reverse and the channels exchanged
	opStrip                              // several operations, line by line
	opOut
)

// stage says when a node is computed.
type stage uint8

const (
	stageConst  stage = iota // once, by Compile
	stageStatic              // once per Run, before the rows
	stageRow                 // per block of rows
	stageSum                 // per block of rows, added up within a lane
	stageFinal               // once per Run, after the lanes are added
)

// node is an operation while it is being compiled: at first one of the graph's
// own, later perhaps one of ours.
type node struct {
	graph.Node
	in    []int
	root  int // the node whose memory it shares; itself, unless it is a mere view
	stage stage
	num   float32    // opScale, opShift
	act   kernel.Act // opAct
	acts  int        // opDense: the opAct that it computes on the way, or -1
	win   int        // of what reads or writes windows: the unfold or fold it comes from, or -1
	// winLeft: of opConvWeight, the image is the left operand.
	winLeft bool
	strip   int   // number of the strip that it is a member of, or -1
	groups  []int // of parameters that a static one depends on
	uses    int   // by live operations and outputs
	live    bool
	at      ref // where its value lives
}

type compiler struct {
	src  *graph.Program
	opt  Options
	prog *Program

	nodes []node
	cuts  map[string]int // see lines
	err   error
}

// compile runs the phases.
func (c *compiler) compile() error {
	if err := c.load(); err != nil {
		return err
	}
	if !c.opt.Plain {
		c.fuse()
	}
	c.mark()
	c.sort()
	c.plan()
	return c.err
}

// load copies the graph's nodes and resolves views.
func (c *compiler) load() error {
	c.nodes = make([]node, len(c.src.Nodes))
	for i, n := range c.src.Nodes {
		m := node{Node: n, root: i, acts: -1, win: -1, strip: -1}
		for _, v := range n.In {
			m.in = append(m.in, int(v))
		}
		if len(n.Shape) > maxRank {
			return fmt.Errorf("%w: exec: node %d has %d axes, at most %d are supported", flow.ErrConfig, i, len(n.Shape), maxRank)
		}
		c.nodes[i] = m
		if n.Op == graph.OpReshape || n.Op == graph.OpStopGradient ||
			(n.Op == graph.OpConvert && n.DType == c.nodes[m.in[0]].DType) {
			c.nodes[i].root = c.nodes[m.in[0]].root
		}
	}
	return nil
}

// append adds a node of our own and returns it.
func (c *compiler) append(n node) int {
	n.root, n.acts, n.win, n.strip = len(c.nodes), -1, -1, -1
	c.nodes = append(c.nodes, n)
	return n.root
}

// mark finds what the outputs need and counts uses.
func (c *compiler) mark() {
	for i := range c.nodes {
		c.nodes[i].live, c.nodes[i].uses = false, 0
	}
	var need func(i int)
	need = func(i int) {
		n := &c.nodes[i]
		n.uses++
		if n.live {
			return
		}
		n.live = true
		for _, j := range n.in {
			need(j)
		}
	}
	for _, o := range c.src.Outputs {
		need(int(o.Value))
	}
}

// sort gives every live node its stage.
func (c *compiler) sort() {
	seen := make([]bool, len(c.nodes))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		n := &c.nodes[i]
		constant, rows := true, false
		n.groups = nil
		if n.Op == graph.OpParam {
			n.groups = []int{slices.Index(c.prog.groups, n.Group)}
		}
		for _, j := range n.in {
			visit(j)
			for _, g := range c.nodes[j].groups {
				if !slices.Contains(n.groups, g) {
					n.groups = append(n.groups, g)
				}
			}
			constant = constant && c.nodes[j].stage == stageConst
			rows = rows || c.nodes[j].Kind == graph.Row
		}
		switch {
		case n.Op == graph.OpParam:
			n.stage = stageStatic
		case n.Op == graph.OpRow:
			n.stage = stageRow
		case n.root != i:
			n.stage = c.nodes[n.root].stage
		case n.Kind == graph.Static || n.Op == graph.OpToRows:
			n.stage = stageStatic
			if constant {
				n.stage = stageConst
			}
		case n.Kind == graph.Row:
			n.stage = stageRow
		case rows:
			n.stage = stageSum
		default:
			n.stage = stageFinal
		}
	}
	for i := range c.nodes {
		if c.nodes[i].live {
			visit(i)
		}
	}
}

// order returns the live nodes so that each follows what it reads. Nodes of
// our own stand after those of the graph, but are read by earlier ones.
func (c *compiler) order() []int {
	var out []int
	seen := make([]bool, len(c.nodes))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] || !c.nodes[i].live {
			return
		}
		seen[i] = true
		for _, j := range c.nodes[i].in {
			visit(j)
		}
		out = append(out, i)
	}
	for i := range c.nodes {
		visit(i)
	}
	return out
}
