package run

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"laminar/data"
	"laminar/flow"
	"laminar/graph"
	"laminar/internal/kernel"
	"laminar/model"
	"laminar/modelfile"
	"laminar/nn"
	"laminar/optim"
	"laminar/recipe"
	"laminar/train"
)

// Saved is a model file's content: a model, where it came from, and the state
// of its training if that was stored.
type Saved struct {
	Model  *model.Model
	Recipe recipe.Recipe
	// Form says what a row stands for, nil for plain points.
	Form recipe.Form
	// Source is the stored source of a model that starts from a file's rows, in
	// the network's space; nil otherwise.
	Source data.RowSource
	// Times are those of the marginals that the model was trained on, in the
	// numbers of its time column, the first at t = 0 and the last at t = 1; nil
	// without.
	Times []float64
	// Coupling is what the coupling learnt before training
	// (recipe.Plan.RestoreCoupling), nil for those that learn nothing.
	Coupling []byte
	// Kernels is the kernel set on which the model was trained.
	Kernels string
	// Steps and Loss are the training steps done and the mean loss over the last
	// 100 of them.
	Steps int
	Loss  float64
	// Seconds is the time spent in training so far.
	Seconds float64
	// Finished tells that training was complete.
	Finished bool
	// State is what resuming needs, nil if the file holds none.
	State *train.State
}

// The keys of a model file's metadata. Structured values are JSON.
const (
	metaFormat    = "format" // "pt": tensors are laid out as PyTorch's are
	metaVersion   = "laminar"
	metaRecipe    = "recipe"
	metaProgram   = "program"
	metaTransform = "transform"
	metaCond      = "conditions"
	metaColumns   = "columns"
	metaClasses   = "classes"
	metaCondNames = "condition_columns"   // of real-valued conditions, absent without
	metaCondMap   = "condition_transform" // likewise
	metaTimes     = "times"               // of the marginals, absent without
	metaForm      = "form"                // what a row stands for, absent for points
	metaChoices   = "choices"             // coordinates that are drawn and do not flow, absent without
	metaKernels   = "kernels"
	metaTraining  = "training"
)

// weakPrefix begins the names of the weak copy's tensors, statePrefix those that
// only training reads.
const (
	weakPrefix  = "weak/"
	statePrefix = "train/"
)

// couplingState is the tensor of what the coupling learnt.
const couplingState = "coupling"

// fileVersion is the version of the model file's own layout.
const fileVersion = "1"

// training is the part of the state that is not arrays.
type training struct {
	Steps    int       `json:"steps"`
	Loss     *float64  `json:"loss"`
	Seconds  float64   `json:"seconds"`
	Finished bool      `json:"finished"`
	Ended    bool      `json:"ended"`
	Lowest   *float64  `json:"lowest"`
	Without  int       `json:"without"`
	Groups   []stepped `json:"groups,omitempty"`
}

type stepped struct {
	Name string `json:"name"`
	Step int    `json:"step"`
}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Save writes a model file. The velocity network's tensors come first, under
// their own names, then those of its weaker copy, if any, under names that begin
// with "weak/"; the state's tensors have names that begin with "train/".
func Save(path string, s *Saved) error {
	f, err := encode(s)
	if err != nil {
		return err
	}
	return WriteFile(path, func(w io.Writer) error { return modelfile.Write(w, f) })
}

// Write writes to w what Save writes to a file.
func Write(w io.Writer, s *Saved) error {
	f, err := encode(s)
	if err != nil {
		return err
	}
	return modelfile.Write(w, f)
}

func encode(s *Saved) (*modelfile.File, error) {
	m := s.Model
	f := &modelfile.File{Meta: map[string]string{metaFormat: "pt", metaVersion: fileVersion, metaKernels: s.Kernels}}
	tr := training{Steps: s.Steps, Loss: finite(s.Loss), Seconds: s.Seconds, Finished: s.Finished}
	put := func(name string, shape []int, v []float32) error {
		t, err := modelfile.FromFloat32(name, shape, v)
		f.Tensors = append(f.Tensors, t)
		return err
	}
	for _, e := range m.Program.Layout(nn.Group).Entries {
		if err := put(e.Name, e.Shape, m.Params[e.Offset:e.Offset+e.Size]); err != nil {
			return nil, err
		}
	}
	if m.Weak != nil {
		for _, e := range m.Program.Layout(nn.Group).Entries {
			if err := put(weakPrefix+e.Name, e.Shape, m.Weak[e.Offset:e.Offset+e.Size]); err != nil {
				return nil, err
			}
		}
	}
	if st, ok := s.Source.(*data.Stored); ok {
		if err := put("source.x", []int{st.Len(), st.Dim()}, st.X().Data); err != nil {
			return nil, err
		}
	}
	if s.Coupling != nil {
		f.Tensors = append(f.Tensors, modelfile.Tensor{Name: couplingState, DType: modelfile.U8, Shape: []int{len(s.Coupling)}, Data: s.Coupling})
	}
	if st := s.State; st != nil {
		tr.Ended, tr.Lowest, tr.Without = st.Ended, finite(st.Lowest), st.Without
		for _, g := range st.Groups {
			tr.Groups = append(tr.Groups, stepped{g.Name, g.Optim.Step})
			for _, a := range []struct {
				name string
				v    []float32
			}{{"params", g.Params}, {"m", g.Optim.M}, {"v", g.Optim.V}, {"ema", g.Optim.EMA}} {
				if a.v != nil {
					if err := put(statePrefix+g.Name+"/"+a.name, []int{len(a.v)}, a.v); err != nil {
						return nil, err
					}
				}
			}
		}
		if st.Best != nil {
			if err := put(statePrefix+"best", []int{len(st.Best)}, st.Best); err != nil {
				return nil, err
			}
		}
		if st.Weak != nil && m.Weak == nil { // which is the same
			if err := put(statePrefix+"weak", []int{len(st.Weak)}, st.Weak); err != nil {
				return nil, err
			}
		}
		t, err := modelfile.FromFloat64(statePrefix+"recent", []int{len(st.Recent)}, st.Recent)
		if err != nil {
			return nil, err
		}
		f.Tensors = append(f.Tensors, t)
	}
	if m.CondTransform != nil {
		b, err := json.Marshal(m.CondTransform)
		if err != nil {
			return nil, err
		}
		f.Meta[metaCondMap] = string(b)
	}
	if len(m.Conditions) > 0 {
		b, err := json.Marshal(m.Conditions)
		if err != nil {
			return nil, err
		}
		f.Meta[metaCondNames] = string(b)
	}
	if len(m.Choices) > 0 {
		b, err := json.Marshal(m.Choices)
		if err != nil {
			return nil, err
		}
		f.Meta[metaChoices] = string(b)
	}
	if s.Times != nil {
		b, err := json.Marshal(s.Times)
		if err != nil {
			return nil, err
		}
		f.Meta[metaTimes] = string(b)
	}
	if s.Form != nil {
		text, err := encodeForm(s.Form)
		if err != nil {
			return nil, err
		}
		f.Meta[metaForm] = text
	}
	for key, v := range map[string]any{
		metaRecipe: s.Recipe, metaProgram: m.Program, metaTransform: m.Transform, metaCond: m.Cond,
		metaColumns: m.Columns, metaClasses: m.Classes, metaTraining: tr,
	} {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		f.Meta[key] = string(b)
	}
	return f, nil
}

// Load reads a model file, or the one in a run folder. kernels names the kernel
// set to run on; "" is the one that the file records where this machine has it,
// else the best. The error wraps flow.ErrFormat when the file is at fault.
func Load(path, kernels string) (*Saved, error) {
	path, err := modelPath(path)
	if err != nil {
		return nil, err
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return nil, explain(path, err)
	}
	f, err := modelfile.Read(in, st.Size())
	if err == nil {
		var s *Saved
		if s, err = decode(f, kernels); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

func decode(f *modelfile.File, kernels string) (*Saved, error) {
	version, err := strconv.Atoi(f.Meta[metaVersion])
	if err != nil {
		return nil, fmt.Errorf("%w: not a Laminar model; laminar train --weights takes weights from such a file", flow.ErrFormat)
	}
	if strconv.Itoa(version) != fileVersion {
		return nil, fmt.Errorf("%w: the file is of version %d, this program reads %s; use a newer program", flow.ErrFormat, version, fileVersion)
	}
	s := &Saved{Kernels: f.Meta[metaKernels]}
	var c model.Config
	var tr training
	for key, v := range map[string]any{metaCond: &c.Cond, metaColumns: &c.Columns, metaClasses: &c.Classes, metaTraining: &tr} {
		if err := json.Unmarshal([]byte(f.Meta[key]), v); err != nil {
			return nil, fmt.Errorf("%w: metadata %q: %w", flow.ErrFormat, key, err)
		}
	}
	if s.Recipe, err = recipe.Decode([]byte(f.Meta[metaRecipe])); err != nil {
		return nil, fmt.Errorf("metadata %q: %w", metaRecipe, err)
	}
	if c.Schedule, err = s.Recipe.Schedule(); err != nil {
		return nil, fmt.Errorf("metadata %q: %w", metaRecipe, err)
	}
	c.Coupled = s.Recipe.Coupled()
	c.Once = s.Recipe.Once()
	if c.Transform, err = data.DecodeTransform([]byte(f.Meta[metaTransform])); err != nil {
		return nil, fmt.Errorf("metadata %q: %w", metaTransform, err)
	}
	if text, ok := f.Meta[metaCondMap]; ok {
		if c.CondTransform, err = data.DecodeTransform([]byte(text)); err != nil {
			return nil, fmt.Errorf("metadata %q: %w", metaCondMap, err)
		}
		if d := c.CondTransform.Dim(); d != 0 && d != c.Cond.Real {
			return nil, fmt.Errorf("%w: metadata %q: %d columns for %d conditions", flow.ErrFormat, metaCondMap, d, c.Cond.Real)
		}
	}
	if text, ok := f.Meta[metaCondNames]; ok {
		if err := json.Unmarshal([]byte(text), &c.Conditions); err != nil || len(c.Conditions) != c.Cond.Real {
			return nil, fmt.Errorf("%w: metadata %q does not name %d conditions", flow.ErrFormat, metaCondNames, c.Cond.Real)
		}
	}
	if text, ok := f.Meta[metaForm]; ok {
		if s.Form, err = decodeForm(text); err != nil {
			return nil, err
		}
		if s.Source = recipe.SourceOf(s.Form); s.Source != nil {
			c.Schedule = nil
		}
	}
	if text, ok := f.Meta[metaChoices]; ok {
		if err := json.Unmarshal([]byte(text), &c.Choices); err != nil {
			return nil, fmt.Errorf("%w: metadata %q: %w", flow.ErrFormat, metaChoices, err)
		}
	}
	if c.Program, err = graph.Decode([]byte(f.Meta[metaProgram])); err != nil {
		return nil, fmt.Errorf("%w: metadata %q: %w", flow.ErrFormat, metaProgram, err)
	}
	if c.Kernels, err = pickKernels(kernels, s.Kernels); err != nil {
		return nil, err
	}
	l := c.Program.Layout(nn.Group)
	if c.Params, err = parameters(f, l, ""); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(f.Tensors, func(t modelfile.Tensor) bool { return strings.HasPrefix(t.Name, weakPrefix) }) {
		if c.Weak, err = parameters(f, l, weakPrefix); err != nil {
			return nil, err
		}
	}
	if s.Model, err = model.New(c); err != nil {
		return nil, fmt.Errorf("%w: %w", flow.ErrFormat, err)
	}
	if d := c.Transform.Dim(); d != 0 && d != s.Model.Dim() {
		return nil, fmt.Errorf("%w: the transform has %d columns, the network %d", flow.ErrFormat, d, s.Model.Dim())
	}
	s.Steps, s.Seconds, s.Finished, s.Loss = tr.Steps, tr.Seconds, tr.Finished, math.NaN()
	if tr.Loss != nil {
		s.Loss = *tr.Loss
	}
	if err := s.decodeSource(f); err != nil {
		return nil, err
	}
	if err := s.decodeTimes(f); err != nil {
		return nil, err
	}
	if t, ok := f.Lookup(couplingState); ok {
		if t.DType != modelfile.U8 {
			return nil, fmt.Errorf("%w: tensor %q is of %s, not of bytes", flow.ErrFormat, couplingState, t.DType)
		}
		s.Coupling = t.Data
	}
	return s, s.decodeState(f, tr)
}

// parameters reads the arena of a layout, whose tensors' names begin with prefix.
func parameters(f *modelfile.File, l graph.Layout, prefix string) ([]float32, error) {
	var arena []float32
	for _, e := range l.Entries {
		t, ok := f.Lookup(prefix + e.Name)
		if !ok {
			return nil, fmt.Errorf("%w: parameter %q is missing", flow.ErrFormat, prefix+e.Name)
		}
		v, err := t.Float32()
		if err != nil || !slices.Equal(t.Shape, e.Shape) {
			return nil, fmt.Errorf("%w: parameter %q has shape %v, the program says %v", flow.ErrFormat, prefix+e.Name, t.Shape, e.Shape)
		}
		arena = append(arena, v...)
	}
	for i, v := range arena {
		if v-v != 0 {
			return nil, fmt.Errorf("%w: parameter number %d is %v", flow.ErrFormat, i, v)
		}
	}
	return arena, nil
}

// pickKernels chooses the kernel set: the one asked for, the one recorded if it
// is at hand, else the best.
func pickKernels(asked, recorded string) (*kernel.Set, error) {
	if asked != "" && asked != "auto" {
		k, err := kernel.Named(asked)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", flow.ErrConfig, err)
		}
		return k, nil
	}
	if asked == "" {
		if k, err := kernel.Named(recorded); err == nil {
			return k, nil
		}
	}
	return kernel.Best(), nil
}

func (s *Saved) decodeState(f *modelfile.File, tr training) error {
	recent, ok := f.Lookup(statePrefix + "recent")
	if !ok {
		return nil
	}
	st := &train.State{Step: tr.Steps, Without: tr.Without, Ended: tr.Ended, Lowest: math.Inf(1), Weak: s.Model.Weak}
	if tr.Lowest != nil {
		st.Lowest = *tr.Lowest
	}
	var err error
	if st.Recent, err = recent.Float64(); err != nil {
		return err
	}
	array := func(name string) []float32 {
		t, ok := f.Lookup(name)
		if !ok || err != nil {
			return nil
		}
		var v []float32
		v, err = t.Float32()
		return v
	}
	st.Best = array(statePrefix + "best")
	if st.Weak == nil {
		st.Weak = array(statePrefix + "weak")
	}
	for _, g := range tr.Groups {
		at := statePrefix + g.Name + "/"
		st.Groups = append(st.Groups, train.GroupState{
			Name: g.Name, Params: array(at + "params"),
			Optim: optim.State{Step: g.Step, M: array(at + "m"), V: array(at + "v"), EMA: array(at + "ema")},
		})
	}
	s.State = st
	return err
}

func (s *Saved) decodeSource(f *modelfile.File) error {
	name := s.Recipe.Source
	if t, ok := f.Lookup("source.x"); ok {
		v, err := t.Float32()
		if err != nil || len(t.Shape) != 2 || t.Shape[1] != s.Model.Dim() || t.Shape[0] < 1 {
			return fmt.Errorf("%w: the stored source has shape %v, want rows of %d", flow.ErrFormat, t.Shape, s.Model.Dim())
		}
		s.Source, err = data.NewStored(matOf(t.Shape[0], t.Shape[1], v), flow.Cond{}, flow.CondSpec{}, nil)
		return err
	}
	if s.Source != nil && s.Source.Dim() != s.Model.Dim() {
		return fmt.Errorf("%w: the form has rows of %d numbers, the model of %d", flow.ErrFormat, s.Source.Dim(), s.Model.Dim())
	}
	if s.Recipe.GaussianSource() {
		return nil
	}
	if s.Recipe.Data.TimeColumn != "" {
		return fmt.Errorf("%w: the file lacks the rows of its first time", flow.ErrFormat)
	}
	stuff, err := recipe.BuiltInData(name, false)
	if err != nil || stuff.Toy == nil {
		return fmt.Errorf("%w: the file lacks the rows of its source %q", flow.ErrFormat, name)
	}
	s.Source = stuff.Toy
	if z, ok := s.Model.Transform.(*data.Standardise); ok {
		s.Source = data.Transformed{RowSource: stuff.Toy, Transform: z}
	}
	if s.Source.Dim() != s.Model.Dim() {
		return fmt.Errorf("%w: the source %q has %d columns, the model %d", flow.ErrFormat, name, s.Source.Dim(), s.Model.Dim())
	}
	return nil
}
