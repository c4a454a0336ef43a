package run

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"

	"laminar/data/parquet"
	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
)

// OpenTable opens a file of mixed columns: Parquet by its first bytes, all else
// as table.Open does. Close it when it is no longer read. A missing file is an
// error that wraps fs.ErrNotExist, and a folder one that wraps flow.ErrFormat.
func OpenTable(path string, o table.ReadOptions) (table.Source, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	src, err := openTable(path, f, o)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return src, f, nil
}

func openTable(path string, f *os.File, o table.ReadOptions) (table.Source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s: is not a file that can be read more than once", flow.ErrFormat, path)
	}
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err == nil && string(magic[:]) == "PAR1" {
		return parquet.Open(path, f, st.Size())
	}
	return table.Open(path, func() (io.ReadCloser, error) { return os.Open(path) }, o)
}

// ReadSchema reads the schema that a person may have edited.
func ReadSchema(path string) (*table.Schema, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := table.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Schema is that of the rows of a model of tables. It must not be changed. The error
// wraps flow.ErrConfig for other models.
func (s *Saved) Schema() (*table.Schema, error) {
	t, err := s.tableOf()
	if err != nil {
		return nil, err
	}
	return t.Schema(), nil
}

// TableWriter writes rows of a model of tables to w in the format that the name of a
// file asks for, in that of the model's data without a name. The identifiers are
// those of samples under seed.
func (s *Saved) TableWriter(w io.Writer, name string, seed rng.Key) (table.Writer, error) {
	t, err := s.tableOf()
	if err != nil {
		return nil, err
	}
	if name == "" || name == "-" {
		name = "." + t.Schema().Format.Kind
		if f := t.Schema().Format; f.Kind == "csv" && f.Delimiter == "\t" {
			name = ".tsv"
		}
	}
	return TableWriter(w, name, t.Schema(), identifiers(seed))
}

// TableWriter writes rows of s to w in the format that the name of a file asks
// for, as table.FormatNamed tells, gzipped if it ends in .gz. key decides the
// identifiers. Close ends the format and the compression, not w.
func TableWriter(w io.Writer, name string, s *table.Schema, key rng.Key) (table.Writer, error) {
	f, err := table.FormatNamed(name, s.Format)
	if err != nil {
		return nil, err
	}
	if f.Kind == "parquet" {
		return parquet.NewWriter(w, s, key)
	}
	if !strings.HasSuffix(strings.ToLower(name), ".gz") {
		return table.NewWriter(w, s, f, key)
	}
	z := gzip.NewWriter(w)
	out, err := table.NewWriter(z, s, f, key)
	if err != nil {
		return nil, err
	}
	return zipped{out.(table.Keeper), z}, nil
}

// zipped is a writer of text, which is a table.Keeper.
type zipped struct {
	table.Keeper
	z *gzip.Writer
}

func (w zipped) Close() error {
	if err := w.Keeper.Close(); err != nil {
		return err
	}
	return w.z.Close()
}
