package run

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/modelfile"
	"laminar/recipe"
	"laminar/tensor"
	"laminar/train"
)

// A state that does not fit its network is found when training would continue,
// at the latest.
func TestStateThatDoesNotFitIsRefused(t *testing.T) {
	good := savedBytes(t, "moons", "", "gaussian", true)
	meta := func(from, to string) []byte {
		return edited(t, good, func(f *modelfile.File) {
			if !strings.Contains(f.Meta[metaTraining], from) {
				t.Fatalf("no %s in %s", from, f.Meta[metaTraining])
			}
			f.Meta[metaTraining] = strings.Replace(f.Meta[metaTraining], from, to, 1)
		})
	}
	without := func(name string, with ...modelfile.Tensor) []byte {
		return edited(t, good, func(f *modelfile.File) {
			if _, ok := f.Lookup(name); !ok {
				t.Fatalf("no tensor %q", name)
			}
			f.Tensors = slices.DeleteFunc(f.Tensors, func(x modelfile.Tensor) bool { return x.Name == name })
			f.Tensors = append(f.Tensors, with...)
		})
	}
	short := func(name string) []byte { return without(name, floats(t, name, []int{2}, 1, 1)) }
	for name, b := range map[string][]byte{
		"a step beyond the run": meta(`"steps":1`, `"steps":2`),
		"a step below zero":     meta(`"steps":1`, `"steps":-1`),
		"another group":         meta(`"name":"net"`, `"name":"critic"`),
		"no group":              meta(`"groups"`, `"grapes"`),
		"short parameters":      short("train/net/params"),
		"short moments":         short("train/net/m"),
		"no second moments":     without("train/net/v"),
		"two losses":            short("train/recent"),
	} {
		f, err := modelfile.Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s, err := decode(f, "")
		if err == nil {
			err = continued(t, s)
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// continued takes up the run of a saved model.
func continued(t *testing.T, s *Saved) error {
	t.Helper()
	m, err := recipe.BuiltIn(s.Recipe)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Recipe.Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := plan.Trainer(train.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return tr.Restore(*s.State)
}

func TestEveryTruncationIsRefused(t *testing.T) {
	b := savedBytes(t, "moons", "", "gaussian", true)
	for n := 0; n < len(b); n += 1 + len(b)/500 {
		if _, err := modelfile.Decode(b[:n]); !errors.Is(err, flow.ErrFormat) {
			t.Fatalf("the first %d of %d bytes: %v, want flow.ErrFormat", n, len(b), err)
		}
	}
	if _, err := modelfile.Decode(append(slices.Clone(b), 0)); !errors.Is(err, flow.ErrFormat) {
		t.Errorf("a byte more: %v, want flow.ErrFormat", err)
	}
}

// FuzzLoadMetadata changes one metadata text of a file that is whole otherwise.
// A model that is accepted must answer.
func FuzzLoadMetadata(f *testing.F) {
	keys := []string{metaProgram, metaRecipe, metaTransform, metaCond, metaTraining, metaColumns, metaClasses, metaKernels}
	whole, err := modelfile.Decode(savedBytes(f, "moons", "class", "gaussian", true))
	if err != nil {
		f.Fatal(err)
	}
	for i, k := range keys {
		f.Add(uint8(i), whole.Meta[k])
		f.Add(uint8(i), strings.ReplaceAll(whole.Meta[k], "2", "-3"))
		f.Add(uint8(i), "null")
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		file := &modelfile.File{Meta: maps.Clone(whole.Meta), Tensors: whole.Tensors}
		file.Meta[keys[int(which)%len(keys)]] = text
		if modelfile.Write(new(bytes.Buffer), file) != nil {
			return // no file can hold that text
		}
		s, err := decode(file, "")
		if err != nil {
			return
		}
		field, err := s.Model.Bind(flow.Cond{})
		if err != nil {
			t.Fatalf("an accepted model is not unconditional: %v", err)
		}
		dst, x := tensor.New(3, s.Model.Dim()), tensor.New(3, s.Model.Dim())
		if err := field.Velocity(dst, x, 0.5); err != nil {
			t.Fatalf("an accepted model does not answer: %v", err)
		}
	})
}
