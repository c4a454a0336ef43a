// Package where reads conditions on the rows of a table, in the notation of SQL's
// WHERE:
//
//	income = '>50K' AND (age BETWEEN 30 AND 40 OR "hours-per-week" >= 60)
//	workclass IN ('Private', 'State-gov') AND NOT occupation IS NULL
//
//	e, err := where.Parse("age > 60 AND income = '>50K'")
//	c, err := e.Bind(schema)
//	if c.Holds(row) { ... }
//
// A comparison is = == != <> < <= > >= with a value, IN with a list of them, BETWEEN
// with two, both included, or IS NULL; NOT may stand before IN and BETWEEN and
// after IS. AND binds stronger than OR, NOT stronger than both; words are in any
// case. A name is a word or stands in "double quotes", `back quotes` or [brackets]; a
// value is a number, a word, or stands in quotes, which are doubled inside. As in
// SQL, a comparison with a missing cell is neither true nor false, and a row is
// taken where the whole is true.
//
// There is no arithmetic, no function and no comparison of two columns.
package where

import (
	"fmt"
	"slices"
	"strings"

	"laminar/flow"
)

// Expr is a condition that knows no table yet.
type Expr struct {
	root node
}

// node is an operation of a condition: and, or, not, or a test of a column.
type node interface{}

type (
	both    struct{ a, b node }
	either  struct{ a, b node }
	negated struct{ a node }
	test    struct {
		name   string
		pos    int // of the name
		op     string
		values []value
	}
	value struct {
		text   string
		pos    int
		quoted bool
	}
)

// fault is an error about the text at a position, counted from 1 in characters. It is
// a *flow.FieldError.
func fault(pos int, format string, args ...any) error {
	return &flow.FieldError{Path: "where", Msg: fmt.Sprintf("at position %d: ", pos) + fmt.Sprintf(format, args...)}
}

// Parse reads a condition. The error is a *flow.FieldError that names the position.
func Parse(text string) (*Expr, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	root, err := p.either(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, fault(t.pos, "%s where the condition could end, or go on with AND or OR", t)
	}
	return &Expr{root}, nil
}

// Columns lists the names of the columns that the condition looks at, each once.
func (e *Expr) Columns() []string {
	var out []string
	var walk func(node)
	walk = func(n node) {
		switch n := n.(type) {
		case both:
			walk(n.a)
			walk(n.b)
		case either:
			walk(n.a)
			walk(n.b)
		case negated:
			walk(n.a)
		case test:
			if !slices.Contains(out, n.name) {
				out = append(out, n.name)
			}
		}
	}
	walk(e.root)
	return out
}

type parser struct {
	tokens []token
	at     int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// word takes the next token if it is the bare word.
func (p *parser) word(w string) bool {
	if p.peek().is(w) {
		p.at++
		return true
	}
	return false
}

// deepest is how far parentheses and NOT may be nested.
const deepest = 200

func (p *parser) either(depth int) (node, error) {
	a, err := p.both(depth)
	for err == nil && p.word("OR") {
		var b node
		if b, err = p.both(depth); err == nil {
			a = either{a, b}
		}
	}
	return a, err
}

func (p *parser) both(depth int) (node, error) {
	a, err := p.negated(depth)
	for err == nil && p.word("AND") {
		var b node
		if b, err = p.negated(depth); err == nil {
			a = both{a, b}
		}
	}
	return a, err
}

func (p *parser) negated(depth int) (node, error) {
	if depth > deepest {
		return nil, fault(p.peek().pos, "nested deeper than %d", deepest)
	}
	if p.word("NOT") {
		a, err := p.negated(depth + 1)
		return negated{a}, err
	}
	if p.peek().kind != open {
		return p.test()
	}
	from := p.next()
	a, err := p.either(depth + 1)
	if err != nil {
		return nil, err
	}
	if t := p.next(); t.kind != shut {
		return nil, fault(t.pos, "%s where the parenthesis of position %d should close", t, from.pos)
	}
	return a, nil
}

func (p *parser) test() (node, error) {
	t := p.next()
	if t.kind != name && (t.kind != word || t.reserved()) {
		return nil, fault(t.pos, "%s where a column's name should stand", t)
	}
	c := test{name: t.text, pos: t.pos}
	not := p.word("NOT")
	op := p.next()
	switch {
	case op.is("IN"):
		c.op = "in"
		if err := p.list(&c); err != nil {
			return nil, err
		}
	case op.is("BETWEEN"):
		c.op = "between"
		if err := p.value(&c, "BETWEEN"); err != nil {
			return nil, err
		}
		if t := p.peek(); !p.word("AND") {
			return nil, fault(t.pos, "%s where BETWEEN needs AND and its upper end", t)
		}
		if err := p.value(&c, "AND"); err != nil {
			return nil, err
		}
	case not:
		return nil, fault(op.pos, "%s where NOT should be followed by IN or BETWEEN", op)
	case op.is("IS"):
		c.op, not = "null", p.word("NOT")
		if t := p.peek(); !p.word("NULL") {
			return nil, fault(t.pos, "%s where IS should be followed by NULL or NOT NULL", t)
		}
	case op.kind == compare:
		c.op = op.text
		if err := p.value(&c, op.text); err != nil {
			return nil, err
		}
	default:
		return nil, fault(op.pos, "%s where a comparison should follow %q: = != < <= > >= IN BETWEEN IS", op, c.name)
	}
	if not {
		return negated{c}, nil
	}
	return c, nil
}

func (p *parser) value(c *test, after string) error {
	t := p.next()
	switch {
	case t.is("NULL"):
		return fault(t.pos, "nothing equals NULL; use IS NULL or IS NOT NULL")
	case t.kind == text, t.kind == name, t.kind == word && !t.reserved():
		c.values = append(c.values, value{t.text, t.pos, t.kind != word})
		return nil
	}
	return fault(t.pos, "%s where a value should follow %s", t, after)
}

func (p *parser) list(c *test) error {
	t := p.next()
	if t.kind != open {
		return fault(t.pos, "%s where IN needs a list: ('a', 'b')", t)
	}
	for {
		if err := p.value(c, "IN"); err != nil {
			return err
		}
		switch t := p.next(); t.kind {
		case comma:
		case shut:
			return nil
		default:
			return fault(t.pos, "%s where the list of IN should go on with a comma or close", t)
		}
	}
}

// is reports whether t is the bare word w, in any case.
func (t token) is(w string) bool { return t.kind == word && strings.EqualFold(t.text, w) }

func (t token) reserved() bool {
	return slices.ContainsFunc([]string{"AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL"}, t.is)
}
