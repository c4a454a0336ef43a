package data

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"laminar/data/npy"
	"laminar/flow"
)

// ReadNPY reads a NumPy array as a table whose columns are called x1, x2, and so
// on; name is what messages call it. An array of one dimension is one column;
// of an array of three or more, each entry along the first axis is one row. The
// errors are those of ReadCSV.
func ReadNPY(r io.Reader, name string, o Options) (*Table, error) {
	a, err := npy.Read(r, o.maxBytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return fromArray(a, nil, name, o)
}

// ReadNPZ reads a table from a NumPy archive of size bytes. The points are the
// array that o.Array names or, without it, the only one, or the one called x,
// data or arr_0. o.Label may name another array, of one number for each row;
// without o.Label an array called y or label is left aside.
func ReadNPZ(r io.ReaderAt, size int64, name string, o Options) (*Table, error) {
	z, err := npy.OpenArchive(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	names := z.Names()
	points, err := pointsArray(names, o)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", flow.ErrConfig, name, err)
	}
	a, err := z.Read(points, o.maxBytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var labels *npy.Array
	if o.Label != "" && o.Label != points && slices.Contains(names, o.Label) {
		if labels, err = z.Read(o.Label, o.maxBytes()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	t, err := fromArray(a, labels, name, o)
	if err != nil {
		return nil, err
	}
	for _, other := range names {
		if other != points && other != o.Label {
			t.Notes = append(t.Notes, fmt.Sprintf("array %q is not used", other))
		}
	}
	return t, nil
}

func pointsArray(names []string, o Options) (string, error) {
	if o.Array != "" {
		if !slices.Contains(names, o.Array) {
			return "", fmt.Errorf("no array is called %q; the archive holds %s", o.Array, strings.Join(names, ", "))
		}
		return o.Array, nil
	}
	rest := slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return n == o.Label || n == "y" || n == "label" || n == "labels"
	})
	if len(rest) == 1 {
		return rest[0], nil
	}
	for _, want := range []string{"x", "X", "data", "arr_0"} {
		if slices.Contains(rest, want) {
			return want, nil
		}
	}
	if len(rest) == 0 {
		return "", fmt.Errorf("the archive holds no array of points (it holds: %s)", strings.Join(names, ", "))
	}
	return "", fmt.Errorf("which array holds the points? The archive has %s", strings.Join(names, ", "))
}

// fromArray lays an array out as rows; labels, if any, is a column of its own.
func fromArray(a, labels *npy.Array, name string, o Options) (*Table, error) {
	if len(a.Shape) == 0 {
		return nil, fmt.Errorf("%w: %s: the array is a single number; rows of numbers are wanted", flow.ErrFormat, name)
	}
	if len(a.Data) == 0 {
		return nil, fmt.Errorf("%w: %s: the array is empty", flow.ErrFormat, name)
	}
	n := a.Shape[0]
	d := len(a.Data) / n
	columns := numbered(d)
	if labels != nil {
		if len(labels.Data) != n {
			return nil, fmt.Errorf("%w: %s: array %q has %d labels for %d rows", flow.ErrFormat, name, o.Label, len(labels.Data), n)
		}
		columns = append(columns, o.Label)
	}
	b, err := newBuilder(name, columns, o)
	if err != nil {
		return nil, err
	}
	for i := range n {
		if !b.room() {
			return nil, b.errTooLarge(fmt.Sprintf("row %d", i+1))
		}
		for j, role := range b.role {
			if role == asNothing {
				continue
			}
			var v float64
			if j < d {
				v = a.Data[i*d+j]
			} else {
				v = labels.Data[i]
			}
			if why := fault(v); why != "" {
				return nil, fmt.Errorf("%w: %s: row %d, column %q: %s", flow.ErrFormat, name, i+1, columns[j], why)
			}
			if role == asLabel {
				if err := b.label(strconv.FormatFloat(v, 'g', -1, 64)); err != nil {
					return nil, err
				}
				continue
			}
			b.number(role, v)
		}
	}
	return b.finish()
}
