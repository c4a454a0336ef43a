package graph

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// everyOp is a program in which every operation occurs, with its derivatives.
func everyOp(t testing.TB) []byte {
	b := newBench("every")
	for i, c := range opCases() {
		var v, xs []Value
		for j, o := range c.in {
			k := Static
			if c.kinds[0][j] == 'r' {
				k = Row
			}
			x := b.input(strings.Repeat("x", i+1)+string(rune('a'+j)), k, o)
			v = append(v, x)
			if o.index == 0 {
				xs = append(xs, x)
			}
		}
		y := c.build(b.Builder, v)
		name := strings.Repeat("y", i+1)
		b.Output(name, y)
		for j, g := range b.VJP([]Value{y}, []Value{b.Const(1, b.Shape(y)...)}, xs) {
			if g != None {
				b.Output(name+string(rune('a'+j)), g)
			}
		}
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func small(t testing.TB) *Program {
	b := NewBuilder()
	x, unused := b.Row("x", Float32, 2), b.Row("unused", Int32)
	y := b.Tanh(b.Linear(x, b.Param("net", "w", 3, 2), true))
	b.Gather(b.Param("net", "table", 4, 2), unused)
	b.Output("y", y)
	b.OutputGradients(b.Gradient(y, b.Const(1, 3), "net"))
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRoundTrip(t *testing.T) {
	p := small(t)
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	q, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, q) {
		t.Errorf("decoded\n%+v, want\n%+v", q, p)
	}
	data = everyOp(t)
	if q, err = Decode(data); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(q)
	if err != nil || string(again) != string(data) {
		t.Errorf("the program of every operation changes in a round trip (%v)", err)
	}
}

// hostile are programs that must be refused: edit of a good one, or a whole.
var hostile = []struct{ name, old, new string }{
	{"empty", "*", ""},
	{"no object", "*", `[]`},
	{"trailing", "*", `{} {}`},
	{"unknown field", `"nodes"`, `"stride":1,"nodes"`},
	{"unknown op", `"tanh"`, `"tan"`},
	{"op out of range", `"tanh"`, `200`},
	{"forward reference", `"in":[0,1]`, `"in":[0,5]`},
	{"self reference", `{"op":"tanh","in":[2]`, `{"op":"tanh","in":[3]`},
	{"negative reference", `{"op":"tanh","in":[2]`, `{"op":"tanh","in":[-1]`},
	{"wrong shape", `{"op":"tanh","in":[2],"kind":1,"shape":[3]`, `{"op":"tanh","in":[2],"kind":1,"shape":[4]`},
	{"wrong kind", `{"op":"tanh","in":[2],"kind":1`, `{"op":"tanh","in":[2],"kind":0`},
	{"unknown kind", `{"op":"tanh","in":[2],"kind":1`, `{"op":"tanh","in":[2],"kind":9`},
	{"unknown type", `{"op":"tanh","in":[2]`, `{"op":"tanh","dtype":9,"in":[2]`},
	{"operand missing", `{"op":"tanh","in":[2],`, `{"op":"tanh",`},
	{"undeclared row", `"rows":[{"name":"x","shape":[2],"node":0},`, `"rows":[`},
	{"row renamed", `"rows":[{"name":"x"`, `"rows":[{"name":"z"`},
	{"row out of range", `"rows":[{"name":"x","shape":[2],"node":0}`, `"rows":[{"name":"x","shape":[2],"node":99}`},
	{"param of another name", `"params":[{"group":"net","name":"w"`, `"params":[{"group":"net","name":"v"`},
	{"param twice", `"name":"table"`, `"name":"w"`},
	{"param shape", `"name":"table","shape":[4,2]`, `"name":"table","shape":[-4,2]`},
	{"param huge", `"name":"table","shape":[4,2]`, `"name":"table","shape":[1073741824,1073741824]`},
	{"output out of range", `"name":"y","value":`, `"name":"y","value":9`},
	{"output twice", `"name":"grad:net/w"`, `"name":"y"`},
	{"gradient of none", `"gradOf":1`, `"gradOf":7`},
	{"gradient of another", `"gradOf":1`, `"gradOf":0`},
	{"pad overflows", "*", `{"nodes":[{"op":"row","kind":1,"shape":[4],"name":"x"},
		{"op":"pad","in":[0],"kind":1,"shape":[2],"ints":[0,9223372036854775807,9223372036854775807]}],
		"rows":[{"name":"x","shape":[4],"node":0}],"outputs":[{"name":"y","value":1,"gradOf":-1}]}`},
	{"empty table", "*", `{"nodes":[{"op":"const","shape":[0,2],"const":[1]},{"op":"const","dtype":1,"shape":[1],"const":[0]},
		{"op":"gather","in":[0,1],"shape":[1,2]}],"outputs":[{"name":"y","value":2,"gradOf":-1}]}`},
	{"int32 parameter", "*", `{"nodes":[{"op":"param","dtype":1,"shape":[1],"group":"g","name":"w"}],
		"params":[{"group":"g","name":"w","shape":[1],"node":0}]}`},
}

func corrupt(good, old, new string) string {
	if old == "*" {
		return new
	}
	return strings.Replace(good, old, new, 1)
}

func TestDecodeRefuses(t *testing.T) {
	data, err := json.Marshal(small(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hostile {
		bad := corrupt(string(data), h.old, h.new)
		if bad == string(data) {
			t.Errorf("%s: %s is not in %s", h.name, h.old, data)
			continue
		}
		if p, err := Decode([]byte(bad)); !errors.Is(err, ErrProgram) || p != nil {
			t.Errorf("%s: decoded to %v, error %v", h.name, p, err)
		}
	}
}

// FuzzDecode: Decode never panics; what it accepts can be written, read again
// and run.
func FuzzDecode(f *testing.F) {
	data, err := json.Marshal(small(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add(string(everyOp(f)))
	for _, h := range hostile {
		f.Add(corrupt(string(data), h.old, h.new))
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Decode([]byte(s))
		if err != nil {
			if !errors.Is(err, ErrProgram) {
				t.Fatalf("error %v is no ErrProgram", err)
			}
			return
		}
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(data); err != nil {
			t.Fatalf("%s was accepted, its encoding is not: %v", s, err)
		}
		work := 0
		feed := Feed{N: 1, Arenas: map[string][]float64{}, Rows: map[string][]float64{}}
		for i := range p.Nodes {
			n := &p.Nodes[i]
			size := n.Size()
			for _, v := range n.In {
				size += p.Nodes[v].Size()
			}
			for _, v := range n.In { // products cost up to result times operand
				if n.Op == OpLinear || n.Op == OpMatMul || n.Op == OpRowContract {
					size += n.Size() * p.Nodes[v].Size()
				}
			}
			if work += size; work > 1<<16 {
				return
			}
		}
		for _, g := range p.Groups() {
			l := p.Layout(g)
			if l.Size > 1<<16 {
				return
			}
			feed.Arenas[g] = make([]float64, l.Size)
		}
		for _, r := range p.Rows {
			if size(r.Shape) > 1<<16 {
				return
			}
			feed.Rows[r.Name] = make([]float64, size(r.Shape))
		}
		if _, err := p.Interpret(feed); err != nil {
			t.Fatal(err)
		}
	})
}
