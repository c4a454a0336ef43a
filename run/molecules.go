package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"laminar/coupling"
	"laminar/data"
	"laminar/data/molecule"
	"laminar/flow"
	"laminar/nn"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
)

// molecules is the medium of atoms in space: XYZ and SDF files, gzipped or not,
// and folders of them.
type molecules struct{}

// moleculeReaders are by the extension of a file.
var moleculeReaders = map[string]func(io.Reader, string) iter.Seq2[molecule.Molecule, error]{
	".xyz": molecule.ReadXYZ, ".sdf": molecule.ReadSDF, ".mol": molecule.ReadSDF,
}

// moleculeExt is the extension of a file of molecules, "" of any other.
func moleculeExt(path string) string {
	ext := filepath.Ext(strings.TrimSuffix(strings.ToLower(path), ".gz"))
	if moleculeReaders[ext] == nil {
		return ""
	}
	return ext
}

// moleculeFiles are the files that path, a file or a folder, stands for.
func moleculeFiles(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, explain(path, err)
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, explain(path, err)
	}
	var files []string
	for _, e := range entries {
		if moleculeExt(e.Name()) != "" && !e.IsDir() {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	return files, nil
}

func (molecules) Claims(path string) bool {
	files, err := moleculeFiles(path)
	return err == nil && len(files) > 0 && moleculeExt(files[0]) != ""
}

func (molecules) Gather(_ *pass, d *recipe.Data) (recipe.Set, error) {
	files, err := moleculeFiles(d.Name)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: %s: the folder holds no .xyz, .sdf or .mol file, gzipped or not", flow.ErrFormat, d.Name)
	}
	all := &molecule.Set{}
	sum := sha256.New()
	for _, path := range files {
		if err := addMolecules(all, path); err != nil {
			return nil, err
		}
		one, err := digest(path)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(sum, one)
	}
	if err := held(&d.Digest, hex.EncodeToString(sum.Sum(nil)), d.Name); err != nil {
		return nil, err
	}
	return &moleculeSet{all: all, learnt: all, form: moleculeForm{layout: all.Layout()}}, nil
}

func addMolecules(all *molecule.Set, path string) error {
	read := moleculeReaders[moleculeExt(path)]
	if read == nil {
		return fmt.Errorf("%w: %s: molecules are read from .xyz, .sdf and .mol files, gzipped or not", flow.ErrFormat, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return explain(path, err)
	}
	defer f.Close()
	set, err := molecule.Collect(read(f, path))
	if err != nil {
		return err
	}
	for i := range set.Len() {
		if n := set.Size(i); n > nn.MostAtoms {
			return fmt.Errorf("%w: %s: molecule %d has %d atoms; up to %d can be learnt", flow.ErrConfig, path, i+1, n, nn.MostAtoms)
		}
		all.Add(set.At(i))
	}
	return nil
}

// ReadRows reads molecules as rows of a model.
func (m molecules) ReadRows(s *Saved, path string) (Rows, error) {
	var out Rows
	set, err := m.Gather(nil, &recipe.Data{Name: path})
	if err != nil {
		return out, err
	}
	if set, err = set.(*moleculeSet).fit(s, path); err != nil {
		return out, err
	}
	all := set.(*moleculeSet)
	l := all.form.layout
	out.X = tensor.NewOf[float64](all.all.Len(), l.Dim())
	row := make([]float32, l.Dim())
	for i := range out.X.N {
		if err := l.Put(row, all.all, i); err != nil {
			return out, err
		}
		for j, v := range row {
			out.X.Row(i)[j] = float64(v)
		}
	}
	return out, nil
}

// fit gives the set the layout of a model, of which there must be room for it.
func (s *moleculeSet) fit(m *Saved, path string) (recipe.Set, error) {
	t := *s
	t.form = m.Form.(moleculeForm)
	l := t.form.layout
	for i := range s.all.Len() {
		if err := l.Fits(s.all, i); err != nil {
			return nil, fmt.Errorf("%s: molecule %d: %w", path, i+1, err)
		}
	}
	return &t, nil
}

// moleculeSet is molecules that were read.
type moleculeSet struct {
	all    *molecule.Set
	learnt *molecule.Set // those that Split gives to training
	form   moleculeForm  // without formulas until they are learnt or a model's
}

func (s *moleculeSet) Suit(r *recipe.Recipe) error {
	if r.Network.Kind != "egnn" {
		return &flow.FieldError{Path: "network.kind", Msg: fmt.Sprintf("%s does not know that molecules may be turned and renumbered; leave it out, for egnn", r.Network.Kind)}
	}
	if r.Predict == recipe.Auto {
		r.Predict = "data"
	}
	if p, err := r.Schedule(); err == nil && p != nil {
		if alpha, sigma, _, _ := p.At(0.5); math.Abs(alpha+sigma-1) > 1e-6 {
			return &flow.FieldError{Path: "path.name", Msg: "atoms keep their elements along straight paths only; choose linear"}
		}
	}
	if r.Predict != "data" {
		return &flow.FieldError{Path: "predict", Msg: fmt.Sprintf("the network of molecules answers data, not %s", r.Predict)}
	}
	r.Network.Shape = []int{s.form.layout.Atoms, len(s.form.layout.Elements)}
	return nil
}

func (s *moleculeSet) Split(heldOut float64, key rng.Key) (train, held data.RowSource, err error) {
	l := s.form.layout
	if heldOut == 0 || s.all.Len() < 20 {
		return moleculeRows{l.Rows(s.all), s.all}, nil, nil
	}
	a, b, err := data.SplitRows(s.all.Len(), heldOut, key)
	if err != nil {
		return nil, nil, err
	}
	kept := s.all.Select(b)
	s.learnt = s.all.Select(a)
	return moleculeRows{l.Rows(s.learnt), s.learnt}, moleculeRows{l.Rows(kept), kept}, nil
}

// moleculeRows are rows that remember the molecules that they stand for.
type moleculeRows struct {
	*data.Indexed
	set *molecule.Set
}

func (s *moleculeSet) Transform() data.Transform {
	t, err := s.form.layout.Transform(s.all.Spread())
	if err != nil {
		panic(err) // a finite spread above 0 is always taken
	}
	return t
}

// Form has the formulas of the molecules that are learnt.
func (s *moleculeSet) Form() recipe.Form {
	f := s.form
	if f.formulas == nil {
		f.formulas = s.learnt.Formulas()
	}
	return f
}

func (s *moleculeSet) Notes() []string {
	l := s.form.layout
	notes := []string{fmt.Sprintf("%d molecules of up to %d atoms of %s", s.all.Len(), l.Atoms, elementList(l.Elements))}
	var unknown []molecule.Element
	for _, e := range l.Elements {
		if !molecule.Known(e) {
			unknown = append(unknown, e)
		}
	}
	if len(unknown) > 0 {
		notes = append(notes, fmt.Sprintf("the table of bonds does not know %s: such atoms count as unstable", elementList(unknown)))
	}
	return notes
}

func elementList(es []molecule.Element) string {
	var text []string
	for _, e := range es {
		text = append(text, e.String())
	}
	return strings.Join(text, " ")
}

// moleculeForm is what a model's rows stand for.
type moleculeForm struct {
	layout   molecule.Layout
	formulas map[string]int
}

func (moleculeForm) Kind() string { return recipe.Molecules }

// storedMolecules is a form's JSON.
type storedMolecules struct {
	Atoms    int      `json:"atoms"`
	Elements []string `json:"elements"`
	// Formulas counts the molecules that were learnt by their formula.
	Formulas map[string]int `json:"formulas"`
}

func (f moleculeForm) MarshalJSON() ([]byte, error) {
	return json.Marshal(storedMolecules{f.layout.Atoms, strings.Fields(elementList(f.layout.Elements)), f.formulas})
}

func (molecules) Decode(b []byte) (recipe.Form, error) {
	var s storedMolecules
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: form of molecules: %w", flow.ErrFormat, err)
	}
	if s.Atoms < 1 || s.Atoms > nn.MostAtoms {
		return nil, fmt.Errorf("%w: form of molecules: %d atoms, not 1 to %d", flow.ErrFormat, s.Atoms, nn.MostAtoms)
	}
	f := moleculeForm{molecule.Layout{Atoms: s.Atoms}, s.Formulas}
	for _, text := range s.Elements {
		e, ok := molecule.ParseElement(text)
		if !ok || slices.Contains(f.layout.Elements, e) {
			return nil, fmt.Errorf("%w: form of molecules: the elements %v", flow.ErrFormat, s.Elements)
		}
		f.layout.Elements = append(f.layout.Elements, e)
	}
	if _, err := molecule.NewNoise(f.layout, f.formulas); err != nil {
		return nil, fmt.Errorf("%w: form of molecules: %w", flow.ErrFormat, err)
	}
	return f, nil
}

// Source is the method of recipe.Sourced.
func (f moleculeForm) Source() data.RowSource {
	n, err := molecule.NewNoise(f.layout, f.formulas)
	if err != nil {
		panic(err) // checked where a form is made
	}
	return n
}

// OfFormula returns the noise from which a model of molecules draws those of one
// formula, and whether the data have any. The error wraps flow.ErrFormat for a text
// that is no formula, or one of more atoms than there is room for, else
// flow.ErrConfig.
func (s *Saved) OfFormula(text string) (noise data.RowSource, seen bool, err error) {
	f, ok := s.Form.(moleculeForm)
	if !ok {
		return nil, false, fmt.Errorf("%w: only models of molecules know formulas; this is one of %s", flow.ErrConfig, s.Kind())
	}
	formula, err := molecule.ParseFormula(text)
	if err != nil {
		return nil, false, err
	}
	if noise, err = molecule.NewNoise(f.layout, map[string]int{formula.String(): 1}); err != nil {
		return nil, false, err
	}
	return noise, f.formulas[formula.String()] > 0, nil
}

// Meet prepares latents, row i of a and of b, for a way from one to the other: those of
// molecules come to have the same atoms, one by one. Noise of b, if drawn, takes over
// those of a; molecules of a file must be of one formula. The error wraps
// flow.ErrConfig. Latents of other models stay as they are.
func (s *Saved) Meet(a, b tensor.Mat, drawn bool) error {
	f, ok := s.Form.(moleculeForm)
	if !ok {
		return nil
	}
	if drawn {
		fit, err := coupling.NewAtoms(coupling.Config{Name: "independent"}, f.layout.Atoms, f.layout.Width())
		if err != nil {
			return err
		}
		var p flow.Pairs
		if err := fit.Pair(&p, b, a, flow.Cond{}, rng.Key{}); err != nil {
			return err
		}
		for i := range a.N {
			p.Align(i, b.Row(i), a.Row(i))
		}
		return nil
	}
	for i := range a.N {
		f.layout.Sort(a.Row(i))
		f.layout.Sort(b.Row(i))
		first, second := f.formula(a.Row(i)), f.formula(b.Row(i))
		if first != second {
			return fmt.Errorf("%w: from %s to %s there is no way: atoms keep their elements; name two molecules of one formula", flow.ErrConfig, first, second)
		}
	}
	return nil
}

// formula is that of a row's molecule.
func (f moleculeForm) formula(row []float32) string {
	x := make([]float64, len(row))
	for j, v := range row {
		x[j] = float64(v)
	}
	m := f.layout.Take(x)
	return m.Formula().String()
}

// Pairer is the method of recipe.Sourced.
func (f moleculeForm) Pairer(c coupling.Config) (flow.Pairer, error) {
	return coupling.NewAtoms(c, f.layout.Atoms, f.layout.Width())
}

// take returns the molecules that rows stand for.
func (f moleculeForm) take(rows tensor.Matrix[float64]) []molecule.Molecule {
	out := make([]molecule.Molecule, rows.N)
	for i := range out {
		out[i] = f.layout.Take(rows.Row(i))
	}
	return out
}

func (molecules) Formats() []string { return []string{"xyz", "sdf"} }

func (molecules) Write(w io.Writer, format string, s *Saved, rows tensor.Matrix[float64], first int) error {
	all := s.Form.(moleculeForm).take(rows)
	for i := range all {
		all[i].Title = fmt.Sprintf("sample %d", first+i)
	}
	if format == "sdf" {
		return molecule.WriteSDF(w, all...)
	}
	return molecule.WriteXYZ(w, all...)
}
