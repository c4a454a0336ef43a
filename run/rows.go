package run

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
	"laminar/tensor"
)

// Rows are rows of a file as a model takes them: its columns in its order, and
// the conditions that the file holds.
type Rows struct {
	X    tensor.Matrix[float64]
	Cond flow.Cond
	// Class is the text of each row's label, nil without.
	Class []string
	// Notes are remarks for the user, one line each.
	Notes []string
}

// ReadRows reads the columns of a model from a file, by their names where it has
// names and otherwise by their place; columns that the model does not know are
// left aside. The label and the conditions that the model was trained with are
// read where the file has them, all conditions or none: rows without are rows of
// unknown condition. The errors wrap flow.ErrFormat or flow.ErrConfig.
func (s *Saved) ReadRows(path string) (Rows, error) {
	if r, ok := media[s.Kind()].(rowReader); ok && !isNumbers(path) {
		return r.ReadRows(s, path)
	}
	m, o := s.Model, s.Recipe.Data.TableOptions()
	var out Rows
	if s.Kind() == recipe.Table {
		return out, fmt.Errorf("%w: this is for points, and the model makes rows of a table; sample, impute, logprob and eval are for those", flow.ErrConfig)
	}
	if m.Cond.Classes == 0 {
		o.Label, o.DropLabel = "", false
	}
	if m.Cond.Real == 0 {
		o.Conditions = nil
	}
	o.Array, o.Least = "", 1
	t, err := ReadTable(path, o)
	for _, without := range []struct {
		what string
		drop func()
		has  bool
	}{
		{"label " + o.Label, func() { o.Label, o.DropLabel = "", false }, o.Label != ""},
		{"conditions", func() { o.Conditions = nil }, len(o.Conditions) > 0},
	} {
		// Only what is missing is a fault of the settings; other faults stand.
		if err == nil || !without.has || !errors.Is(err, flow.ErrConfig) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		without.drop()
		if t, err = ReadTable(path, o); err == nil {
			out.Notes = append(out.Notes, fmt.Sprintf("%s has no column for the %s: it is unknown to the model", path, without.what))
		}
	}
	if err != nil {
		return out, err
	}
	if out.X, err = columnsOf(m.Columns, m.Dim(), t); err != nil {
		return out, err
	}
	if len(t.Class) > 0 && m.Cond.Classes > 0 {
		if err := renumber(t, m.Classes); err != nil {
			return out, err
		}
		out.Cond.Class = t.Class
		for _, k := range t.Class {
			text := ""
			if k != flow.NoClass && int(k) < len(t.Classes) {
				text = t.Classes[k]
			}
			out.Class = append(out.Class, text)
		}
	}
	if !t.Real.IsEmpty() {
		if t.Real.D != m.Cond.Real || len(m.Conditions) > 0 && !slices.Equal(t.Conditions, m.Conditions) {
			return out, fmt.Errorf("%w: %s has the conditions %v, the model %v", flow.ErrConfig, path, t.Conditions, m.Conditions)
		}
		out.Cond.Real = tensor.New(t.Real.N, t.Real.D)
		var z data.Transform = data.Identity{}
		if m.CondTransform != nil {
			z = m.CondTransform
		}
		if err := z.Forward(out.Cond.Real, t.Real); err != nil {
			return out, err
		}
	}
	return out, nil
}

// rowReader is a medium that reads rows of its kind, from files that hold no
// plain numbers.
type rowReader interface {
	ReadRows(s *Saved, path string) (Rows, error)
}

// isNumbers tells whether a path names a file of plain numbers: latents of
// encode, say.
func isNumbers(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv", ".npy", ".npz":
		return true
	}
	return false
}

// columnsOf returns the columns of t with the given names, or all of them where
// the names are others and the number is right.
func columnsOf(names []string, dim int, t *data.Table) (tensor.Matrix[float64], error) {
	at := make([]int, dim)
	var missing []string
	for j, name := range names {
		if at[j] = slices.Index(t.Columns, name); at[j] < 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 || len(names) == 0 {
		if t.X.D != dim || len(names) > 0 && len(missing) < len(names) {
			return t.X, fmt.Errorf("%w: %s has the columns %s; the model knows %s", flow.ErrFormat, t.Name, few(t.Columns), few(names))
		}
		return t.X, nil // by their place
	}
	out := tensor.NewOf[float64](t.X.N, dim)
	for i := range t.X.N {
		from, to := t.X.Row(i), out.Row(i)
		for j, c := range at {
			to[j] = from[c]
		}
	}
	return out, nil
}
