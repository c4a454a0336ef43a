package run

import (
	"context"
	"io"
	"os"
)

// PassWatch, if not nil, is told how far a pass over a large file has come, in bytes of
// the file.
type PassWatch func(stage string, done, total int64)

// pass reads files from their start to their end: told of, and stopped by a context.
type pass struct {
	ctx   context.Context
	tell  PassWatch
	stage string
}

// open opens a file for a pass.
func (p *pass) open(path string) (*passed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, explain(path, err)
	}
	return &passed{File: f, pass: p, total: st.Size()}, nil
}

// passed is a file on its pass.
type passed struct {
	*os.File
	pass        *pass
	done, total int64
}

func (f *passed) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	return n, f.read(n, err)
}

// ReadAt is for readers that go through the file by themselves.
func (f *passed) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(b, at)
	f.done = min(at, f.total)
	return n, f.read(n, err)
}

// WriteTo hides that of the file, which would pass over Read.
func (f *passed) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{f})
}

func (f *passed) read(n int, err error) error {
	if stopped := f.pass.ctx.Err(); stopped != nil {
		return stopped
	}
	if f.done += int64(n); f.pass.tell != nil {
		f.pass.tell(f.pass.stage, f.done, f.total)
	}
	return err
}
