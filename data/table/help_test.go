package table_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"laminar/data/table"
	"laminar/rng"
	"laminar/tensor"
)

// opener opens bytes in memory.
func opener(b []byte) table.Opener {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// understood opens, infers and fits.
func understood(name string, file []byte) (table.Source, *table.Schema, error) {
	src, err := table.Open(name, opener(file), table.ReadOptions{})
	if err != nil {
		return nil, nil, err
	}
	s, err := table.Infer(src, table.InferOptions{})
	if err != nil {
		return src, nil, err
	}
	return src, s, table.Fit(src, s, nil)
}

// must is understood with its rows.
func must(t testing.TB, name string, file []byte) (*table.Schema, tensor.Matrix[float64]) {
	t.Helper()
	src, s, err := understood(name, file)
	if err != nil {
		t.Fatal(err)
	}
	x, err := table.Read(src, s)
	if err != nil {
		t.Fatal(err)
	}
	return s, x
}

// written is x in a format.
func written(t testing.TB, s *table.Schema, x tensor.Matrix[float64], f table.Format) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := table.NewWriter(&b, s, f, rng.New(1))
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
	return b.Bytes()
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// same is equality of numbers where NaN is itself.
func same(a, b float64) bool { return a == b || a != a && b != b }
