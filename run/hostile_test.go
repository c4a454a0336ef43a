package run

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/modelfile"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/train"
)

// savedBytes trains a step of a tiny model and returns its file.
func savedBytes(t testing.TB, set, label, source string, standardise bool) []byte {
	t.Helper()
	r, err := recipe.Preset("post")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Data.Label, r.Source, r.Data.Standardise = set, label, source, standardise
	r.Network.Width, r.Network.Depth, r.Train.Batch, r.Train.Steps = 3, 1, 4, 1
	m, err := Gather(t.Context(), &r, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := plan.Trainer(train.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Fit(context.Background()); err != nil {
		t.Fatal(err)
	}
	s, err := Snapshot(plan, tr, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := encode(s)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := modelfile.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// edited returns a saved file after a change.
func edited(t testing.TB, b []byte, change func(*modelfile.File)) []byte {
	t.Helper()
	f, err := modelfile.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	f.Meta = maps.Clone(f.Meta)
	change(f)
	var out bytes.Buffer
	if err := modelfile.Write(&out, f); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func floats(t testing.TB, name string, shape []int, v ...float32) modelfile.Tensor {
	t.Helper()
	x, err := modelfile.FromFloat32(name, shape, v)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestLoadRefuses(t *testing.T) {
	good := savedBytes(t, "moons", "", "gaussian", true)
	meta := func(key, from, to string) []byte {
		return edited(t, good, func(f *modelfile.File) {
			if !strings.Contains(f.Meta[key], from) {
				t.Fatalf("%s: no %q in %s", key, from, f.Meta[key])
			}
			f.Meta[key] = strings.Replace(f.Meta[key], from, to, 1)
		})
	}
	swap := func(x modelfile.Tensor) []byte {
		return edited(t, good, func(f *modelfile.File) {
			f.Tensors = slices.DeleteFunc(f.Tensors, func(y modelfile.Tensor) bool { return y.Name == x.Name })
			f.Tensors = append(f.Tensors, x)
		})
	}
	path := filepath.Join(t.TempDir(), "m")
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "holds 0"},
		{"cut", good[:len(good)-7], "7 bytes of tensors are missing"},
		{"cut in the header", good[:100], "cut short"},
		{"no model of ours", edited(t, good, func(f *modelfile.File) { f.Meta = nil }), "--weights"},
		{"a newer version", meta(metaVersion, "1", "2"), "use a newer program"},
		{"no recipe", edited(t, good, func(f *modelfile.File) { delete(f.Meta, metaRecipe) }), metaRecipe},
		{"a bad recipe", meta(metaRecipe, `"steps":1`, `"steps":-1`), "train.steps"},
		{"no program", meta(metaProgram, "{", ""), metaProgram},
		{"a program cut short", edited(t, good, func(f *modelfile.File) { f.Meta[metaProgram] = f.Meta[metaProgram][:40] }), metaProgram},
		{"an unknown transform", meta(metaTransform, `"kind":"standardise"`, `"kind":"twist"`), metaTransform},
		{"a transform of 3", meta(metaTransform, `"mean":[`, `"mean":[0,`), metaTransform},
		{"too many columns", meta(metaColumns, `"x1"`, `"x1","x2"`), "3 column names for 2"},
		{"class names without classes", edited(t, good, func(f *modelfile.File) { f.Meta[metaClasses] = `["a"]` }), "1 class names for 0 classes"},
		{"bad training", meta(metaTraining, `"steps":1`, `"steps":"a"`), metaTraining},
		{"a parameter gone", edited(t, good, func(f *modelfile.File) {
			f.Tensors = slices.DeleteFunc(f.Tensors, func(y modelfile.Tensor) bool { return y.Name == "net.0.bias" })
		}), `"net.0.bias" is missing`},
		{"a weak copy without its beginning", edited(t, good, func(f *modelfile.File) {
			f.Tensors = append(f.Tensors, floats(t, "weak/net.0.bias", []int{3}, 1, 2, 3))
		}), `parameter "weak/net.0.weight" is missing`},
		{"a parameter's shape", swap(floats(t, "net.2.weight", []int{3, 2}, 1, 2, 3, 4, 5, 6)), `"net.2.weight" has shape [3 2], the program says [2 3]`},
		{"NaN", swap(floats(t, "net.0.bias", []int{3}, 1, float32(math.NaN()), 3)), "NaN"},
		{"a source of 3", edited(t, good, func(f *modelfile.File) { f.Tensors = append(f.Tensors, floats(t, "source.x", []int{1, 3}, 1, 2, 3)) }), "stored source has shape [1 3]"},
		{"a source that is nowhere", meta(metaRecipe, `"source":"gaussian"`, `"source":"lost.csv"`), `lacks the rows of its source "lost.csv"`},
		{"a state in integers", edited(t, good, func(f *modelfile.File) {
			for i := range f.Tensors {
				if f.Tensors[i].Name == "train/net/m" {
					f.Tensors[i].DType = modelfile.I32
				}
			}
		}), "train/net/m"},
	} {
		if err := os.WriteFile(path, c.b, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, "")
		if err == nil || !errors.Is(err, flow.ErrFormat) && !errors.Is(err, flow.ErrConfig) && !errors.Is(err, flow.ErrShape) ||
			!strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: want %q, got %v", c.name, c.want, err)
		}
	}
	for name, p := range map[string]string{"no file": path + "x", "a folder without a run": t.TempDir()} {
		if _, err := Load(p, ""); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a file holds, Load answers with a model that can be sampled, or with
// an error.
func FuzzLoad(f *testing.F) {
	for _, s := range [][3]string{{"moons", "", "gaussian"}, {"8gaussians", "class", "gaussian"}, {"moons", "", "rings"}} {
		f.Add(savedBytes(f, s[0], s[1], s[2], false))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := modelfile.Decode(b)
		if err != nil {
			return
		}
		s, err := decode(file, "go")
		if err != nil || len(s.Model.Params) > 1<<16 {
			return
		}
		_, _, _ = sample.Draw(context.Background(), s.Model, sample.Config{
			N: 3, Seed: rng.New(1), Source: s.Source, Solve: solve.Config{Method: "euler", Steps: 1},
		})
	})
}

// Metrics are cut back to the checkpoint and not rewritten.
func TestMetricsAreCutBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	text := "{\"step\":20,\"loss\":1.50}\n{\"step\":40,\"loss\":1}\n{\"step\":60,\"loss\":0.5,\"held_out\":2}\n{\"step\":80,\"lo"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	lines, err := ReadMetrics(path)
	if err != nil || len(lines) != 3 || lines[2].Step != 60 || *lines[2].HeldOut != 2 {
		t.Errorf("%+v, %v", lines, err)
	}
	m, err := openMetrics(path, 45)
	if err != nil {
		t.Fatal(err)
	}
	// Before anything is flushed the kept lines are in place, byte for byte.
	want := text[:strings.Index(text, `{"step":60`)]
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("cut back to %q, %v", b, err)
	}
	if err := errors.Join(m.add(Line{Step: 60, Loss: 0.25}), m.close()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != want+"{\"step\":60,\"loss\":0.25}\n" {
		t.Errorf("continued as %q, %v", b, err)
	}
}
