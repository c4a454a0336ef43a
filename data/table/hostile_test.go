package table_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf16"

	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

func utf16le(s string, mark bool) []byte {
	var b []byte
	if mark {
		b = []byte{0xff, 0xfe}
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

func repeated(header string, n int, row func(i int) string) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := range n {
		b.WriteString(row(i) + "\n")
	}
	return b.String()
}

// Every hostile table either works, through transform and back, or gives one line
// that names the place.
func TestHostileTables(t *testing.T) {
	wide := func(i int) string {
		cells := make([]string, 2000)
		for j := range cells {
			cells[j] = fmt.Sprint((i*7+j)%13, ".", j%10)
		}
		return strings.Join(cells, ",")
	}
	names := make([]string, 2000)
	for j := range names {
		names[j] = fmt.Sprint("c", j)
	}
	for _, c := range []struct {
		name, file string
		fails      string                     // part of the message, "" if it works
		kinds      string                     // of the first columns
		check      func(*table.Schema) string // "" if well
		within     float64                    // what one float32 of the column cannot tell apart
	}{
		{name: "one row", file: "a,b\n1,x\n", kinds: "constant constant"},
		{name: "one row, no header", file: "1,2.5\n", kinds: "constant constant"},
		{name: "one column", file: "a\n1.5\n2.5\n4\n", kinds: "number"},
		{name: "all constant", file: "a,b\n1,x\n1,x\n1,x\n", kinds: "constant constant"},
		{name: "a column all missing", file: "a,b\n1.5,\n2.5,NA\n3,?\n", kinds: "number constant"},
		{name: "one cell known", file: "a,b\n1.5,\n2.5,\n3,7.5\n", kinds: "number constant"},
		{name: "10,000 categories", file: repeated("name,x", 30000, func(i int) string { return fmt.Sprintf("n%d,%d.5", i*7919%10000, i%50) }), kinds: "category number"},
		{name: "2,000 columns", file: repeated(strings.Join(names, ","), 12, wide), kinds: "integer number"},
		{name: "mixed types", file: repeated("a,b", 100, func(i int) string {
			if i == 40 {
				return "n/d,1.5"
			}
			return fmt.Sprint(i%7, ",", i, ".5")
		}), kinds: "category number", check: func(s *table.Schema) string {
			if n := strings.Join(s.Columns[0].Notes, ""); !strings.Contains(n, `row 41 holds "n/d"`) {
				return "the note says " + n
			}
			return ""
		}},
		{name: "duplicate header", file: "x,x,,x_2\n1.5,2.5,a,3.5\n2,3,b,4\n", kinds: "number number category number", check: func(s *table.Schema) string {
			if s.Columns[1].Name == "x" || s.Columns[1].Name == "x_2" || *s.Columns[1].Header != "x" || s.Columns[2].Name != "column3" {
				return fmt.Sprintf("%+v", s.Columns)
			}
			return ""
		}},
		{name: "quotes and newlines", file: "a,b\n\"say \"\"hi\"\"\nthere\",1.5\n\"x, y\",2.5\n\"say \"\"hi\"\"\nthere\",3\n", kinds: "category number", check: func(s *table.Schema) string {
			if s.Columns[0].Levels[0] != "say \"hi\"\nthere" {
				return s.Columns[0].Levels[0]
			}
			return ""
		}},
		{name: "UTF-16 with a mark", file: string(utf16le("a;b\nä;1,5\nß😀;2,5\nä;3,5\n", true)), kinds: "category number", check: func(s *table.Schema) string {
			if s.Format.Encoding != table.UTF16LE || s.Columns[0].Levels[1] != "ß😀" || !s.Columns[1].Number.Comma {
				return fmt.Sprintf("%+v", s)
			}
			return ""
		}},
		{name: "UTF-16 without a mark", file: string(utf16le("a,b\nx,1.5\ny,2.5\n", false)), kinds: "category number"},
		{name: "Windows-1252", file: "caf\xe9,x\n\x80 5,1.5\n\x80 7,2.5\n", kinds: "integer number", check: func(s *table.Schema) string {
			if s.Columns[0].Name != "café" || s.Columns[0].Number.Prefix != "€ " {
				return fmt.Sprintf("%+v", s.Columns[0])
			}
			return ""
		}},
		{name: "dates", file: "d,x\n2024-02-29,1.5\n2023-12-31,2.5\n,3\n", kinds: "date number"},
		{name: "no such date", file: "d,x\n2024-02-30,1.5\n2023-12-31,2.5\n", kinds: "category number"},
		{name: "int64 extremes", file: "a,x\n-9223372036854775808,1.5\n9223372036854775807,2.5\n0,4\n", kinds: "integer number"},
		{name: "thousands", file: "a,x\n\"1,234\",1.5\n\"12,345,678\",2.5\n-56,4\n", kinds: "integer number", check: func(s *table.Schema) string {
			if s.Columns[0].Number.Thousands != "," {
				return fmt.Sprintf("%+v", s.Columns[0].Number)
			}
			return ""
		}},
		{name: "huge and tiny", file: "a,x\n1e300,1.5\n-2e-300,2.5\n1e300,4\n1e300,5\n", kinds: "number number", within: 1e294},
		{name: "an outlier", file: repeated("a,x", 200, func(i int) string { return fmt.Sprint(i%40, ",", i, ".25") }) + "1000000000000,1.5\n", kinds: "integer number"},
		{name: "carriage returns", file: "a,b\r\n1.5,x\r\n2.5,y\r\n", kinds: "number category"},
		{name: "blank lines", file: "\n\na,b\n\n1.5,x\n\n2.5,y\n\n", kinds: "number category"},
		{name: "a comment above", file: "# made by hand\na,b\n1.5,x\n2.5,y\n", kinds: "number category"},
		{name: "a header with a #", file: "#id,b\n1.5,x\n2.5,y\n", kinds: "number category"},
		{name: "infinite", file: "a,b\ninf,1.5\n2.5,3\n", kinds: "category number"},

		{name: "empty", file: "", fails: "empty"},
		{name: "blank", file: " \n\n", fails: "empty"},
		{name: "a mark of UTF-8 above other bytes", file: "\xef\xbb\xbfa,b\n\xe9,1\n", fails: "is not valid as such"},
		{name: "a header alone", file: "a,b\n", kinds: "constant constant"}, // one row of words
		{name: "ragged", file: "a,b\n1,2\n3\n4,5\n", fails: "line 3 has 1 cells where the first row has 2"},
		{name: "an open quote", file: "a,b\n1,\"2\n3,4\n", fails: "line 2: a quote is opened in cell 2 and never closed"},
		{name: "text behind a quote", file: "a,b\n\"1\"2,3\n", fails: "line 2: text follows the closing quote of cell 1"},
		{name: "binary", file: "a,b\n\x00\x01\x02\x03\x00,1\n", fails: "not a text file"},
		{name: "cut gzip", file: string(zipped([]byte(strings.Repeat("1,2\n", 1000)))[:30]), fails: "cut short or damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, s, err := understood("t.csv", []byte(c.file))
			if c.fails != "" {
				if err == nil || !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), c.fails) || !strings.Contains(err.Error(), "t.csv") || strings.Contains(err.Error(), "\n") {
					t.Fatalf("got %v, want one line about %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for j, want := range strings.Fields(c.kinds) {
				if got := string(s.Columns[j].Kind); got != want {
					t.Errorf("column %d is %s, want %s", j+1, got, want)
				}
			}
			if c.check != nil {
				if fault := c.check(s); fault != "" {
					t.Error(fault)
				}
			}
			throughTransform(t, src, s, c.within)
		})
	}
}

// throughTransform takes all rows forward and back: what a float32 tells apart
// comes back.
func throughTransform(t *testing.T, src table.Source, s *table.Schema, within float64) {
	t.Helper()
	x, err := table.Read(src, s)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if errors.Is(err, flow.ErrConfig) && strings.Contains(err.Error(), "nothing to learn") {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	z, y := tensor.New(x.N, tr.Dim()), tensor.NewOf[float64](x.N, x.D)
	for _, spread := range []bool{false, true} {
		if spread {
			err = tr.ForwardSpread(z, x, rng.New(1), 0)
		} else {
			err = tr.Forward(z, x)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range z.Data {
			if math.Abs(float64(v)) > 1000 || v != v {
				t.Fatalf("a coordinate of %v", v)
			}
		}
		if err := tr.Inverse(y, z); err != nil {
			t.Fatal(err)
		}
		for i, v := range x.Data {
			if w := y.Data[i]; !same(v, w) && math.Abs(v-w) > max(1e-4*math.Abs(v), within) {
				t.Errorf("row %d, column %d: %v came back as %v", i/x.D+1, i%x.D+1, v, w)
			}
		}
	}
}

// A cell that the schema does not know, in a file read later.
func TestUnseenCells(t *testing.T) {
	s, _ := must(t, "t.csv", []byte("a,b,d\nx,1,2024-01-01\ny,2.5,2024-01-02\nx,3,2024-01-03\n"))
	for file, want := range map[string]string{
		"a,b,d\nz,1,2024-01-01\n":       `new.csv: row 1 (line 2), column "a": "z" is none of its 2 levels, "x", "y"`,
		"a,b,d\nx,one,2024-01-01\n":     `column "b": "one" is not a number`,
		"a,b,d\nx,1,1.1.2024\n":         `column "d": "1.1.2024" is not a date written like 2006-01-02`,
		"a,c,d\nx,1,2024-01-01\n":       `column 2 is "c" where the schema has "b"`,
		"a,b\nx,1\n":                    `has 2 columns where the schema has 3`,
		"a,b,d,e\nx,1,2024-01-01,1.5\n": `column 4, "e", is not in the schema`,
	} {
		src, err := table.Open("new.csv", opener([]byte(file)), table.ReadOptions{Header: "yes"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = table.Read(src, s)
		if !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", file, err, want)
		}
	}
	if _, err := s.Level(0, "z"); !errors.Is(err, flow.ErrConfig) || !strings.Contains(err.Error(), `its levels are "x", "y"`) {
		t.Error(err)
	}
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,b\n1,x\n2,y\n", "a;b\n\"1,5\";'x'\n", "1\t2\n?\t3\n", "\ufeffx\n2024-01-01\n", "\xff\xfea\x00,\x00b\x00\n\x00", "# c\n1,234;5\n\"\"\"\n", "a\n$1,000.50\n5 %\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) { fuzz(t, "x.csv", b) })
}

func FuzzARFF(f *testing.F) {
	for _, seed := range []string{"@relation r\n@attribute 'a b' {x,'y z',?}\n@attribute n numeric\n@data\nx,1\n'y z',?\n{1 5}\n", "% c\n@attribute d date 'yyyy-MM-dd'\n@data\n'2024-01-01'\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) { fuzz(t, "x.arff", b) })
}

func FuzzJSONL(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":"x"}` + "\n" + `{"a":null,"c":[1,2]}`, `{"a":true}` + "\n" + `{"a":1e-7}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) { fuzz(t, "x.jsonl", b) })
}

// fuzz: no panic; an error is of a known kind; what is understood can be
// transformed, and written and read again as the same table.
func fuzz(t *testing.T, name string, b []byte) {
	src, s, err := understood(name, b)
	if err != nil {
		if !errors.Is(err, flow.ErrFormat) && !errors.Is(err, flow.ErrConfig) {
			t.Fatalf("an error of no kind: %v", err)
		}
		return
	}
	if err := s.Validate(); err != nil {
		t.Fatalf("the schema that was inferred is not valid: %v", err)
	}
	x, err := table.Read(src, s)
	if err != nil {
		t.Fatalf("a table that was understood is not read: %v", err)
	}
	tr, err := table.NewTransform(s, table.DefaultEncoding())
	if err != nil {
		return
	}
	z, y := tensor.New(x.N, tr.Dim()), tensor.NewOf[float64](x.N, x.D)
	if err := tr.ForwardSpread(z, x, rng.New(1), 0); err != nil {
		t.Fatal(err)
	}
	if err := tr.Inverse(y, z); err != nil {
		t.Fatal(err)
	}
	written(t, s, y, s.Format)
}

func FuzzSchema(f *testing.F) {
	s, _, err := fuzzSeed()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s)
	f.Add([]byte(`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"date","layout":"2006"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := table.Decode(b)
		if err != nil {
			if !errors.Is(err, flow.ErrFormat) && !errors.Is(err, flow.ErrConfig) {
				t.Fatal(err)
			}
			return
		}
		tr, err := table.NewTransform(s, table.DefaultEncoding())
		if err != nil {
			return
		}
		z, y := tensor.New(1, tr.Dim()), tensor.NewOf[float64](1, len(s.Columns))
		if err := tr.Inverse(y, z); err != nil {
			t.Fatal(err)
		}
	})
}

func fuzzSeed() ([]byte, *table.Schema, error) {
	_, s, err := understood("x.csv", []byte("id,a,b,d\nA1,1.5,x,2024-01-01\nA2,2.5,,2024-01-02\nA3,3,y,2024-01-03\n"))
	if err != nil {
		return nil, nil, err
	}
	b, err := jsonOf(s)
	return b, s, err
}
