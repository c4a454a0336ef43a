package table_test

import (
	"encoding/json"
	"testing"

	"laminar/data/table"
	"laminar/tensor"
)

// Whatever is written into a schema, Decode returns a fault or a schema that can be
// written, read again, and used: it never panics, and neither does what comes after.
func FuzzDecode(f *testing.F) {
	file := []byte("id,town,salary,when,ok,note\n1,Paris,10.5,2024-01-02,yes,a b\n2,Rome,,2024-02-03,no,c d\n3,Paris,7.25,2024-03-04,yes,\n")
	_, s, err := understood("people.csv", file)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := json.Marshal(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	for _, text := range []string{
		``, `{}`, `null`, `{"version":1}`, `{"version":1,"format":{"kind":"csv","delimiter":",","quote":"\""},"columns":[{"name":"a","kind":"number"}]}`,
		`{"version":1,"format":{"kind":"jsonl"},"columns":[{"name":"a","kind":"integer","number":{},"missing_share":0.5,"scale":{"knots":[0,1],"normal":[-1,1],"spikes":[3]}}]}`,
		`{"version":1,"format":{"kind":"parquet"},"columns":[{"name":"a","kind":"date","layout":"2006","scale":{"unit":1}},{"name":"b","kind":"identifier","pattern":"{n}"}]}`,
		`{"version":1,"format":{"kind":"arff"},"columns":[{"name":"a","kind":"category","levels":["x","y","z"],"other":"z"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := table.Decode(b)
		if err != nil {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("a schema that was read cannot be written: %v", err)
		}
		again, err := table.Decode(text)
		if err != nil {
			t.Fatalf("a schema that was written cannot be read: %v", err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(text) {
			t.Fatalf("a schema changed when read again: %v\n%s\n%s", err, text, twice)
		}
		tr, err := table.NewTransform(s, table.DefaultEncoding())
		if err != nil || tr.Dim() > 4096 {
			return
		}
		x, z := tensor.NewOf[float64](1, len(s.Columns)), tensor.New(1, tr.Dim())
		if err := tr.Inverse(x, z); err != nil {
			t.Fatalf("the middle of the coordinates is no row: %v", err)
		}
	})
}
