package table_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

func jsonOf(v any) ([]byte, error) { return json.Marshal(v) }

// people is a table of every kind, n rows.
func people(n int) []byte {
	s := rng.New(7).Stream()
	var b strings.Builder
	b.WriteString("id,income,age,gain,town,size,smoker,born,country,remark\n")
	for i := range n {
		income := fmt.Sprintf("%.2f", math.Exp(10+0.8*s.NormFloat64()))
		if s.Float64() < 0.1 {
			income = "NA"
		}
		gain := "0"
		if s.Float64() < 0.2 {
			gain = fmt.Sprint(100 + s.IntN(5000))
		}
		town := []string{"Ulm", "Bonn", "Köln", "?"}[min(s.IntN(6), 3)]
		fmt.Fprintf(&b, "u-%05d,%s,%d,%s,%s,%s,%s,%s,DE,text no %d with words\n", s.IntN(1)+i*13%100000, income, 17+min(s.IntN(80), 73), gain, town,
			[]string{"small", "medium", "large"}[s.IntN(3)], []string{"yes", "no"}[s.IntN(2)], fmt.Sprintf("%d-%02d-%02d", 1930+s.IntN(70), 1+s.IntN(12), 1+s.IntN(28)), i)
	}
	return []byte(b.String())
}

func TestKindsOfPeople(t *testing.T) {
	s, x := must(t, "people.csv", people(3000))
	want := map[string]table.Kind{
		"id": table.Identifier, "income": table.Numeric, "age": table.Integer, "gain": table.Integer, "town": table.Category,
		"size": table.Ordered, "smoker": table.Boolean, "born": table.Date, "country": table.Constant, "remark": table.Text,
	}
	for j, c := range s.Columns {
		if c.Kind != want[c.Name] {
			t.Errorf("%s is %s, want %s", c.Name, c.Kind, want[c.Name])
		}
		gaps := 0
		for i := range x.N {
			if math.IsNaN(x.At(i, j)) {
				gaps++
			}
		}
		if share := float64(gaps) / float64(x.N); c.Kind != table.Identifier && c.Kind != table.Text && share != c.MissingShare {
			t.Errorf("%s: a missing share of %v, %v counted", c.Name, c.MissingShare, share)
		}
	}
	if c := s.Columns[5]; !slices.Equal(c.Levels, []string{"small", "medium", "large"}) {
		t.Errorf("sizes in the order %q", c.Levels)
	}
	if c := s.Columns[6]; !slices.Equal(c.Levels, []string{"no", "yes"}) {
		t.Errorf("a boolean %q", c.Levels)
	}
	if c := s.Columns[3]; len(c.Scale.Spikes) != 1 || c.Scale.Spikes[0] != 0 {
		t.Errorf("gain has the spikes %v, want 0", c.Scale.Spikes)
	}
	if c := s.Columns[0]; c.Pattern != "u-[0-9]{5}" {
		t.Errorf("the identifier's pattern is %q", c.Pattern)
	}
}

// All rows come back, spread or not: bit for bit where the unit is coarser than a
// float32 of the column's axis, within a millionth where incomes run to six
// digits and cents.
func TestRoundTripIsExact(t *testing.T) {
	s, x := must(t, "people.csv", people(3000))
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	z, y := tensor.New(x.N, tr.Dim()), tensor.NewOf[float64](x.N, x.D)
	for pass := range 2 {
		if pass == 0 {
			err = tr.Forward(z, x)
		} else {
			err = tr.ForwardSpread(z, x, rng.New(5), 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Inverse(y, z); err != nil {
			t.Fatal(err)
		}
		for i, v := range x.Data {
			w := y.Data[i]
			if name := s.Columns[i%x.D].Name; !same(v, w) && (name != "income" || math.Abs(v-w) > 1e-6*v) {
				t.Fatalf("pass %d: row %d, column %s: %v came back as %v", pass, i/x.D, s.Columns[i%x.D].Name, v, y.Data[i])
			}
		}
	}
}

// Spread values are standard normal on their axis: the Kolmogorov-Smirnov
// distance of 3000 rows is below its 0.1 % point, and so the network sees noise
// in each column by itself. The bound is that of independent rows.
func TestValuesAreNormal(t *testing.T) {
	s, x := must(t, "people.csv", people(3000))
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	z := tensor.New(x.N, tr.Dim())
	if err := tr.ForwardSpread(z, x, rng.New(5), 0); err != nil {
		t.Fatal(err)
	}
	for _, b := range tr.Blocks() {
		if b.Role != table.Value {
			continue
		}
		var v []float64
		for i := range z.N {
			v = append(v, float64(z.At(i, b.Offset)))
		}
		slices.Sort(v)
		worst := 0.0
		for i, u := range v {
			p := math.Erfc(-u/math.Sqrt2) / 2
			worst = max(worst, math.Abs(p-(float64(i)+0.5)/float64(len(v))))
		}
		if limit := 1.95 / math.Sqrt(float64(len(v))); worst > limit {
			t.Errorf("%s: a distance of %.4f from the normal, at most %.4f", s.Columns[b.Column].Name, worst, limit)
		}
	}
}

// A row's coordinates depend on its own key and on nothing else.
func TestRowsAreIndependent(t *testing.T) {
	s, x := must(t, "people.csv", people(300))
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	all, one := tensor.New(x.N, tr.Dim()), tensor.New(1, tr.Dim())
	if err := tr.ForwardSpread(all, x, rng.New(2), 10); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 17, 299} {
		if err := tr.ForwardSpread(one, x.Rows(i, i+1), rng.New(2), uint64(10+i)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one.Data, all.Row(i)) {
			t.Errorf("row %d alone differs", i)
		}
	}
}

// Any two options of a choice lie at the same distance, and each is read back, in
// one coordinate, on a simplex and in digits.
func TestChoices(t *testing.T) {
	for _, levels := range []int{2, 3, 5, 128, 129, 1000, 10000} {
		c := table.Column{Name: "c", Kind: table.Category}
		for k := range levels {
			c.Levels = append(c.Levels, fmt.Sprint("level ", k))
		}
		s := &table.Schema{Version: 1, Format: table.Format{Kind: "jsonl"}, Columns: []table.Column{c}}
		tr, err := table.NewTransform(s, table.DefaultEncoding())
		if err != nil {
			t.Fatal(err)
		}
		if levels > 128 && tr.Dim() > 3*int(math.Sqrt(float64(levels))) {
			t.Errorf("%d levels take %d coordinates", levels, tr.Dim())
		}
		x, y := tensor.NewOf[float64](levels, 1), tensor.NewOf[float64](levels, 1)
		for k := range levels {
			x.Data[k] = float64(k)
		}
		z := tensor.New(levels, tr.Dim())
		if err := tr.Forward(z, x); err != nil {
			t.Fatal(err)
		}
		if err := tr.Inverse(y, z); err != nil {
			t.Fatal(err)
		}
		for k := range levels {
			if y.Data[k] != x.Data[k] {
				t.Fatalf("%d levels: %d came back as %v", levels, k, y.Data[k])
			}
			d := 0.0
			for j, v := range z.Row(k) {
				d += math.Pow(float64(v-z.At(0, j)), 2)
			}
			want := tr.Encoding().Separation
			if d = math.Sqrt(d); k > 0 && d < want*(1-1e-6) || k > 0 && levels <= 128 && d > want*(1+1e-6) {
				t.Fatalf("%d levels: 0 and %d are %v apart, want %v", levels, k, d, want)
			}
		}
	}
}

// LogDet is the sum of the logarithms of the derivatives of the coordinates, by
// central differences inside the knots and in both tails.
func TestLogDet(t *testing.T) {
	lo, hi := -3.0, 40.0
	s := &table.Schema{Version: 1, Format: table.Format{Kind: "jsonl"}, Columns: []table.Column{
		{Name: "a", Kind: table.Numeric, Scale: &table.Scale{Knots: []float64{lo, 1, 5, hi}, Normal: []float64{-2, -0.5, 0.25, 2}}},
		{Name: "b", Kind: table.Numeric, MissingShare: 0.5, Scale: &table.Scale{Spikes: []float64{7}, Knots: []float64{0, 10}, Normal: []float64{-1, 1}}},
	}}
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	at := func(a float64) float64 {
		// Differences of float32 coordinates: wide steps on straight pieces.
		z := tensor.New(1, tr.Dim())
		if err := tr.Forward(z, tensor.Matrix[float64]{N: 1, D: 2, Data: []float64{a, math.NaN()}}); err != nil {
			t.Fatal(err)
		}
		return float64(z.Data[0])
	}
	for _, c := range []struct{ a, h float64 }{{0, 0.5}, {3, 0.5}, {20, 3}, {hi + 100, 0.5}, {lo - 50, 0.2}, {hi + 1e6, 3e3}} {
		want := math.Log((at(c.a+c.h) - at(c.a-c.h)) / (2 * c.h))
		var got [1]float64
		if err := tr.LogDet(got[:], tensor.Matrix[float64]{N: 1, D: 2, Data: []float64{c.a, 7}}); err != nil {
			t.Fatal(err)
		}
		if math.Abs(got[0]-want) > 2e-3 {
			t.Errorf("at %v: %v, by differences %v", c.a, got[0], want)
		}
	}
	// The tails are those of the documentation: z = end + asinh(distance/slope),
	// with the slope of the last half unit of z.
	slope := (hi - 5) / (2 - 0.25)
	if got, want := at(hi+100), 2+math.Asinh(100/slope); math.Abs(got-want) > 1e-6 {
		t.Errorf("the tail is at %v, want %v", got, want)
	}
}

// The transform as JSON maps to the same bits, and holds no outermost cell and
// no rare one of a quantity.
func TestFileHoldsNoCells(t *testing.T) {
	file := people(3000)
	s, x := must(t, "people.csv", file)
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	b, err := jsonOf(tr)
	if err != nil {
		t.Fatal(err)
	}
	back, err := table.DecodeTransform(b)
	if err != nil {
		t.Fatal(err)
	}
	z, w := tensor.New(x.N, tr.Dim()), tensor.New(x.N, tr.Dim())
	if err := errors.Join(tr.ForwardSpread(z, x, rng.New(1), 0), back.ForwardSpread(w, x, rng.New(1), 0)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(z.Data, w.Data) {
		t.Error("the transform that was read back differs")
	}
	for j, c := range s.Columns {
		if c.Scale == nil {
			continue
		}
		var v []float64
		for i := range x.N {
			if u := x.At(i, j); !math.IsNaN(u) && !slices.Contains(c.Scale.Spikes, u) {
				v = append(v, u)
			}
		}
		slices.Sort(v)
		// Between neighbouring knots, and beyond the last, are no fewer than 5
		// rows, or the cell of one value that 5 rows share.
		k := c.Scale.Knots
		if below, _ := slices.BinarySearch(v, k[0]); below < 5 && below > 0 {
			t.Errorf("%s: %d rows lie below the first knot", c.Name, below)
		}
		if above, _ := slices.BinarySearch(v, k[len(k)-1]); len(v)-above < 5 && above < len(v) {
			t.Errorf("%s: %d rows lie above the last knot", c.Name, len(v)-above)
		}
	}
	for _, cell := range []string{"text no", "u-00013"} {
		if strings.Contains(string(b), cell) {
			t.Errorf("the file holds %q", cell)
		}
	}
}

// Gaps to be filled are marked unknown, whether or not the column can be missing.
func TestObserved(t *testing.T) {
	s, x := must(t, "people.csv", people(300))
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	row := append([]float64(nil), x.Row(0)...)
	age, _ := s.Column("age")
	row[age] = math.NaN()
	one := tensor.Matrix[float64]{N: 1, D: len(row), Data: row}
	z, mask := tensor.New(1, tr.Dim()), tensor.New(1, tr.Dim())
	if err := tr.Forward(z, one); !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), `column "age"`) {
		t.Errorf("a cell that was never missing: %v", err)
	}
	if err := tr.ForwardObserved(z, mask, one); err != nil {
		t.Fatal(err)
	}
	for _, b := range tr.Blocks() {
		for _, m := range mask.Data[b.Offset : b.Offset+b.Width] {
			known := !math.IsNaN(row[b.Column])
			if b.Role == table.Value && slices.Contains(s.Columns[b.Column].Scale.Spikes, row[b.Column]) {
				known = false
			}
			if (m == 1) != known {
				t.Errorf("%s, %s: mask %v, known %v", s.Columns[b.Column].Name, b.Role, m, known)
			}
		}
	}
}

// Whatever the coordinates, the row can be written: levels exist, numbers are on
// their grid and within their bounds.
func TestInverseOfNoise(t *testing.T) {
	s, _ := must(t, "people.csv", people(3000))
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		t.Fatal(err)
	}
	const n = 2000
	z, y := tensor.New(n, tr.Dim()), tensor.NewOf[float64](n, len(s.Columns))
	noise := rng.New(3).Stream()
	noise.Normal(z.Data)
	for i := range z.Data {
		z.Data[i] *= 3
	}
	if err := tr.Inverse(y, z); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for j, c := range s.Columns {
			v := y.At(i, j)
			if math.IsNaN(v) {
				if c.MissingShare == 0 && c.Kind != table.Identifier && c.Kind != table.Text {
					t.Fatalf("%s is missing", c.Name)
				}
				continue
			}
			if c.Scale != nil && (c.Scale.Min != nil && v < *c.Scale.Min || c.Scale.Max != nil && v > *c.Scale.Max) {
				t.Fatalf("%s: %v is out of bounds", c.Name, v)
			}
			if c.Kind == table.Integer && v != math.Trunc(v) {
				t.Fatalf("%s: %v is not whole", c.Name, v)
			}
		}
	}
	// Writing and reading it again is the same table.
	src, err := table.Open("noise.csv", opener(written(t, s, y, s.Format)), table.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := table.Read(src, s)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range y.Data {
		if !same(v, x.Data[i]) {
			t.Fatalf("row %d, column %s: %v was written, %v read", i/y.D, s.Columns[i%y.D].Name, v, x.Data[i])
		}
	}
	z.Data[5] = float32(math.NaN())
	if err := tr.Inverse(y, z); !errors.Is(err, flow.ErrDiverged) {
		t.Errorf("NaN: %v", err)
	}
}

// Iris is a table of the package's neighbour: the quantiles are those of its
// file.
func TestIris(t *testing.T) {
	b, err := os.ReadFile("../embedded/iris.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	s, x := must(t, "iris.csv.gz", b)
	if x.N != 150 || s.Columns[4].Kind != table.Category || len(s.Columns[4].Levels) != 3 || s.Columns[0].Kind != table.Numeric {
		t.Errorf("%d rows, %+v", x.N, s.Columns)
	}
}
