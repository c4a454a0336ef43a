package run

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"laminar/data/parquet"
	"laminar/data/table"
	"laminar/flow"
	"laminar/rng"
)

// openTable opens a file of mixed columns: Parquet by its first bytes, all else as
// table.Open does. Close it when it is no longer read. A missing file is an error
// that wraps fs.ErrNotExist, and a folder one that wraps flow.ErrFormat.
func openTable(p *pass, path string, o table.ReadOptions) (table.Source, io.Closer, error) {
	f, err := p.open(path)
	if err != nil {
		return nil, nil, err
	}
	src, err := f.table(path, o)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return src, f, nil
}

func (f *passed) table(path string, o table.ReadOptions) (table.Source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s: is not a file that can be read more than once", flow.ErrFormat, path)
	}
	var magic [4]byte
	if _, err := f.File.ReadAt(magic[:], 0); err == nil && string(magic[:]) == "PAR1" {
		return parquet.Open(path, f, st.Size())
	}
	return table.Open(path, func() (io.ReadCloser, error) { return f.pass.open(path) }, o)
}

// Understand returns what the columns of a file are, in two passes: what
// table.Infer and table.Fit say. tell may be nil. The error is theirs, that of ctx,
// or that of opening the file.
func Understand(ctx context.Context, path string, read table.ReadOptions, o table.InferOptions, tell PassWatch) (*table.Schema, error) {
	p := &pass{ctx, tell, "encoding"}
	src, file, err := openTable(p, path, read)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return p.understand(src, o)
}

func (p *pass) understand(src table.Source, o table.InferOptions) (*table.Schema, error) {
	p.stage = "columns"
	s, err := table.Infer(src, o)
	if err != nil {
		return nil, err
	}
	p.stage = "values"
	return s, table.Fit(src, s, nil)
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
