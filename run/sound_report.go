package run

import (
	"context"

	"laminar/flow"
	"laminar/plot"
	"laminar/recipe"
	"laminar/report"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// The pictures of a run folder that sounds have beside those of a gallery.
const (
	besidePicture = "beside.png"
	wavesPicture  = "waves.png"
)

// Quality draws the figures of an eval.json.
func (sounds) Quality(judged []byte) (plot.Figure, error) { return readingQuality(judged) }

func (sounds) Files() []string { return append([]string{besidePicture, wavesPicture}, galleryFiles...) }

func (sounds) Sections(ctx context.Context, s *Saved, plan *recipe.Plan, j Judgement, o PictureOptions) ([]report.Section, error) {
	r, _ := j.(*ReadingReport)
	out, err := soundOf(s).gallery(s).sections(ctx, s, r, o)
	if err != nil || plan.Judge == nil {
		return out, err
	}
	b, err := soundOf(s).beside(ctx, s, plan, o)
	if err != nil {
		return nil, err
	}
	sec := report.Section{Title: "Spoken and made", Text: "Time runs to the right, pitch upwards by the mel scale. Those on the left are " + plan.Against + "; those on the right are read from the WAV files of samples."}
	for _, p := range []struct {
		file, caption string
		draw          func(dark bool) (plot.Figure, error)
	}{
		{besidePicture, "Spectrograms: spoken on the left, made on the right.", b.spectrograms},
		{wavesPicture, "The same sounds as waves, each by its own loudness; those on the left too are made from their spectrograms.", b.waves},
	} {
		f, err := inBoth(p.file, p.caption, p.draw)
		if err != nil {
			return nil, err
		}
		sec.Figures = append(sec.Figures, f)
	}
	return append([]report.Section{sec}, out...), nil
}

// besideTitle is that of both pictures.
const besideTitle = "spoken on the left, made on the right"

// besides is the number of sounds on each side of a line.
const besides = 4

// pairing is real sounds on the left and samples on the right, with a gap
// between: a line to a class.
type pairing struct {
	form  soundForm
	g     gallery
	names []string
	rows  tensor.Mat // in decibels, besides of the data and besides of the model to a line
}

// beside draws samples, and finds real sounds of their classes.
func (f soundForm) beside(ctx context.Context, s *Saved, plan *recipe.Plan, o PictureOptions) (*pairing, error) {
	p := &pairing{form: f, g: f.gallery(s), names: s.Model.Classes[:min(len(s.Model.Classes), mostClasses)]}
	lines := max(len(p.names), 2)
	c := sample.Config{N: lines * besides, Seed: o.Sample.Seed.Split("beside"), Source: s.Source, Workers: o.Sample.Workers, Solve: s.Solve()}
	if len(p.names) > 0 {
		c.Cond.Class = make([]int32, c.N)
		for i := range c.Cond.Class {
			c.Cond.Class[i] = int32(i / besides)
		}
	}
	made, _, err := sample.Draw(ctx, s.Model, c)
	if err != nil {
		return nil, err
	}
	if made, err = f.heard(made); err != nil {
		return nil, err
	}
	real := flow.NewSample(plan.Judge, plan.Judge.Len())
	if err := plan.Judge.Draw(real, rng.New(0), 0); err != nil {
		return nil, err
	}
	p.rows = tensor.New(lines*2*besides, f.Dim())
	for i := range p.rows.Data {
		p.rows.Data[i] = float32(-f.Floor)
	}
	next := 0
	for line := range lines {
		if len(p.names) > 0 {
			next = 0
		}
		for k := range besides {
			at := line*2*besides + k
			for ; next < real.X.N && len(p.names) > 0 && real.Cond.Class[next] != int32(line); next++ {
			}
			if next < real.X.N {
				copy(p.rows.Row(at), real.X.Row(next))
				next++
			}
			for j, v := range made.Row(line*besides + k) {
				p.rows.Row(at + besides)[j] = float32(v)
			}
		}
	}
	return p, nil
}

// spaced puts an empty column, of the given value, into the middle of the lines.
func spaced(rows tensor.Mat, empty float32) tensor.Mat {
	lines := rows.N / (2 * besides)
	out := tensor.New(lines*(2*besides+1), rows.D)
	for i := range out.Data {
		out.Data[i] = empty
	}
	for i := range rows.N {
		line, k := i/(2*besides), i%(2*besides)
		if k >= besides {
			k++
		}
		copy(out.Row(line*(2*besides+1)+k), rows.Row(i))
	}
	return out
}

func (p *pairing) spectrograms(dark bool) (plot.Figure, error) {
	g := p.g.grid(spaced(p.rows, float32(-p.form.Floor)))
	g.Columns, g.Names, g.Title = 2*besides+1, p.names, besideTitle
	g.Dark = dark
	return g.Figure()
}

// The sides of the picture of a wave, in pixels.
const (
	waveWide = 112
	waveHigh = 36
)

// waves draws the sounds that are made of the rows, by the least and the
// greatest sample of each column.
func (p *pairing) waves(dark bool) (plot.Figure, error) {
	waves, err := p.form.waves(tensor.Convert[float64](p.rows), 0)
	if err != nil {
		return plot.Figure{}, err
	}
	rows := tensor.New(len(waves), waveWide*waveHigh)
	for i, x := range waves {
		top := float32(1e-6)
		for _, v := range x {
			top = max(top, v, -v)
		}
		for col := range waveWide {
			lo, hi := float32(0), float32(0)
			from, to := col*p.form.Samples()/waveWide, (col+1)*p.form.Samples()/waveWide
			for _, v := range x[min(from, len(x)):min(to, len(x))] {
				lo, hi = min(lo, v), max(hi, v)
			}
			level := func(v float32) int { return int((1 - v/top) / 2 * (waveHigh - 1)) }
			for y := level(hi); y <= level(lo); y++ {
				rows.Row(i)[y*waveWide+col] = 1
			}
		}
	}
	return plot.Images{Rows: spaced(rows, 0), Width: waveWide, Height: waveHigh, Hi: 1, Columns: 2*besides + 1, Names: p.names, Title: besideTitle, Dark: dark}.Figure()
}
