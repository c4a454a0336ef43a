package run

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"laminar/classify"
	"laminar/data"
	"laminar/data/audio"
	"laminar/flow"
	"laminar/metric"
	"laminar/plot"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
)

func soundOf(s *Saved) soundForm { return s.Form.(soundForm) }

// Plural names the rows of the model: points, images, sounds, molecules.
func (s *Saved) Plural() string {
	if s.Kind() == recipe.Sound {
		return "sounds"
	}
	return s.Kind()
}

func (sounds) Formats() []string { return []string{"wav"} }

// gap is the silence between the sounds of a file, in seconds.
const gap = 0.25

// Write writes the sounds one after the other, with a short silence between
// them, as a WAV file of 16 bits.
func (sounds) Write(w io.Writer, _ string, s *Saved, rows tensor.Matrix[float64], first int) error {
	f := soundOf(s)
	waves, err := f.waves(rows, first)
	if err != nil {
		return err
	}
	var all []float32
	for i, x := range waves {
		if i > 0 {
			all = append(all, make([]float32, int(gap*float64(f.Rate)))...)
		}
		all = append(all, x...)
	}
	return audio.WriteWAV(w, audio.PCM16, f.Rate, all)
}

// waves are the samples of rows, the first of them number first: a row's phases
// depend on its number and on nothing else.
func (f soundForm) waves(rows tensor.Matrix[float64], first int) ([][]float32, error) {
	c, err := f.Codec()
	if err != nil {
		return nil, err
	}
	out := make([][]float32, rows.N)
	return out, eachRow(rows.N, func(i int) (err error) {
		out[i], err = c.Synthesise(rows.Row(i), rng.New(0).Split("phases").At(uint64(first+i)))
		return err
	})
}

// heard returns the spectrograms of the WAV files that are made of rows.
func (f soundForm) heard(rows tensor.Matrix[float64]) (tensor.Matrix[float64], error) {
	none := tensor.Matrix[float64]{}
	waves, err := f.waves(rows, 0)
	if err != nil {
		return none, err
	}
	for i, x := range waves {
		var file bytes.Buffer
		if err := audio.WriteWAV(&file, audio.PCM16, f.Rate, x); err != nil {
			return none, err
		}
		if _, waves[i], err = audio.ReadWAV(&file, "the file of a sample"); err != nil {
			return none, err
		}
	}
	z, err := f.analyse(waves)
	return tensor.Convert[float64](z), err
}

// loudest is the level of ink in a picture, in decibels.
const loudest = -10

// gallery shows spectrograms with the high bands above.
func (f soundForm) gallery(s *Saved) gallery {
	scale := 1.0
	if z, ok := s.Model.Transform.(data.Affine); ok {
		scale = z.Std()
	}
	return gallery{
		kind: recipe.Sound, many: "sounds", one: "sound", h: f.Bands, w: f.Frames, c: 1, unit: "decibels", scale: scale,
		grid: func(rows tensor.Mat) plot.Images {
			return plot.Images{Rows: f.upright(rows), Width: f.Frames, Height: f.Bands, Lo: -f.Floor, Hi: loudest, Columns: min(square(rows.N), perClass)}
		},
		seen: f.heard,
		made: "A sample is written as a WAV file, its phases found by Griffin-Lim, and read from\nthat; the floor's sounds go the same way.",
		classifier: func(c *classify.Config, n int) {
			// A spectrogram has many numbers, and few sounds are soon known.
			c.Width, c.Batch, c.Steps = 16, 64, min(800, max(200, n))
		},
	}
}

// upright returns rows with the highest band first.
func (f soundForm) upright(rows tensor.Mat) tensor.Mat {
	out := tensor.New(rows.N, rows.D)
	for i := range rows.N {
		from, to := rows.Row(i), out.Row(i)
		for b := range f.Bands {
			copy(to[(f.Bands-1-b)*f.Frames:][:f.Frames], from[b*f.Frames:])
		}
	}
	return out
}

// Picture shows spectrograms, time to the right and pitch upwards.
func (sounds) Picture(s *Saved, rows tensor.Matrix[float64], o PictureOptions) (plot.Figure, error) {
	return soundOf(s).gallery(s).picture(rows, o)
}

// judgedSounds is the number of samples by which a model is judged unless told
// otherwise: the phases of each are found anew.
const judgedSounds = 300

func (sounds) tune(o *EvalOptions) {
	o.N, o.Settings = judgedSounds, nil
	for _, nfe := range []int{4, 8, 16, 32} {
		o.Settings = append(o.Settings, metric.Setting{Solver: "euler", NFE: nfe})
	}
}

// Judge judges a model by a classifier of the sounds that it has learnt from,
// which reads the files that are made of samples.
func (sounds) Judge(ctx context.Context, s *Saved, plan *recipe.Plan, o EvalOptions) (Judgement, error) {
	r, err := soundOf(s).gallery(s).judge(ctx, s, plan, o)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Film writes a GIF of spectrograms that come out of noise.
func (sounds) Film(ctx context.Context, w io.Writer, s *Saved, plan *recipe.Plan, o AnimateOptions) error {
	return soundOf(s).gallery(s).film(ctx, w, s, plan, o)
}

// Glimpse shows samples of a model that is still in training.
func (sounds) Glimpse(ctx context.Context, s *Saved, threads int) (plot.Figure, error) {
	var o PictureOptions
	o.Sample.Workers = threads
	grid, err := soundOf(s).gallery(s).byClass(ctx, s, o)
	if err != nil {
		return plot.Figure{}, err
	}
	return grid.Figure()
}

// ReadRows reads sounds as rows of a model.
func (sounds) ReadRows(s *Saved, path string) (Rows, error) {
	var out Rows
	set, err := readSounds(path)
	if err != nil {
		return out, err
	}
	if _, err := set.Label(s.Recipe.Data.Label); err != nil {
		return out, err
	}
	fitted, err := (&soundSet{Set: set}).fit(s, path)
	if err != nil {
		return out, err
	}
	all := fitted.(*soundSet)
	out.X, out.Cond.Class = tensor.Convert[float64](all.rows), all.Class
	for _, k := range all.Class {
		out.Class = append(out.Class, all.Classes[k])
	}
	return out, nil
}

// classesOf returns the classes of sounds by the ids that the model knows them
// by.
func (s *Saved) classesOf(set *audio.Set, path string) ([]int32, error) {
	var out []int32
	for _, k := range set.Class {
		id := slices.Index(s.Model.Classes, set.Classes[k])
		if id < 0 {
			return nil, fmt.Errorf("%w: %s holds the class %q, which the model was not trained with", flow.ErrConfig, path, set.Classes[k])
		}
		out = append(out, int32(id))
	}
	return out, nil
}

// fit returns the sounds as rows of a model.
func (s *soundSet) fit(m *Saved, path string) (recipe.Set, error) {
	t := *s
	t.form = soundOf(m)
	if t.Rate != t.form.Rate {
		return nil, fmt.Errorf("%w: %s has %d samples a second, the model makes %d: bring it to that rate", flow.ErrFormat, path, t.Rate, t.form.Rate)
	}
	known := *s.Set
	t.Set = &known
	var err error
	if m.Model.Cond.Classes == 0 {
		known.Class, known.Classes = nil, nil
	} else if len(known.Classes) > 0 {
		if known.Class, err = m.classesOf(s.Set, path); err != nil {
			return nil, err
		}
		known.Classes = m.Model.Classes
	}
	t.rows, err = t.form.analyse(t.Samples)
	return &t, err
}
