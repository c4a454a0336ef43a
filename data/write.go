package data

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"

	"laminar/data/npy"
	"laminar/flow"
	"laminar/tensor"
)

// WriteCSV writes a header and the rows of t: the points, the conditions, then
// the label as text. Numbers are written so that they read back bit for bit.
func (t *Table) WriteCSV(w io.Writer) error {
	if err := t.check(); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	record := t.header()
	if err := c.Write(record); err != nil {
		return err
	}
	for i := range t.X.N {
		record = record[:0]
		t.eachNumber(i, func(v float64) { record = append(record, strconv.FormatFloat(v, 'g', -1, 64)) })
		if t.Label != "" {
			record = append(record, t.class(i))
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// WriteJSONL writes one JSON object for each row, its keys the columns' names in
// the order of WriteCSV; a number that is not finite becomes null.
func (t *Table) WriteJSONL(w io.Writer) error {
	if err := t.check(); err != nil {
		return err
	}
	var keys [][]byte
	for _, name := range t.header() {
		k, err := json.Marshal(name)
		if err != nil {
			return err
		}
		keys = append(keys, append(k, ':'))
	}
	out := bufio.NewWriter(w)
	var line []byte
	for i := range t.X.N {
		line = append(line[:0], '{')
		j := 0
		key := func() {
			if j > 0 {
				line = append(line, ',')
			}
			line = append(line, keys[j]...)
			j++
		}
		t.eachNumber(i, func(v float64) {
			key()
			if math.IsNaN(v) || math.IsInf(v, 0) {
				line = append(line, "null"...)
				return
			}
			line = strconv.AppendFloat(line, v, 'g', -1, 64)
		})
		if t.Label != "" {
			key()
			text, err := json.Marshal(t.class(i))
			if err != nil {
				return err
			}
			line = append(line, text...)
		}
		line = append(line, '}', '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteNPY writes the points, the conditions and, as the last column, the class
// id of t as one array of float64. Names are lost.
func (t *Table) WriteNPY(w io.Writer) error {
	if err := t.check(); err != nil {
		return err
	}
	d := len(t.header())
	all := tensor.NewOf[float64](t.X.N, d)
	for i := range t.X.N {
		row := all.Row(i)[:0]
		t.eachNumber(i, func(v float64) { row = append(row, v) })
		if t.Label != "" {
			_ = append(row, float64(t.Class[i]))
		}
	}
	return npy.Write(w, []int{all.N, all.D}, all.Data)
}

func (t *Table) check() error {
	if err := t.X.Check("table", -1, len(t.Columns)); err != nil {
		return err
	}
	if len(t.Conditions) > 0 {
		if err := t.Real.Check("conditions", t.X.N, len(t.Conditions)); err != nil {
			return err
		}
	}
	if t.Label != "" && len(t.Class) != t.X.N {
		return fmt.Errorf("%w: %d class ids for %d rows", flow.ErrShape, len(t.Class), t.X.N)
	}
	for i, k := range t.Class {
		if k != flow.NoClass && (k < 0 || int(k) >= len(t.Classes)) {
			return fmt.Errorf("%w: row %d has class id %d of %d", flow.ErrConfig, i, k, len(t.Classes))
		}
	}
	return nil
}

func (t *Table) header() []string {
	names := append(append([]string(nil), t.Columns...), t.Conditions...)
	if t.Label != "" {
		names = append(names, t.Label)
	}
	return names
}

func (t *Table) eachNumber(i int, f func(float64)) {
	for _, v := range t.X.Row(i) {
		f(v)
	}
	if len(t.Conditions) > 0 {
		for _, v := range t.Real.Row(i) {
			f(v)
		}
	}
}

// class returns the text of row i's class, "" when unknown.
func (t *Table) class(i int) string {
	if k := t.Class[i]; k != flow.NoClass {
		return t.Classes[k]
	}
	return ""
}
