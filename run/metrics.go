package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"laminar/tensor"
)

// Line is one line of metrics.jsonl. It holds nothing that depends on the
// clock, so that an interrupted run leaves the same file as a straight one.
type Line struct {
	Step int     `json:"step"`
	Loss float64 `json:"loss"` // mean over the steps since the last line
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

// openMetrics opens the file and drops every line beyond step.
func openMetrics(path string, step int) (*metrics, error) {
	lines, err := ReadMetrics(path)
	if err != nil {
		return nil, err
	}
	var keep bytes.Buffer
	for _, l := range lines {
		if l.Step <= step {
			b, err := json.Marshal(l)
			if err != nil {
				return nil, err
			}
			keep.Write(append(b, '\n'))
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, explain(path, err)
	}
	m := &metrics{f: f, w: bufio.NewWriter(f), path: path}
	err = f.Truncate(0)
	if err == nil {
		_, err = m.w.Write(keep.Bytes())
	}
	if err == nil {
		err = m.flush()
	}
	if err != nil {
		f.Close()
		return nil, explain(path, err)
	}
	return m, nil
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

func (m *metrics) flush() error {
	if err := m.w.Flush(); err != nil {
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
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(path, err)
	}
	var out []Line
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		var l Line
		if err := json.Unmarshal(b[:i], &l); err != nil {
			break
		}
		out = append(out, l)
		b = b[i+1:]
	}
	return out, nil
}

func matOf(n, d int, v []float32) tensor.Mat { return tensor.Mat{N: n, D: d, Data: v} }
