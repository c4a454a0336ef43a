package run

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"laminar/flow"
	"laminar/plot"
	"laminar/recipe"
	"laminar/report"
	"laminar/tensor"
)

// medium is how data of one kind are read, judged, written and shown. Points are
// the case without one. A kind of data is a file of this package with a medium,
// a line in media, and a line in package recipe's kinds.
type medium interface {
	// Claims reports whether the file or folder at path, which exists, holds data
	// of this kind, by as short a look as will do. An unreadable path is not
	// claimed.
	Claims(path string) bool
	// Gather reads the data that d names, and writes into d the digest by which
	// a resumed run knows them. Large files are read in passes of p.
	Gather(p *pass, d *recipe.Data) (recipe.Set, error)
	// Decode reads the form that a model file holds.
	Decode(form []byte) (recipe.Form, error)
	// Judge measures a model against the data of its plan.
	Judge(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (Judgement, error)
	// Formats lists the extensions, without the dot, of files that Write writes,
	// the default first.
	Formats() []string
	// Write writes rows of the model, which sample.Draw has returned, the first of
	// them number first, as a file of the given format.
	Write(w io.Writer, format string, s *Saved, rows tensor.Matrix[float64], first int) error
	// Picture shows rows that sample.Draw has returned, at most some dozens: what
	// the verbs plot, animate and sample draw.
	Picture(s *Saved, rows tensor.Matrix[float64], o PictureOptions) (plot.Figure, error)
	// Sections are what the report shows beside the loss; j is nil where the model
	// was not judged. Figures with a File are also written into the run folder.
	Sections(ctx context.Context, s *Saved, plan *recipe.Plan, j Judgement, o PictureOptions) ([]report.Section, error)
	// Files lists the Files of all figures that Sections may have.
	Files() []string
}

// summarised is a medium whose report says in the data's own words what was learnt.
type summarised interface{ Summary(s *Saved) string }

// media holds the medium of each kind of data but points.
var media = map[string]medium{
	recipe.Table:     tableMedium{},
	recipe.Images:    images{},
	recipe.Sound:     sounds{},
	recipe.Molecules: molecules{},
}

// Judgement is the outcome of judging a model: text for a person, and by its
// JSON form what `laminar eval --json` prints.
type Judgement interface {
	WriteText(w io.Writer) error
	// Apart tells that samples are easily told from the data.
	Apart() bool
}

// KindOf tells what kind of data the file or folder at path holds:
// recipe.Points unless a medium claims it.
func KindOf(path string) string {
	for _, k := range recipe.Kinds() {
		if m, ok := media[k]; ok && m.Claims(path) {
			return k
		}
	}
	return recipe.Points
}

// mediumOf returns the medium of a kind of data, nil for points.
func mediumOf(kind string) (medium, error) {
	if kind == "" || kind == recipe.Points {
		return nil, nil
	}
	if m, ok := media[kind]; ok {
		return m, nil
	}
	return nil, &flow.FieldError{Path: "data.kind", Msg: fmt.Sprintf("unknown %q; one of %s", kind, strings.Join(recipe.Kinds(), ", "))}
}

// Kind returns the kind of data that the model makes, recipe.Points or the
// kind of its form.
func (s *Saved) Kind() string {
	if s.Form == nil {
		return recipe.Points
	}
	return s.Form.Kind()
}

// Formats lists the extensions of the files that Write writes, the default
// first; nil for a model of points.
func (s *Saved) Formats() []string {
	m, err := mediumOf(s.Kind())
	if err != nil || m == nil {
		return nil
	}
	return m.Formats()
}

// Write writes rows of a model that has a form, which sample.Draw has returned,
// the first of them number first, in one of its Formats, or as a picture where
// that is none of them: png or svg.
func (s *Saved) Write(w io.Writer, format string, rows tensor.Matrix[float64], first int) error {
	m, err := mediumOf(s.Kind())
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("%w: a model of points has no form to write", flow.ErrConfig)
	}
	if slices.Contains(m.Formats(), format) {
		return m.Write(w, format, s, rows, first)
	}
	fig, err := m.Picture(s, rows, PictureOptions{})
	if err != nil {
		return err
	}
	return fig.Write(w, format)
}

// WriteFolder writes rows of a model that has a form into a folder, which it
// makes, a file to a row in the first of its Formats: 000000.png and so on, the
// first row number first.
func (s *Saved) WriteFolder(dir string, rows tensor.Matrix[float64], first int) error {
	if err := makeFolder(dir); err != nil {
		return err
	}
	format := s.Formats()[0]
	for i := range rows.N {
		name := filepath.Join(dir, fmt.Sprintf("%06d.%s", first+i, format))
		one := rows.Rows(i, i+1)
		if err := WriteFile(name, func(w io.Writer) error { return s.Write(w, format, one, first+i) }); err != nil {
			return err
		}
	}
	return nil
}

// Judge measures a model against its data, each kind by its own figures: points
// by a *metric.Report.
func Judge(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (Judgement, error) {
	m, err := mediumOf(s.Kind())
	if err != nil {
		return nil, err
	}
	if m == nil {
		rep, err := Evaluate(ctx, s, plan, o)
		return &rep, err
	}
	return m.Judge(ctx, s, plan, o)
}

// The metadata of a model file that a form is kept in: a kind and its JSON.
type storedForm struct {
	Kind string          `json:"kind"`
	Form json.RawMessage `json:"form"`
}

func encodeForm(f recipe.Form) (string, error) {
	form, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(storedForm{f.Kind(), form})
	return string(b), err
}

func decodeForm(text string) (recipe.Form, error) {
	var f storedForm
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return nil, fmt.Errorf("%w: metadata %q: %w", flow.ErrFormat, metaForm, err)
	}
	m, err := mediumOf(f.Kind)
	if err != nil || m == nil {
		return nil, fmt.Errorf("%w: metadata %q: unknown kind %q; use a newer program", flow.ErrFormat, metaForm, f.Kind)
	}
	form, err := m.Decode(f.Form)
	if err != nil {
		return nil, fmt.Errorf("metadata %q: %w", metaForm, err)
	}
	return form, nil
}
