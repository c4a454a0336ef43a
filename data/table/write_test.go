package table_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"laminar/data/table"
	"laminar/rng"
)

// Read and written again in its own format, a file is the same to the byte.
func TestSourceFormatIsKept(t *testing.T) {
	rows := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	latin := func(s string) string {
		return strings.NewReplacer("é", "\xe9", "€", "\x80").Replace(s)
	}
	for _, c := range []struct{ name, file string }{
		{"plain.csv", "a,b\n1.5,x\n2.25,y\n3,x\n"},
		{"no header.csv", "1.5,x\n2.25,y\n3,x\n"},
		{"spaces.csv", "1.5, x, 3\n2.25, ?, 4\n3, x, 5\n"},
		{"fixed.csv", "a\n1.50\n2.25\n3.00\n"},
		{"python.csv", "a\n1.0\n2.25\n3.0\n"},
		{"german.csv", "a;b;c\r\n1.234,5;ja;01.02.2024\r\n12.345.678,25;nein;24.12.2023\r\n-7,5;ja;31.01.2024\r\n"},
		{"us.csv", "a,b,c\n\"$1,234.50\",5%,01/02/2024\n-$7.00,12%,12/24/2023\n$0.50,7%,01/31/2024\n"},
		{"quoted.csv", "\"a\",\"b\"\n1.5,\"x\"\n2.25,\"y, z\"\n3,\"x\"\n"},
		{"single.csv", "a,b\n1.5,'x'\n2.25,'y, ''z'''\n3,'x'\n"},
		{"tab.tsv", "a\tb\n1.5\tx\n\tNA\n3\tx\n"},
		{"bar.txt", "a|b\n1.5|x\n2.5|y\n"},
		{"one column.csv", "a\n1.5\n\"\"\n3\n"},
		{"duplicate.csv", "x,x,\n1.5,2.5,a\n3,4,b\n"},
		{"mark.csv", "\ufeffa,b\n1.5,ä\n2,b\n"},
		{"utf16.csv", string(utf16le("a,b\n1.5,ä😀\n2,b\n", true))},
		{"latin.csv", latin("a,b\n1.5,é\n2,€\n")},
		{"exponent.csv", "a\n1.5e-07\n0.25\n3e-05\n"},
		{"stamp.csv", "a,b\n2024-01-05T10:11:12.250Z,1.5\n2023-01-05T10:11:12.000Z,2.5\n"},
		{"sequence.csv", "n,x\n" + rows(30, func(i int) string { return fmt.Sprintf("%d,%d.5\n", i+1, i%7) })},
		{"lines.jsonl", `{"a":1.5,"b":"x","c":true,"d":null}` + "\n" + `{"a":2,"b":"y","c":false,"d":7}` + "\n" + `{"a":-1e-07,"b":null,"c":true,"d":8}` + "\n"},
		{"text numbers.jsonl", `{"a":"15","b":1}` + "\n" + `{"a":"27","b":2.5}` + "\n"},
		{"clock.csv", "a,b,c\n13:37,23:59:58,9:05 AM\n00:00,00:00:01,12:30 PM\n08:15,12:00:00,11:59 PM\n"},
		{"zone.csv", "a,b\n2024-01-05T10:11:12+05:30,1.5\n2023-07-05T10:11:12+05:30,2.5\n"},
		{"zonegap.csv", "a,b\n2024-01-05T10:11:12+05:30,1.5\n-,3.5\n2023-07-05T10:11:12+05:30,2.5\n"},
		{"nested.jsonl", `{"a":{"k":1,"l":["p"]},"b":[1,2]}` + "\n" + `{"a":{"k":2},"b":[]}` + "\n" + `{"a":{"k":1,"l":["p"]},"b":[1,2]}` + "\n"},
		{"weka.arff", "@relation 'my data'\n\n@attribute 'a b' numeric\n@attribute c {x,'y z'}\n@attribute d date yyyy-MM-dd\n\n@data\n1.5,x,2024-01-05\n?,'y z',2023-01-05\n3,x,?\n"},
	} {
		s, x := must(t, c.name, []byte(c.file))
		if got := string(written(t, s, x, s.Format)); got != c.file {
			t.Errorf("%s: wrote\n%q\nof\n%q\n%+v", c.name, got, c.file, s.Columns)
		}
	}
}

// Between formats the rows stay the same.
func TestOtherFormats(t *testing.T) {
	s, x := must(t, "people.csv", people(200))
	for _, name := range []string{"a.csv", "a.tsv", "a.jsonl", "a.arff"} {
		f, err := table.FormatNamed(name, table.Format{})
		if err != nil {
			t.Fatal(err)
		}
		src, err := table.Open(name, opener(zipped(written(t, s, x, f))), table.ReadOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		y, err := table.Read(src, s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, v := range x.Data {
			if !same(v, y.Data[i]) {
				t.Fatalf("%s: row %d, column %s: %v, want %v", name, i/x.D, s.Columns[i%x.D].Name, y.Data[i], v)
			}
		}
	}
	if _, err := table.FormatNamed("a.xlsx", s.Format); err == nil {
		t.Error("a.xlsx names no format")
	}
}

// An edited schema holds; what it leaves out is inferred; a fault names the column.
func TestEditedSchema(t *testing.T) {
	file := []byte("code,x\n" + strings.Repeat("1,1.5\n2,n/d\n3,4.5\n", 20))
	src, s, err := understood("t.csv", file)
	if err != nil {
		t.Fatal(err)
	}
	if s.Columns[0].Kind != table.Ordered || s.Columns[1].Kind != table.Category {
		t.Fatalf("%+v", s.Columns)
	}
	given, err := table.Decode([]byte(`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"code","kind":"category"},{"name":"x","kind":"number","missing":["n/d"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err = table.Infer(src, table.InferOptions{Given: given})
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Fit(src, s, nil); err != nil {
		t.Fatal(err)
	}
	if c := s.Columns[1]; c.Kind != table.Numeric || c.MissingShare < 0.33 || c.MissingShare > 0.34 || c.Number.Decimals != 1 {
		t.Errorf("%+v", c)
	}
	if s.Format.Kind != "csv" || len(s.Columns[0].Levels) != 3 {
		t.Errorf("%+v", s)
	}
	given.Columns[1].Missing = nil
	if _, err = table.Infer(src, table.InferOptions{Given: given}); err == nil || !strings.Contains(err.Error(), `t.csv: row 2, column "x": "n/d" is not a number`) {
		t.Error(err)
	}
	for text, want := range map[string]string{
		`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"colour"}]}`:                                        `columns[0].kind: column "a": unknown kind "colour"; use one of number, integer`,
		`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"boolean","levels":["x"]}]}`:                        `a boolean has two levels`,
		`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"number"},{"name":"a","kind":"text"}]}`:             `columns[1].name`,
		`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"number","scale":{"knots":[1,1],"normal":[0,1]}}]}`: `knot 2 is not above`,
		`{"version":1,"format":{"kind":"csv"},"columns":[{"name":"a","kind":"date","layout":"day"}]}`:                             `columns[0].layout`,
		`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"number","colour":1}]}`:                             `unknown field "colour"`,
		`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"identifier","pattern":"[0-8]"}]}`:                  `columns[0].pattern`,
		`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"category","levels":["x","?"],"missing":["?"]}]}`:   `is listed as missing too`,
	} {
		if _, err := table.Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v\nwant %s", text, err, want)
		}
	}
}

// Rare levels are pooled, and unseen ones then fall into the pool.
func TestRareLevels(t *testing.T) {
	var b strings.Builder
	b.WriteString("a,x\n")
	for i := range 200 {
		name := "often"
		if i%10 == 3 {
			name = fmt.Sprint("rare", i)
		}
		fmt.Fprintf(&b, "%s,%d.5\n", name, i%9)
	}
	src, err := table.Open("t.csv", opener([]byte(b.String())), table.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := table.Infer(src, table.InferOptions{Rare: 5})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Columns[0]; len(c.Levels) != 2 || c.Other != "other" || c.Levels[1] != "other" {
		t.Fatalf("%+v", c)
	}
	if v, err := table.NewParser(s).Cell(0, "never seen"); err != nil || v != 1 {
		t.Error(v, err)
	}
	if j, err := jsonOf(s); err != nil || strings.Contains(string(j), "rare13") {
		t.Errorf("the schema holds a rare level: %s", j)
	}
}

// Identifiers follow the pattern and never come twice, in any shard.
func TestIdentifiers(t *testing.T) {
	for pattern, n := range map[string]int{
		"[A-Z]{2}-[0-9]{3}": 300000, // of 676,000
		"[0-9]{2}":          250,    // more rows than texts
		"[0-9a-f]{32}":      10000,
		"user-{n}":          1000,
		"[0-9]{8}":          10000,
	} {
		s := &table.Schema{Version: 1, Format: table.Format{Kind: "csv"}, Columns: []table.Column{{Name: "id", Kind: table.Identifier, Pattern: pattern}}}
		p, err := table.NewPrinter(s, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i := range n {
			id := string(p.Append(nil, 0, 0, uint64(i), false))
			if seen[id] {
				t.Fatalf("%s: %s comes twice", pattern, id)
			}
			seen[id] = true
		}
		if a, b := string(p.Append(nil, 0, 0, 77, false)), string(p.Append(nil, 0, 0, 77, false)); a != b {
			t.Errorf("%s: row 77 is %s and %s", pattern, a, b)
		}
	}
}

// counted counts the bytes that are read.
type counted struct {
	io.Reader
	n *int
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += n
	return n, err
}
func (counted) Close() error { return nil }

// Rows are read as they are asked for, and from the start each time.
func TestRowsAreStreamed(t *testing.T) {
	file := []byte("a,b\n" + strings.Repeat("1.5,x\n2.5,y\n", 500000))
	read := 0
	src, err := table.Open("big.csv", func() (io.ReadCloser, error) {
		return counted{bytes.NewReader(file), &read}, nil
	}, table.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		read = 0
		for r, err := range src.Rows() {
			if err != nil || r.Cells[0] != "1.5" || r.Line != 2 {
				t.Fatal(r, err)
			}
			break
		}
		if read > len(file)/10 {
			t.Errorf("one row took %d of %d bytes", read, len(file))
		}
	}
	// A reader's memory does not grow with the file: rows are its only garbage.
	allocs := testing.AllocsPerRun(1, func() {
		for _, err := range src.Rows() {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if perRow := allocs / 1e6; perRow > 1.01 {
		t.Errorf("%.2f allocations a row", perRow)
	}
}
