package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"syscall"

	"laminar/tensor"
)

// Line is one line of metrics.jsonl. It holds nothing that depends on the
// clock, so that an interrupted run leaves the same file as a straight one.
type Line struct {
	Step int     `json:"step"`
	Loss float64 `json:"loss"` // mean over the last 20 steps
	// HeldOut is the loss over held-out rows, where it was looked at.
	HeldOut *float64 `json:"held_out,omitempty"`
}

// lineEvery is the number of steps of one line.
const lineEvery = 20

// metrics appends lines to a file; flushing is the caller's.
type metrics struct {
	f    *os.File
	w    *bufio.Writer
	path string
}

// openMetrics opens the file and cuts off every line beyond step. What it keeps
// is never rewritten, so that a crash cannot lose it.
func openMetrics(path string, step int) (*metrics, error) {
	b, err := readMetrics(path)
	if err != nil {
		return nil, err
	}
	keep := 0
	for l, end := range parseMetrics(b) {
		if l.Step > step {
			break
		}
		keep = end
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, explain(path, err)
	}
	err = f.Truncate(int64(keep))
	if err == nil {
		_, err = f.Seek(0, io.SeekEnd)
	}
	if err != nil {
		f.Close()
		return nil, explain(path, err)
	}
	return &metrics{f: f, w: bufio.NewWriter(f), path: path}, nil
}

func (m *metrics) add(l Line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := m.w.Write(append(b, '\n')); err != nil {
		return explain(m.path, err)
	}
	return nil
}

// flush hands everything to the disk: a checkpoint never knows more steps than
// the metrics beside it, not after a power cut either.
func (m *metrics) flush() error {
	if err := m.w.Flush(); err != nil {
		return explain(m.path, err)
	}
	if err := m.f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return explain(m.path, err)
	}
	return nil
}

func (m *metrics) close() error {
	err := m.flush()
	if e := m.f.Close(); err == nil && e != nil {
		err = explain(m.path, e)
	}
	return err
}

// ReadMetrics reads a metrics.jsonl; a missing file has no lines, and an
// unfinished last line, which a crash can leave, is ignored.
func ReadMetrics(path string) ([]Line, error) {
	b, err := readMetrics(path)
	var out []Line
	for l := range parseMetrics(b) {
		out = append(out, l)
	}
	return out, err
}

func readMetrics(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(path, err)
	}
	return b, nil
}

// parseMetrics yields each whole line with the offset at which it ends, up to
// the first one that is none.
func parseMetrics(b []byte) iter.Seq2[Line, int] {
	return func(yield func(Line, int) bool) {
		for at := 0; ; {
			i := bytes.IndexByte(b[at:], '\n')
			if i < 0 {
				return
			}
			var l Line
			if err := json.Unmarshal(b[at:at+i], &l); err != nil {
				return
			}
			if at += i + 1; !yield(l, at) {
				return
			}
		}
	}
}

func matOf(n, d int, v []float32) tensor.Mat { return tensor.Mat{N: n, D: d, Data: v} }
