package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"

	"laminar/data/parquet"
	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
)

const shop = `id,when,price,count,kind,paid,note
A-001,2024-01-05,10.5,3,x,true,first
A-002,2024-02-05,11.25,4,"y, z",false,second text
A-003,2024-01-07,,5,x,true,third
A-004,2024-03-05,10.5,6,x,,fourth
A-005,2024-01-09,-1,7,y,true,fifth one
A-006,2024-01-15,10.5,3,x,true,sixth
A-007,2024-04-05,99.75,3,x,false,7th
A-008,2024-01-05,10.5,8,x,true,8th of them
A-009,2024-05-05,10.5,9,y,true,ninth
A-010,2024-01-25,10.5,1000,,true,10th
A-011,2024-01-25,10.5,11,x,true,11th
`

func read(t *testing.T, src table.Source, err error) (*table.Schema, [][]string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s, err := table.Infer(src, table.InferOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for r, err := range src.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, append([]string(nil), r.Cells...))
	}
	return s, rows
}

func csvSource(text string) (table.Source, error) {
	return table.Open("shop.csv", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }, table.ReadOptions{})
}

// What is written from a CSV is read back with the same kinds, order of columns,
// values and gaps.
func TestRoundTrip(t *testing.T) {
	src, err := csvSource(shop)
	s, _ := read(t, src, err)
	x, err := table.Read(src, s)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, s, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.N {
		if err := w.Write(x.Row(i), uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	back, err := parquet.Open("shop.parquet", bytes.NewReader(out.Bytes()), int64(out.Len()))
	s2, cells := read(t, back, err)
	for j, c := range s2.Columns {
		if c.Name != s.Columns[j].Name {
			t.Errorf("column %d is %s, want %s", j, c.Name, s.Columns[j].Name)
		}
		// The text is left empty: nothing is left to call it text.
		if want := s.Columns[j].Kind; c.Kind != want && want != table.Text {
			t.Errorf("column %s is %s, want %s", c.Name, c.Kind, want)
		}
	}
	y, err := table.Read(back, s2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.N {
		for j, v := range x.Row(i) {
			if w := y.At(i, j); w != v && (w == w || v == v) {
				t.Errorf("row %d, column %s: %v, want %v", i, s.Columns[j].Name, w, v)
			}
		}
	}
	if got := cells[2][2]; got != table.Null {
		t.Errorf("the missing price is %q", got)
	}
	ids := map[string]bool{}
	for _, r := range cells {
		if ids[r[0]] || len(r[0]) != 5 || !strings.HasPrefix(r[0], "A-0") {
			t.Errorf("identifier %q is not new, or not of the pattern", r[0])
		}
		ids[r[0]] = true
	}
}

// Files of several row groups are read through, and again.
func TestRowGroups(t *testing.T) {
	type row struct {
		N int64     `parquet:"n"`
		F float32   `parquet:"f"`
		T time.Time `parquet:"t,timestamp(millisecond)"`
		U uint32    `parquet:"u"`
		S *string   `parquet:"s,optional"`
	}
	var out bytes.Buffer
	w := pq.NewGenericWriter[row](&out)
	word := "word"
	for g := range 3 {
		for i := range 400 {
			r := row{N: int64(g*400 + i), F: 0.1, T: time.UnixMilli(1700000000123 + int64(i)), U: 4e9}
			if i%2 == 0 {
				r.S = &word
			}
			if _, err := w.Write([]row{r}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	src, err := parquet.Open("x.parquet", bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n := 0
		for r, err := range src.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprint(n, " 0.1 ", time.UnixMilli(1700000000123+int64(n%400)).UTC().Format("2006-01-02T15:04:05.000000Z07:00"), " 4000000000 ")
			if n%2 == 0 {
				want += word
			} else {
				want += table.Null
			}
			if got := strings.Join(r.Cells, " "); got != want {
				t.Fatalf("row %d: %q, want %q", n, got, want)
			}
			n++
		}
		if n != 1200 {
			t.Fatalf("%d rows, want 1200", n)
		}
	}
}

func TestNotParquet(t *testing.T) {
	type nested struct{ A struct{ B int64 } }
	var out bytes.Buffer
	w := pq.NewGenericWriter[nested](&out)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"text": []byte("a,b\n1,2\n"), "cut": []byte("PAR1....PAR1"), "nested": out.Bytes(), "empty": nil} {
		if _, err := parquet.Open(name, bytes.NewReader(file), int64(len(file))); !errors.Is(err, flow.ErrFormat) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
