package data_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/data"
	"laminar/data/npy"
	"laminar/flow"
	"laminar/rng"
)

func readCSV(text string, o data.Options) (*data.Table, error) {
	return data.ReadCSV(strings.NewReader(text), "t.csv", o)
}

func TestReadCSV(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, "a,b\n1,2\n3,4\n")
	z.Close()
	cases := []struct {
		name, text string
		o          data.Options
		columns    string
		x          []float64
	}{
		{"header", "a,b\n1,2\n3,4\n", data.Options{}, "a b", []float64{1, 2, 3, 4}},
		{"no header", "1,2\n3,4\n", data.Options{}, "x1 x2", []float64{1, 2, 3, 4}},
		{"semicolons, CRLF", "a;b\r\n1;2\r\n3;4\r\n", data.Options{}, "a b", []float64{1, 2, 3, 4}},
		{"tabs", "a, m\tb\n1\t2\n3\t4", data.Options{}, "a, m b", []float64{1, 2, 3, 4}},
		{"byte order mark, blank lines, spaces", "\ufeff\na , b\n\n 1, 2 \n3,4\n\n", data.Options{}, "a b", []float64{1, 2, 3, 4}},
		{"quotes", "\"a,1\",\"b\"\"c\"\n\"1\",2\n3,4\n", data.Options{}, "a,1 b\"c", []float64{1, 2, 3, 4}},
		{"gzip", zipped.String(), data.Options{}, "a b", []float64{1, 2, 3, 4}},
		{"comments", "# a; b\n\n# c\na,b\n1,2\n#\n3,4\n", data.Options{}, "a b", []float64{1, 2, 3, 4}},
		{"one column", "a\n1\n2\n", data.Options{}, "a", []float64{1, 2}},
		{"exponents", "a\n1e-3\n-2.5E+2\n", data.Options{}, "a", []float64{1e-3, -250}},
		{"unnamed column", ",b\n0,2\n1,4\n", data.Options{}, "x1 b", []float64{0, 2, 1, 4}},
		{"drop label", "a,k,b\n1,u,2\n3,v,4\n", data.Options{Label: "k", DropLabel: true}, "a b", []float64{1, 2, 3, 4}},
		{"conditions", "a,c,b\n1,9,2\n3,8,4\n", data.Options{Conditions: []string{"c"}}, "a b", []float64{1, 2, 3, 4}},
		{"label in a first row without header", "1,2,u\n3,4,v\n", data.Options{Label: "3"}, "x1 x2", []float64{1, 2, 3, 4}},
	}
	for _, c := range cases {
		got, err := readCSV(c.text, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if strings.Join(got.Columns, " ") != c.columns || !slices.Equal(got.X.Data, c.x) {
			t.Errorf("%s: got %q %v", c.name, got.Columns, got.X.Data)
		}
		if err := got.X.Check("x", -1, len(got.Columns)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestLabelsAndConditions(t *testing.T) {
	got, err := readCSV("kind,a,w\n10,1,5\n9,2,6\nx,3,7\n,4,8\n9,5,9\n", data.Options{Label: "kind", Conditions: []string{"w"}})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%v %v %v %v %v", got.Label, got.Classes, got.Class, got.Conditions, got.Real.Data) != "kind [9 10 x] [1 0 2 -1 0] [w] [5 6 7 8 9]" {
		t.Errorf("got %v %v %v %v %v", got.Label, got.Classes, got.Class, got.Conditions, got.Real.Data)
	}
	if len(got.Notes) != 1 || got.Notes[0] != "1 rows have no label and train the unconditional flow only" {
		t.Errorf("notes %q", got.Notes)
	}
	d, err := got.Dataset(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := d.CondSpec(); s.Classes != 3 || s.Real != 1 || d.Cond().Class[3] != flow.NoClass {
		t.Errorf("the data set asks for %+v", s)
	}
}

func TestNotesTellConstantColumns(t *testing.T) {
	got, err := readCSV("a,b,c\n1,2,7\n1,3,7\n", data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"2 columns are constant (a, c); samples will hold the same values"}; !slices.Equal(got.Notes, want) {
		t.Errorf("notes %q, want %q", got.Notes, want)
	}
}

func TestTenThousandColumns(t *testing.T) {
	row := strings.Repeat("1.5,", 9999) + "2\n"
	got, err := readCSV(row+row+row, data.Options{})
	if err != nil || got.X.N != 3 || got.X.D != 10000 || got.X.At(2, 9999) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestBadCSV(t *testing.T) {
	const missing = "missing values are not supported by points yet: fill the cell or remove the row"
	cases := []struct {
		name, text string
		o          data.Options
		want       string // after "bad format: t.csv: " or "invalid setting: t.csv: "
	}{
		{"empty", "", data.Options{}, "the file is empty"},
		{"blank lines", "\n\n\n", data.Options{}, "the file is empty"},
		{"header only", "a,b\n", data.Options{}, "line 1 is a header and no rows follow; at least 2 needed"},
		{"no row, though 1 is enough", "a,b\n", data.Options{Least: 1}, "no rows follow; at least 1 needed"},
		{"one row", "a,b\n1,2\n", data.Options{}, "1 row of data; at least 2 needed"},
		{"ragged, short", "a,b\n1,2\n\n3\n", data.Options{}, "line 4 has 1 values where line 1 has 2; every row needs as many"},
		{"ragged, long", "1,2\n3,4,5\n", data.Options{}, "line 2 has 3 values where line 1 has 2; every row needs as many"},
		{"text", "a,b\n1,2\n3,red\n", data.Options{}, `line 3, column "b": "red" is not a number; leave the column out of the file, or name it as the label if it holds classes`},
		{"text in line 1", "1,red\n2,blue\n", data.Options{}, `line 1, column "x2": "red" is not a number; leave the column out of the file, or name it as the label if it holds classes; if line 1 is a header, none of its names may be a number`},
		{"spaces between", "1 2\n3 4\n", data.Options{}, `line 2, column "1 2": "3 4" is not a number; columns are separated by comma, semicolon or tab`},
		{"spaces in a row", "a\n1 2\n", data.Options{}, `line 2, column "a": "1 2" is not a number; columns are separated by comma, semicolon or tab`},
		{"decimal comma", "a;b\n1,5;2\n2;3\n", data.Options{}, `line 2, column "a": "1,5" has a decimal comma; write a point`},
		{"NaN", "a,b\n1,2\n3,NaN\n", data.Options{}, `line 3, column "b": NaN; ` + missing},
		{"Inf", "a,b\n1,2\n-Inf,4\n", data.Options{}, `line 3, column "a": infinite; every value must be a finite number`},
		{"overflow", "a\n1e999\n2\n", data.Options{}, `line 2, column "a": 1e999 is out of the range of float64; rescale the column`},
		{"empty cell", "a,b\n1,2\n3,\n", data.Options{}, `line 3, column "b": the cell is empty; ` + missing},
		{"NA", "a,b\n1,2\nNA,2\n", data.Options{}, `line 3, column "a": "NA" is a missing value; ` + missing},
		{"bare quote", "a,b\n1,2\n3,4\"5\n", data.Options{}, "line 3: bare \" in non-quoted-field; quotes must open and close a whole cell"},
		{"open quote", "a,b\n1,2\n\"3,4\n5,6\n", data.Options{}, "quotes must open and close a whole cell"},
		{"binary", "a\x00b\n", data.Options{}, "not a text file; CSV is wanted"},
		{"UTF-16", "\xff\xfea\x00", data.Options{}, "the text is UTF-16; save it as UTF-8"},
		{"unknown label", "a,b\n1,2\n3,4\n", data.Options{Label: "kind"}, `no column is called "kind"; the columns are a, b`},
		{"label twice", "a,a\n1,2\n3,4\n", data.Options{Label: "a"}, `more than one column is called "a"; give its number instead`},
		{"column twice", "a,b\n1,2\n3,4\n", data.Options{Label: "a", Conditions: []string{"a"}}, `column "a" is asked for twice`},
		{"no points left", "a\n1\n3\n", data.Options{Label: "a"}, "no column is left for the points"},
		{"nothing to drop", "a\n1\n3\n", data.Options{DropLabel: true}, "there is no label to drop; name its column"},
		{"empty labels", "a,k\n1,\n3,\n", data.Options{Label: "k"}, `label column "k" is empty`},
		{"too large", "a,b\n1,2\n3,4\n5,6\n", data.Options{MaxBytes: 32}, "line 4: the numbers so far take 32 bytes of memory, the limit; thin the file out, or raise the limit"},
		{"cut gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", data.Options{}, "unexpected EOF"},
	}
	for _, c := range cases {
		_, err := readCSV(c.text, c.o)
		if !errors.Is(err, flow.ErrFormat) && !errors.Is(err, flow.ErrConfig) {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		if !strings.Contains(err.Error(), "t.csv: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
}

// endless yields the same line for ever.
type endless struct {
	line string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := copy(p[n:], e.line[e.read%len(e.line):])
		e.read += k
		n += k
	}
	return n, nil
}

func TestEndlessInputIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"rows":       {"1,2\n", "of memory, the limit"},
		"open quote": {"\"1,2\n", "is a quote left open?"},
		"one line":   {"1234567890", "longer than 16 MiB"},
	} {
		src := &endless{line: c.line}
		if name == "open quote" {
			src.line = strings.Repeat("12345678\n", 1000)
			src.line = "\"" + src.line
		}
		_, err := data.ReadCSV(src, "t.csv", data.Options{MaxBytes: 1 << 16})
		if !errors.Is(err, flow.ErrFormat) {
			t.Errorf("%s: got %v", name, err)
		}
		if src.read > 40<<20 {
			t.Errorf("%s: %d bytes were read", name, src.read)
		}
	}
}

func TestTableRoundTrips(t *testing.T) {
	want, err := readCSV("a,\"b,1\",w,k\n0.1,-1e300,1,v\n0.30000000000000004,5e-324,2,u\n", data.Options{Label: "k", Conditions: []string{"w"}})
	if err != nil {
		t.Fatal(err)
	}
	var csv, jsonl, np bytes.Buffer
	if err := errors.Join(want.WriteCSV(&csv), want.WriteJSONL(&jsonl), want.WriteNPY(&np)); err != nil {
		t.Fatal(err)
	}
	got, err := readCSV(csv.String(), data.Options{Label: "k", Conditions: []string{"w"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.X.Data, want.X.Data) || !slices.Equal(got.Class, want.Class) || !slices.Equal(got.Columns, want.Columns) || !slices.Equal(got.Real.Data, want.Real.Data) {
		t.Errorf("came back as %+v", got)
	}
	if want := `{"a":0.1,"b,1":-1e+300,"w":1,"k":"v"}` + "\n" + `{"a":0.30000000000000004,"b,1":5e-324,"w":2,"k":"u"}` + "\n"; jsonl.String() != want {
		t.Errorf("JSON lines:\n%s", &jsonl)
	}
	a, err := data.ReadNPY(&np, "t.npy", data.Options{Label: "4"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{0.1, -1e300, 1, 0.30000000000000004, 5e-324, 2}; !slices.Equal(a.X.Data, want) || !slices.Equal(a.Class, []int32{1, 0}) {
		t.Errorf("NPY: %v %v", a.X.Data, a.Class)
	}
	want.X.Data[0] = math.Inf(1)
	jsonl.Reset()
	if err := want.WriteJSONL(&jsonl); err != nil || !strings.HasPrefix(jsonl.String(), `{"a":null,`) {
		t.Errorf("infinity: %v %s", err, &jsonl)
	}
	want.Class[0] = 7
	if err := want.WriteCSV(&csv); !errors.Is(err, flow.ErrConfig) {
		t.Errorf("class out of range: %v", err)
	}
}

func TestTableSplit(t *testing.T) {
	tab, err := data.NamedTable("iris")
	if err != nil {
		t.Fatal(err)
	}
	train, held, err := tab.Split(0.2, rng.New(2))
	if err != nil {
		t.Fatal(err)
	}
	if train.X.N != 120 || held.X.N != 30 || len(held.Class) != 30 {
		t.Errorf("%d and %d rows", train.X.N, held.X.N)
	}
}

func npz(t *testing.T, arrays map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range arrays {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func array(t *testing.T, shape []int, v ...float64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := npy.Write(&b, shape, v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadNPY(t *testing.T) {
	for name, c := range map[string]struct {
		shape []int
		n, d  int
	}{"flat": {[]int{4}, 4, 1}, "matrix": {[]int{2, 2}, 2, 2}, "images": {[]int{2, 1, 2}, 2, 2}} {
		got, err := data.ReadNPY(bytes.NewReader(array(t, c.shape, 1, 2, 3, 4)), "t.npy", data.Options{})
		if err != nil || got.X.N != c.n || got.X.D != c.d || !slices.Equal(got.X.Data, []float64{1, 2, 3, 4}) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	for want, b := range map[string][]byte{
		`row 2, column "x1": NaN; missing`:            array(t, []int{2, 1}, 1, math.NaN()),
		`row 1, column "x1": infinite`:                array(t, []int{2, 1}, math.Inf(1), 1),
		"a single number":                             array(t, nil, 1),
		"the array is empty":                          array(t, []int{0, 3}),
		"1 row of data; at least 2 needed":            array(t, []int{1, 3}, 1, 2, 3),
		"cut short or its header lies":                array(t, []int{2, 2}, 1, 2, 3, 4)[:150],
		"not an NPY file":                             []byte("a,b\n1,2\n"),
		"not an NPY file: it does not begin with \\x": {},
	} {
		_, err := data.ReadNPY(bytes.NewReader(b), "t.npy", data.Options{})
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(strings.TrimPrefix(err.Error(), "bad format: "), "t.npy: ") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestReadNPZ(t *testing.T) {
	x := array(t, []int{3, 2}, 1, 2, 3, 4, 5, 6)
	y := array(t, []int{3}, 7, 5, 7)
	for _, c := range []struct {
		name   string
		arrays map[string][]byte
		o      data.Options
		want   string // notes or error
	}{
		{"the only one", map[string][]byte{"points.npy": x}, data.Options{}, ""},
		{"beside y", map[string][]byte{"points.npy": x, "y.npy": y}, data.Options{}, `array "y" is not used`},
		{"label", map[string][]byte{"x.npy": x, "y.npy": y}, data.Options{Label: "y"}, ""},
		{"x among others", map[string][]byte{"x.npy": x, "z.npy": y}, data.Options{}, `array "z" is not used`},
		{"named", map[string][]byte{"a.npy": x, "b.npy": y}, data.Options{Array: "a", Label: "b"}, ""},
		{"ambiguous", map[string][]byte{"a.npy": x, "b.npy": y}, data.Options{}, "which array holds the points? The archive has a, b"},
		{"unknown", map[string][]byte{"a.npy": x}, data.Options{Array: "q"}, `no array is called "q"; the archive holds a`},
		{"nothing", map[string][]byte{"a.txt": x}, data.Options{}, "holds no array of points"},
		{"labels of another length", map[string][]byte{"x.npy": x, "y.npy": x}, data.Options{Label: "y"}, `array "y" has 6 labels for 3 rows`},
		{"not a number", map[string][]byte{"x.npy": []byte("hello")}, data.Options{}, "t.npz: array \"x\""},
	} {
		b := npz(t, c.arrays)
		got, err := data.ReadNPZ(bytes.NewReader(b), int64(len(b)), "t.npz", c.o)
		text := fmt.Sprint(err)
		if err == nil {
			text = strings.Join(got.Notes, "; ")
			if !slices.Equal(got.X.Data, []float64{1, 2, 3, 4, 5, 6}) {
				t.Errorf("%s: %v", c.name, got.X)
			}
			if c.o.Label != "" && fmt.Sprint(got.Classes, got.Class) != "[5 7] [1 0 1]" {
				t.Errorf("%s: %v %v", c.name, got.Classes, got.Class)
			}
		} else if !errors.Is(err, flow.ErrConfig) && !errors.Is(err, flow.ErrFormat) {
			t.Errorf("%s: %v", c.name, err)
		}
		if (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, text, c.want)
		}
	}
	if _, err := data.ReadNPZ(strings.NewReader("no zip"), 6, "t.npz", data.Options{}); !errors.Is(err, flow.ErrFormat) {
		t.Errorf("not a zip: %v", err)
	}
}

// check is what holds of every table that a reader accepts.
func check(t *testing.T, tab *data.Table) {
	t.Helper()
	if tab.X.N < 2 || tab.X.D < 1 || tab.X.Check("x", -1, len(tab.Columns)) != nil {
		t.Fatalf("accepted %dx%d", tab.X.N, tab.X.D)
	}
	for _, v := range tab.X.Data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("accepted %v", v)
		}
	}
	var b bytes.Buffer
	if err := tab.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
}

func failed(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, flow.ErrFormat) && !errors.Is(err, flow.ErrConfig) {
		t.Fatalf("an error of no kind: %v", err)
	}
	return err != nil
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n3,4\n"), "")
	f.Add([]byte("\ufeffa;k\n1;u\n3;v\n"), "k")
	f.Add([]byte("\"a\"\t\"\n\"\n1\t2\n"), "1")
	f.Fuzz(func(t *testing.T, b []byte, label string) {
		tab, err := data.ReadCSV(bytes.NewReader(b), "f", data.Options{Label: label, MaxBytes: 1 << 20})
		if !failed(t, err) {
			check(t, tab)
		}
	})
}

func FuzzReadNPZ(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create("x.npy")
	_ = npy.Write(w, []int{2, 2}, []float64{1, 2, 3, 4})
	z.Close()
	f.Add(b.Bytes(), "y")
	f.Fuzz(func(t *testing.T, b []byte, label string) {
		tab, err := data.ReadNPZ(bytes.NewReader(b), int64(len(b)), "f", data.Options{Label: label, MaxBytes: 1 << 20})
		if !failed(t, err) {
			check(t, tab)
		}
	})
}

func FuzzDecodeTransform(f *testing.F) {
	f.Add([]byte(`{"kind":"standardise","mean":[1,2],"std":[0,3]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if tr, err := data.DecodeTransform(b); !failed(t, err) {
			if _, err := tr.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkReadCSV(b *testing.B) {
	var text []byte
	for i := range 100000 {
		text = fmt.Appendf(text, "%v,%v,%v\n", float64(i)*0.1234567, 1/float64(i+1), i)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := data.ReadCSV(bytes.NewReader(text), "b", data.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
