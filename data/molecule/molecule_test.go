package molecule_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"laminar/data/molecule"
	"laminar/flow"
	"laminar/rng"
)

const water = `3
water
O  0.0000 0.0000 0.1173
H  0.0000 0.7572 -0.4692
H  0.0000 -0.7572 -0.4692
`

func ExampleReadXYZ() {
	for m, err := range molecule.ReadXYZ(strings.NewReader(water), "water.xyz") {
		if err != nil {
			fmt.Println(err)
			return
		}
		bonds := molecule.Bonds(&m)
		fmt.Println(m.Title, m.Elements, bonds, molecule.Check(&m, bonds).Stable)
	}
	// Output: water [O H H] [{0 1 1} {0 2 1}] true
}

func ExampleWriteSDF() {
	set, err := molecule.Collect(molecule.ReadXYZ(strings.NewReader(water), "water.xyz"))
	if err != nil {
		fmt.Println(err)
		return
	}
	m := set.At(0)
	m.Title = "water"
	if err := molecule.WriteSDF(os.Stdout, m); err != nil {
		fmt.Println(err)
	}
	// Output:
	// water
	//   Laminar           3D
	//
	//   3  2  0  0  0  0  0  0  0  0999 V2000
	//     0.0000    0.0000    0.1173 O   0  0  0  0  0  0  0  0  0  0  0  0
	//     0.0000    0.7572   -0.4692 H   0  0  0  0  0  0  0  0  0  0  0  0
	//     0.0000   -0.7572   -0.4692 H   0  0  0  0  0  0  0  0  0  0  0  0
	//   1  2  1  0
	//   1  3  1  0
	// M  END
	// $$$$
}

func ExampleJudge() {
	set, err := molecule.Collect(molecule.ReadXYZ(strings.NewReader(water+water), "water.xyz"))
	if err != nil {
		fmt.Println(err)
		return
	}
	q := molecule.Judge([]molecule.Molecule{set.At(0), set.At(1)}, nil)
	fmt.Printf("stable %.0f, valid %.0f, unique %.1f, novel %.0f\n", q.MolStable, q.Valid, q.Unique, q.Novel)
	// Output: stable 1, valid 1, unique 0.5, novel 1
}

// all reads a whole sequence.
func all(t *testing.T, seq iter.Seq2[molecule.Molecule, error]) []molecule.Molecule {
	t.Helper()
	var out []molecule.Molecule
	for m, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func small(t *testing.T, name string) []molecule.Molecule {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, "sdf") {
		return all(t, molecule.ReadSDF(bytes.NewReader(b), name))
	}
	return all(t, molecule.ReadXYZ(bytes.NewReader(b), name))
}

// TestRoundTrip: what is written is read again, to the digits that were written,
// plain and gzipped.
func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"small.xyz", "small.sdf"} {
		want := small(t, name)
		var text bytes.Buffer
		read, write := molecule.ReadXYZ, molecule.WriteXYZ
		if name == "small.sdf" {
			read, write = molecule.ReadSDF, molecule.WriteSDF
			want[1].Charge = slices.Repeat([]int8{0}, want[1].Len())
			want[1].Charge[2] = -1
		}
		if err := write(&text, want...); err != nil {
			t.Fatal(err)
		}
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		z.Write(text.Bytes())
		z.Close()
		for _, file := range [][]byte{text.Bytes(), zipped.Bytes()} {
			got := all(t, read(bytes.NewReader(file), name))
			if len(got) != len(want) {
				t.Fatalf("%s: %d molecules, want %d", name, len(got), len(want))
			}
			for i, m := range got {
				w := want[i]
				if m.Title != w.Title || !slices.Equal(m.Elements, w.Elements) || !slices.Equal(m.X, w.X) || !slices.Equal(m.Bonds, w.Bonds) || !slices.Equal(m.Charge, w.Charge) {
					t.Errorf("%s: molecule %d is %+v, want %+v", name, i, m, w)
				}
			}
		}
	}
}

// TestSetIsCompact: a set gives back its molecules in float32.
func TestSetIsCompact(t *testing.T) {
	want := small(t, "small.xyz")
	set, err := molecule.Collect(func(yield func(molecule.Molecule, error) bool) {
		for _, m := range want {
			if !yield(m, nil) {
				return
			}
		}
	})
	if err != nil || set.Len() != len(want) {
		t.Fatal(set.Len(), err)
	}
	for i, w := range want {
		m := set.At(i)
		if !slices.Equal(m.Elements, w.Elements) || set.Size(i) != w.Len() {
			t.Errorf("molecule %d: %v, want %v", i, m.Elements, w.Elements)
		}
		for a := range m.X {
			for k := range 3 {
				if m.X[a][k] != float64(float32(w.X[a][k])) {
					t.Errorf("molecule %d, atom %d: %v, want %v", i, a, m.X[a], w.X[a])
				}
			}
		}
	}
	two := set.Select([]int{3, 0})
	if two.Len() != 2 || !slices.Equal(two.At(0).X, set.At(3).X) || !slices.Equal(two.At(1).Elements, set.At(0).Elements) {
		t.Errorf("selected %+v", two)
	}
	if !slices.Equal(set.Present(), []molecule.Element{molecule.H, molecule.C, molecule.N, molecule.O, molecule.S}) {
		t.Errorf("elements %v", set.Present())
	}
}

// TestFaults: every fault is one line that tells file, molecule, line and what is
// wrong.
func TestFaults(t *testing.T) {
	entry := "m\n\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\n    1.2000    0.0000    0.0000 O   0  0\n  1  2  2  0\nM  END\n$$$$\n"
	for _, c := range []struct{ name, text, want string }{
		{"a.xyz", "", "no molecule"},
		{"a.xyz", "x\n", `a.xyz: molecule 1, line 1: "x" is not a number of atoms`},
		{"a.xyz", "-2\n\n", `"-2" is not a number of atoms`},
		{"a.xyz", water + "2\n", "a.xyz: molecule 2: the file ends after line 6, where the comment should follow; it is truncated"},
		{"a.xyz", water + "2\n\nH 0 0 0\n", "molecule 2: the file ends after line 8, where atom 2 of 2"},
		{"a.xyz", "1\n\nQq 0 0 0\n", `line 3: "Qq" is not the symbol`},
		{"a.xyz", "1\n\nH 0 0\n", `line 3: "H 0 0" is not an atom`},
		{"a.xyz", "1\n\nH 0 zero 0\n", `line 3: y is "zero", not a coordinate`},
		{"a.xyz", "1\n\nH 0 0 nan\n", `z is "nan"`},
		{"a.xyz", "\x1f\x8bnothing", "a.xyz: gzip"},
		{"a.xyz", "1\n" + strings.Repeat("x", 2<<20), "line 2: the line is longer than a megabyte"},
		{"a.sdf", entry[:40], "a.sdf: molecule 1: the file ends after line 4, where atom 1 of 2 should follow; it is truncated"},
		{"a.sdf", entry[:strings.Index(entry, "  1  2  2")], "where bond 1 of 1 should follow"},
		{"a.sdf", entry[:strings.Index(entry, "M  END")], "where M  END should follow"},
		{"a.sdf", "title only\n", "where the line of the program should follow"},
		{"a.sdf", strings.Replace(entry, "V2000", "V3000", 1), "version V3000"},
		{"a.sdf", strings.Replace(entry, "  2  1", " xx  1", 1), "does not begin with the numbers of atoms"},
		{"a.sdf", strings.Replace(entry, " O  ", " Oo ", 1), `line 6: "Oo" in columns 32 to 34`},
		{"a.sdf", strings.Replace(entry, "    1.2000", "    1.2o00", 1), `line 6: x is "1.2o00"`},
		{"a.sdf", strings.Replace(entry, "  1  2  2", "  1  3  2", 1), "line 7: a bond joins atoms 1 and 3; the molecule has 2"},
		{"a.sdf", strings.Replace(entry, "  1  2  2", "  1  2  9", 1), "line 7: a bond is of kind 9"},
		{"a.sdf", strings.Replace(entry, "M  END", "M  CHG  1   7   1", 1), "line 8: \"M  CHG  1   7   1\" is not a list"},
		{"a.sdf", strings.Replace(entry, "M  END\n", "", 1), "line 8: the entry ends without M  END"},
	} {
		read := molecule.ReadXYZ
		if c.name == "a.sdf" {
			read = molecule.ReadSDF
		}
		_, err := molecule.Collect(read(strings.NewReader(c.text), c.name))
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(fmt.Sprint(err), c.want) || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
	big := molecule.Molecule{Elements: slices.Repeat([]molecule.Element{molecule.C}, 1000), X: make([][3]float64, 1000), Bonds: []molecule.Bond{}}
	if err := molecule.WriteSDF(&bytes.Buffer{}, big); err == nil || !strings.Contains(err.Error(), "write XYZ") {
		t.Errorf("1000 atoms: %v", err)
	}
}

// TestVariants: what other programs write.
func TestVariants(t *testing.T) {
	got := all(t, molecule.ReadXYZ(strings.NewReader("\n\n1\r\nc\r\n6 1.5*^-5 0 -2e0 0.13\r\n\n1\n\nCL 0 0 0\n"), "x"))
	if len(got) != 2 || got[0].Elements[0] != molecule.C || got[0].X[0] != [3]float64{1.5e-5, 0, -2} || got[1].Elements[0] != molecule.Cl {
		t.Errorf("%+v", got)
	}
	// A MOL file ends without $$$$; charges of the atoms' column count where no
	// property tells others; data items are passed over.
	mol := "ion\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 N   0  3  0\nM  END\n"
	for text, want := range map[string]int8{
		mol: 1,
		strings.Replace(mol, "M  END", "M  CHG  1   1  -2\nM  END", 1): -2,
		mol + "> <energy>\n-1.5\n\n$$$$\n":                             1,
	} {
		m := all(t, molecule.ReadSDF(strings.NewReader(text), "x"))
		if len(m) != 1 || len(m[0].Charge) != 1 || m[0].Charge[0] != want || m[0].Bonds != nil {
			t.Errorf("%q: %+v, want the charge %d", text, m, want)
		}
	}
}

// TestBonds: the bonds of molecules are those that chemistry has.
func TestBonds(t *testing.T) {
	for _, m := range small(t, "small.sdf")[:2] {
		got := molecule.Bonds(&m)
		want := slices.Clone(m.Bonds)
		order := func(a, b molecule.Bond) int { return 100*(a.J-b.J) + a.I - b.I }
		slices.SortFunc(want, order)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", m.Title, got, want)
		}
	}
	for _, c := range []struct {
		a, b     molecule.Element
		d        float64
		order    int
		from, to float64
	}{
		{molecule.C, molecule.C, 1.20, 3, 0, 1.229},
		{molecule.C, molecule.C, 1.34, 2, 1.231, 1.389},
		{molecule.C, molecule.C, 1.54, 1, 1.391, 1.639},
		{molecule.C, molecule.C, 1.7, 0, 1.641, 9},
		{molecule.H, molecule.C, 1.09, 1, 0, 1.189},
		{molecule.C, molecule.H, 1.3, 0, 1.191, 9},
		{molecule.O, molecule.C, 1.13, 3, 0, 1.159},
		{molecule.N, molecule.O, 1.21, 2, 0, 1.259},
		{molecule.S, molecule.O, 1.43, 2, 0, 1.479},
		{92, molecule.H, 1, 0, 0, 9},
	} {
		for _, d := range []float64{c.from, c.d, c.to} {
			if got := molecule.OrderAt(c.a, c.b, d); got != c.order {
				t.Errorf("%v and %v at %v: order %d, want %d", c.a, c.b, d, got, c.order)
			}
		}
	}
}

// TestJudgeSmall: the fixtures are stable but for a sulphone whose S=O are longer
// than the table has them, and a molecule pulled apart is not valid.
func TestJudgeSmall(t *testing.T) {
	ms := small(t, "small.xyz")
	q := molecule.Judge(ms, nil)
	if q.AtomStable < 0.98 || q.MolStable < 0.9 || q.Valid != 1 || q.Unique != 1 || q.Novel != 1 {
		t.Errorf("%+v", q)
	}
	known := molecule.Graphs{}
	known.Add(&ms[0])
	if q := molecule.Judge(append(ms[:2:2], ms[0]), known); q.Unique != 2.0/3 || q.Novel != 0.5 {
		t.Errorf("%+v", q)
	}
	far := ms[1]
	far.X = slices.Clone(far.X)
	far.X[far.Len()-1][0] += 10 // a hydrogen goes: two atoms lack a bond
	v := molecule.Check(&far, molecule.Bonds(&far))
	if v.Stable || v.Connected || v.Valid || v.StableAtoms != v.Atoms-2 {
		t.Errorf("%+v", v)
	}
	near := ms[0]
	near.X = slices.Clone(near.X)
	near.X[near.Len()-1] = [3]float64{near.X[0][0], near.X[0][1] + 0.5, near.X[0][2]}
	if v := molecule.Check(&near, molecule.Bonds(&near)); v.Valid {
		t.Errorf("%+v", v)
	}
	if q := molecule.Judge(nil, nil); q != (molecule.Quality{}) {
		t.Errorf("of none: %+v", q)
	}
}

// TestCharges: an ion is judged by the neighbour that has as many electrons.
func TestCharges(t *testing.T) {
	ammonium := molecule.Molecule{
		Elements: []molecule.Element{molecule.N, molecule.H, molecule.H, molecule.H, molecule.H}, X: make([][3]float64, 5),
		Charge: []int8{1, 0, 0, 0, 0},
	}
	bonds := []molecule.Bond{{0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {0, 4, 1}}
	if v := molecule.Check(&ammonium, bonds); !v.Stable || !v.Valid {
		t.Errorf("%+v", v)
	}
	ammonium.Charge = nil
	if v := molecule.Check(&ammonium, bonds); v.Stable || v.Valid {
		t.Errorf("uncharged: %+v", v)
	}
}

// TestCanonical: the text is the same for any order of the atoms, and differs
// where graphs do: also where refinement alone cannot tell them apart.
func TestCanonical(t *testing.T) {
	ring := func(n int, at []int) []molecule.Bond {
		var out []molecule.Bond
		for i := range n {
			a, b := at[i], at[(i+1)%n]
			out = append(out, molecule.Bond{I: min(a, b), J: max(a, b), Order: 1})
		}
		return out
	}
	carbon := func(n int) molecule.Molecule {
		return molecule.Molecule{Elements: slices.Repeat([]molecule.Element{molecule.C}, n), X: make([][3]float64, n)}
	}
	six := carbon(6)
	hexagon := ring(6, []int{0, 1, 2, 3, 4, 5})
	triangles := append(ring(3, []int{0, 1, 2}), ring(3, []int{3, 4, 5})...)
	prism := append(slices.Clone(triangles), molecule.Bond{I: 0, J: 3, Order: 1}, molecule.Bond{I: 1, J: 4, Order: 1}, molecule.Bond{I: 2, J: 5, Order: 1})
	var bipartite []molecule.Bond // all of 0, 1, 2 with all of 3, 4, 5
	for i := range 3 {
		for j := 3; j < 6; j++ {
			bipartite = append(bipartite, molecule.Bond{I: i, J: j, Order: 1})
		}
	}
	double := slices.Clone(hexagon)
	double[0].Order = 2
	texts := map[string]string{}
	for name, bonds := range map[string][]molecule.Bond{"hexagon": hexagon, "triangles": triangles, "prism": prism, "bipartite": bipartite, "double": double, "none": nil} {
		text := molecule.Canonical(&six, bonds)
		if other := texts[text]; other != "" {
			t.Errorf("%s and %s are both %q", name, other, text)
		}
		texts[text] = name
		for trial := range 20 {
			if again := molecule.Canonical(shuffled(six, bonds, trial)); again != text {
				t.Errorf("%s: %q in another order is %q", name, text, again)
			}
		}
	}
	// Twelve atoms of two neighbours each, of which not all can be swapped.
	twelve := carbon(12)
	mixed := append(append(ring(6, []int{0, 1, 2, 3, 4, 5}), ring(3, []int{6, 7, 8})...), ring(3, []int{9, 10, 11})...)
	for trial := range 4 {
		if text, again := molecule.Canonical(&twelve, mixed), molecule.Canonical(shuffled(twelve, mixed, trial)); again != text {
			t.Errorf("a hexagon and triangles: %q in another order is %q", text, again)
		}
	}
	for i, m := range small(t, "small.xyz") {
		bonds := molecule.Bonds(&m)
		text := molecule.Canonical(&m, bonds)
		for trial := range 5 {
			if again := molecule.Canonical(shuffled(m, bonds, trial)); again != text {
				t.Errorf("molecule %d: %q in another order is %q", i, text, again)
			}
		}
		if len(bonds) == 0 {
			continue
		}
		if other := molecule.Canonical(&m, bonds[1:]); other == text {
			t.Errorf("molecule %d without a bond is still %q", i, text)
		}
	}
}

// shuffled is a molecule with its atoms in another order, and its bonds.
func shuffled(m molecule.Molecule, bonds []molecule.Bond, trial int) (*molecule.Molecule, []molecule.Bond) {
	s := rng.New(uint64(trial)).Stream()
	to := make([]int32, m.Len())
	s.Perm(to)
	out := molecule.Molecule{Elements: make([]molecule.Element, m.Len()), X: make([][3]float64, m.Len())}
	for i, j := range to {
		out.Elements[j], out.X[j] = m.Elements[i], m.X[i]
	}
	var moved []molecule.Bond
	for _, b := range bonds {
		i, j := int(to[b.I]), int(to[b.J])
		moved = append(moved, molecule.Bond{I: min(i, j), J: max(i, j), Order: b.Order})
	}
	slices.Reverse(moved)
	return &out, moved
}

// TestLayout: a row gives back its molecule about its centre.
func TestLayout(t *testing.T) {
	ms := small(t, "small.xyz")
	set := &molecule.Set{}
	for _, m := range ms {
		set.Add(m)
	}
	l := set.Layout()
	rows := l.Rows(set)
	if rows.Dim() != l.Atoms*(len(l.Elements)+4) || rows.Len() != len(ms) {
		t.Fatalf("%d rows of %d", rows.Len(), rows.Dim())
	}
	for i, m := range ms {
		row := make([]float32, l.Dim())
		if err := l.Put(row, set, i); err != nil {
			t.Fatal(err)
		}
		wide := make([]float64, len(row))
		for j, v := range row {
			wide[j] = float64(v)
		}
		got := l.Take(wide)
		if !slices.Equal(got.Elements, m.Elements) {
			t.Errorf("molecule %d: %v, want %v", i, got.Elements, m.Elements)
		}
		var mean [3]float64
		for a := range got.X {
			for k := range 3 {
				mean[k] += got.X[a][k]
				if d := got.X[a][k] - got.X[0][k] - (m.X[a][k] - m.X[0][k]); math.Abs(d) > 1e-5 {
					t.Errorf("molecule %d, atom %d: off by %v", i, a, d)
				}
			}
		}
		for k := range 3 {
			if math.Abs(mean[k]) > 1e-4 {
				t.Errorf("molecule %d: centre %v", i, mean)
			}
		}
	}
	tight := molecule.Layout{Atoms: 3, Elements: l.Elements}
	if err := tight.Put(make([]float32, tight.Dim()), set, 1); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("no room: %v", err)
	}
	poor := molecule.Layout{Atoms: l.Atoms, Elements: []molecule.Element{molecule.H}}
	if err := poor.Put(make([]float32, poor.Dim()), set, 1); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("no carbon: %v", err)
	}
}

// TestNoise: formulas are drawn as they were given, with an atom for each element;
// places are centred with the variance that is left, and row i depends on its key
// alone.
func TestNoise(t *testing.T) {
	l := molecule.Layout{Atoms: 5, Elements: []molecule.Element{molecule.H, molecule.C}}
	noise, err := molecule.NewNoise(l, map[string]int{"H2": 1, "C2H2": 3})
	if err != nil {
		t.Fatal(err)
	}
	const n = 4000
	s := flow.NewSample(noise, n)
	if err := noise.DrawAt(s, rng.New(1), 0); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	square := map[string]float64{}
	wide := make([]float64, l.Dim())
	for i := range n {
		for j, v := range s.X.Row(i) {
			wide[j] = float64(v)
		}
		m := l.Take(wide)
		var mean, sq float64
		for a, p := range m.X {
			mean += p[0]
			sq += p[0] * p[0]
			if h := s.X.Row(i)[a*6+3 : a*6+5]; h[0]+h[1] != 1 || h[0]*h[1] != 0 {
				t.Fatalf("row %d: element %v", i, h)
			}
		}
		if math.Abs(mean) > 1e-5 {
			t.Fatalf("row %d: centre %v", i, mean)
		}
		count[m.Formula().String()]++
		square[m.Formula().String()] += sq
	}
	if c := count["C2H2"]; count["H2"]+c != n || math.Abs(float64(c)-0.75*n) > 4*math.Sqrt(0.75*0.25*n) {
		t.Errorf("formulas %v", count)
	}
	for text, size := range map[string]float64{"H2": 2, "C2H2": 4} {
		if got, want := square[text]/float64(count[text]), size-1; math.Abs(got-want) > 0.15*want {
			t.Errorf("%s: square %v, want %v", text, got, want)
		}
	}
	one := flow.NewSample(noise, 1)
	if err := noise.DrawAt(one, rng.New(1), 17); err != nil || !slices.Equal(one.X.Data, s.X.Row(17)) {
		t.Errorf("row 17 alone is another one: %v", err)
	}
	for _, formulas := range []map[string]int{nil, {"H2": 0}, {"H2": -1, "C": 2}, {"HO": 1}, {"H2C2": 1}, {"C2H2": math.MaxInt32, "H2": 1}} {
		if _, err := molecule.NewNoise(l, formulas); !errors.Is(err, flow.ErrConfig) {
			t.Errorf("formulas %v: %v", formulas, err)
		}
	}
	for _, text := range []string{"H2x", "C2H4", "C65536"} { // of five atoms at most
		if _, err := molecule.NewNoise(l, map[string]int{text: 1}); !errors.Is(err, flow.ErrFormat) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func ExampleParseFormula() {
	f, err := molecule.ParseFormula("CH3CH2OH")
	fmt.Println(f, len(f), err)
	// Output: C2H6O 9 <nil>
}

// TestSort: atoms come in the order of their elements, missing ones last.
func TestSort(t *testing.T) {
	l := molecule.Layout{Atoms: 4, Elements: []molecule.Element{molecule.H, molecule.C}}
	row := []float32{1, 0, 0, 0, 1, 1, 2, 0, 0, 1, 0, 1, 3, 0, 0, 0, 0, 0, 4, 0, 0, 1, 0, 1}
	l.Sort(row)
	want := []float32{2, 0, 0, 1, 0, 1, 4, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 3, 0, 0, 0, 0, 0}
	if !slices.Equal(row, want) {
		t.Errorf("%v, want %v", row, want)
	}
}

func TestFormula(t *testing.T) {
	for text, want := range map[string]string{
		"C2H6O": "C2H6O", "OH2": "H2O", "NH3": "H3N", "HCHC": "C2H2", "ClC2HCo": "C2HClCo", "O12": "O12", "C1": "C",
	} {
		f, err := molecule.ParseFormula(text)
		if err != nil || f.String() != want || !slices.IsSorted(f) {
			t.Errorf("%s: %v, %v, want %s", text, f, err, want)
		}
	}
	for _, text := range []string{"", "c2", "C0", "C-1", "C2 H6", "Xx", "2C", "C65537", "C99999999999999999999", "C65536H"} {
		if f, err := molecule.ParseFormula(text); !errors.Is(err, flow.ErrFormat) {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
}

// TestBroad: a rod across the page is seen along its length.
func TestBroad(t *testing.T) {
	m := molecule.Molecule{Elements: []molecule.Element{6, 6, 6}, X: [][3]float64{{0, 0, -3}, {0, 0.1, 0}, {0, 0, 3}}}
	seen := m.Seen(m.Broad())
	if math.Abs(math.Abs(seen[0][0]-seen[2][0])-6) > 1e-9 || math.Abs(seen[0][2]) > 1e-9 {
		t.Errorf("%v", seen)
	}
}

func FuzzParseFormula(f *testing.F) {
	for _, text := range []string{"C2H6O", "CoCO", "H02"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		formula, err := molecule.ParseFormula(text)
		if err != nil {
			return
		}
		again, err := molecule.ParseFormula(formula.String())
		if err != nil || !slices.Equal(again, formula) {
			t.Errorf("%q became %v, and that %v, %v", text, formula, again, err)
		}
	})
}

func FuzzReadXYZ(f *testing.F) {
	f.Add([]byte(water))
	f.Add([]byte("1\n\nH 1e9 0 0\n"))
	f.Fuzz(func(t *testing.T, b []byte) { fuzz(t, molecule.ReadXYZ, molecule.WriteXYZ, b) })
}

func FuzzReadSDF(f *testing.F) {
	b, err := os.ReadFile("testdata/small.sdf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\n\n\n  1  0\n    0.0000    0.0000    0.0000 N   0  3\nM  END\n"))
	f.Fuzz(func(t *testing.T, b []byte) { fuzz(t, molecule.ReadSDF, molecule.WriteSDF, b) })
}

// fuzz reads any bytes: they are refused by one line, or what they hold can be
// judged, and written and read again.
func fuzz(t *testing.T, read func(r io.Reader, name string) iter.Seq2[molecule.Molecule, error], write func(w io.Writer, m ...molecule.Molecule) error, b []byte) {
	for m, err := range read(bytes.NewReader(b), "fuzz") {
		if err != nil {
			if !errors.Is(err, flow.ErrFormat) {
				t.Fatalf("%v", err)
			}
			return
		}
		if m.Len() > 60 {
			continue
		}
		bonds := molecule.Bonds(&m)
		molecule.Check(&m, bonds)
		var text bytes.Buffer
		if err := write(&text, m); err != nil {
			continue // too far out for the format
		}
		again, err := molecule.Collect(read(&text, "again"))
		if err != nil || again.Len() != 1 || again.Size(0) != m.Len() {
			t.Fatalf("%+v: %v", m, err)
		}
	}
}
