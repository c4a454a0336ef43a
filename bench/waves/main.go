// Command waves settles in which form sounds are best learnt: as log-mel
// spectrograms whose phases are found again, or as waves. Both are trained on the
// same takes for the same processor time with a U-Net of about the same cost, and
// what they make is read, as sounds, by one classifier of spectrograms.
//
//	go run ./bench/waves -data recordings/ -budget 4m
//
// It prints, for each form, the steps it took, the share of samples that are read
// as asked and the Frechet distance in the classifier's features, beside those
// of held-out takes that went through the form and back.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"time"

	"laminar/classify"
	"laminar/data"
	"laminar/data/audio"
	"laminar/flow"
	"laminar/internal/cputime"
	"laminar/metric"
	"laminar/nn"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
	"laminar/train"
)

func main() {
	where := flag.String("data", "", "tar file of WAV files called label_speaker_take.wav")
	budget := flag.Duration("budget", 4*time.Minute, "processor time of one training")
	flag.Parse()
	if err := compare(context.Background(), *where, *budget); err != nil {
		fmt.Fprintln(os.Stderr, "waves:", err)
		os.Exit(1)
	}
}

// form is one way to write a sound as numbers.
type form struct {
	name        string
	train, held *data.Stored
	transform   data.Affine
	net         nn.Spec
	// sound returns what a row stands for.
	sound func(row []float64, i int) ([]float32, error)
}

func compare(ctx context.Context, where string, budget time.Duration) error {
	f, err := os.Open(where)
	if err != nil {
		return err
	}
	defer f.Close()
	set, err := audio.ReadTar(f, where)
	if err != nil {
		return err
	}
	if _, err := set.Label(""); err != nil {
		return err
	}
	in, out, err := set.Matching(set.TestTakes())
	if err != nil {
		return err
	}
	shape := audio.FormFor(set.Rate, set.Longest())
	codec, err := shape.Codec()
	if err != nil {
		return err
	}
	mel, err := asRows(set, out, in, shape.Dim(), codec.Analyse)
	if err != nil {
		return err
	}
	mel.name = "log-mel"
	mel.net = nn.Spec{Width: 48, Shape: []int{shape.Bands, shape.Frames, 1}, Patch: 4, Levels: []int{1, 2, 2}, Heads: 3}
	mel.sound = func(row []float64, i int) ([]float32, error) {
		return codec.Synthesise(row, rng.New(0).Split("phases").At(uint64(i)))
	}
	n := shape.Samples()
	wave, err := asRows(set, out, in, n, func(dst []float64, x []float32) error {
		for i, v := range x[:min(len(x), n)] {
			dst[i] = float64(v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	wave.name = "wave"
	wave.net = nn.Spec{Width: 48, Shape: []int{1, n, 1}, Patch: 16, Levels: []int{1, 2, 2, 2}, Heads: 3}
	wave.sound = func(row []float64, _ int) ([]float32, error) {
		x := make([]float32, n)
		for i, v := range row {
			x[i] = float32(v)
		}
		return x, nil
	}
	c := classify.Defaults(shape.Bands, shape.Frames, 1)
	c.Width, c.Batch, c.Steps = 16, 64, 800
	reader, err := classify.Train(ctx, c, data.Transformed{RowSource: mel.train, Transform: mel.transform})
	if err != nil {
		return err
	}
	j := judge{reader: reader, codec: codec, z: mel.transform}
	if err := j.prepare(mel.held); err != nil {
		return err
	}
	for _, f := range []form{mel, wave} {
		if err := j.floor(f); err != nil {
			return err
		}
		if err := j.trained(ctx, f, budget); err != nil {
			return err
		}
	}
	return nil
}

// asRows writes the sounds of a set as rows of d numbers, by one mean and deviation.
func asRows(s *audio.Set, train, held []int, d int, write func(dst []float64, x []float32) error) (form, error) {
	var f form
	pick := func(of []int) (*data.Stored, error) {
		x, row := tensor.New(len(of), d), make([]float64, d)
		var cond flow.Cond
		for k, i := range of {
			clear(row)
			if err := write(row, s.Samples[i]); err != nil {
				return nil, err
			}
			for j, v := range row {
				x.Row(k)[j] = float32(v)
			}
			cond.Class = append(cond.Class, s.Class[i])
		}
		return data.NewStored(x, cond, flow.CondSpec{Classes: len(s.Classes)}, s.Classes)
	}
	var err error
	if f.train, err = pick(train); err != nil {
		return f, err
	}
	if f.held, err = pick(held); err != nil {
		return f, err
	}
	all := flow.NewSample(f.train, f.train.Len())
	if err := f.train.Draw(all, rng.New(0), 0); err != nil {
		return f, err
	}
	mean, square := 0.0, 0.0
	for _, v := range all.X.Data {
		mean += float64(v) / float64(len(all.X.Data))
	}
	for _, v := range all.X.Data {
		square += (float64(v) - mean) * (float64(v) - mean) / float64(len(all.X.Data))
	}
	f.transform, err = data.NewAffine(mean, max(1e-6, math.Sqrt(square)))
	return f, err
}

// Set is what a recipe is composed with.
func (f form) Suit(r *recipe.Recipe) error {
	kind := r.Network
	kind.Kind, kind.Width, kind.Shape, kind.Patch, kind.Levels, kind.Heads = "unet", f.net.Width, f.net.Shape, f.net.Patch, f.net.Levels, f.net.Heads
	r.Network = kind
	return nil
}

func (f form) Split(float64, rng.Key) (train, held data.RowSource, err error) {
	return f.train, f.held, nil
}
func (f form) Transform() data.Transform { return f.transform }
func (f form) Form() recipe.Form         { return nil }
func (f form) Notes() []string           { return nil }

// judge reads sounds.
type judge struct {
	reader *classify.Classifier
	codec  *audio.Codec
	z      data.Affine
	class  []int32
	real   tensor.Mat // features
}

// prepare reads the held-out takes themselves.
func (j *judge) prepare(held *data.Stored) error {
	s := flow.NewSample(held, held.Len())
	if err := held.Draw(s, rng.New(0), 0); err != nil {
		return err
	}
	z := tensor.New(s.X.N, s.X.D)
	if err := j.z.Forward(z, tensor.Convert[float64](s.X)); err != nil {
		return err
	}
	r, err := j.reader.Read(z)
	if err != nil {
		return err
	}
	j.class, j.real = s.Cond.Class, r.Features
	fmt.Printf("the classifier reads %.1f %% of %d held-out takes\n", 100*r.Agreement(j.class), z.N)
	return nil
}

// tell reads rows of a form as sounds and prints the figures.
func (j *judge) tell(what string, f form, rows tensor.Matrix[float64], class []int32) error {
	z, row := tensor.New(rows.N, j.codec.Dim()), make([]float64, j.codec.Dim())
	for i := range rows.N {
		x, err := f.sound(rows.Row(i), i)
		if err != nil {
			return err
		}
		if err := j.codec.Analyse(row, x); err != nil {
			return err
		}
		one := tensor.NewOf[float64](1, len(row))
		copy(one.Data, row)
		if err := j.z.Forward(z.Rows(i, i+1), one); err != nil {
			return err
		}
	}
	r, err := j.reader.Read(z)
	if err != nil {
		return err
	}
	fd, err := metric.Frechet(r.Features, j.real)
	fmt.Printf("%-8s %-28s read right %.1f %%  FD %.0f\n", f.name, what, 100*r.Agreement(class), fd)
	return err
}

// floor is what becomes of training takes through the form and back.
func (j *judge) floor(f form) error {
	s := flow.NewSample(f.train, 300)
	if err := f.train.Draw(s, rng.New(1), 0); err != nil {
		return err
	}
	return j.tell("training takes, and back", f, tensor.Convert[float64](s.X), s.Cond.Class)
}

// trained trains on the form for the budget and reads what the model makes.
func (j *judge) trained(ctx context.Context, f form, budget time.Duration) error {
	steps := 20
	for _, total := range []bool{false, true} {
		r, err := recipe.PresetFor(recipe.Sound, "default")
		if err != nil {
			return err
		}
		r.Data.Name, r.Data.HeldOutNames, r.Train.Steps = "takes", "", steps
		r.Train.ValidateEvery, r.Train.Patience = 1<<30, 0 // the budget is all for training
		plan, err := r.Compose(recipe.Material{Data: recipe.Given{Set: f}})
		if err != nil {
			return err
		}
		t, err := plan.Trainer(train.Options{})
		if err != nil {
			return err
		}
		used := cputime.Used()
		if err := t.Fit(ctx); err != nil {
			return err
		}
		used = cputime.Used() - used
		if !total {
			steps = int(float64(steps) * float64(budget) / float64(used))
			continue
		}
		m, err := plan.Model(t.Average(nn.Group), nil)
		if err != nil {
			return err
		}
		for _, nfe := range []int{8, 16, 32} {
			c := sample.Config{N: 300, Seed: rng.New(3), Solve: solve.Defaults()}
			c.Solve.Method, c.Solve.NFE = "euler", nfe
			for i := range c.N {
				c.Cond.Class = append(c.Cond.Class, j.class[i%len(j.class)])
			}
			x, _, err := sample.Draw(ctx, m, c)
			if err != nil {
				return err
			}
			if err := j.tell(fmt.Sprintf("%d steps, %.0f s, NFE %d", steps, used.Seconds(), nfe), f, x, c.Cond.Class); err != nil {
				return err
			}
		}
	}
	return nil
}
