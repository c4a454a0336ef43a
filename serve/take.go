package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"

	"laminar/rng"
	"laminar/run"
	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// What a person takes home: the model, its recipe, a film; and its density.

// attach names the file that an answer is to be saved as.
func attach(w http.ResponseWriter, kind, name string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, err := w.Write(body)
	return err
}

// called is the name of the run's data as a part of a file name.
func (j *job) called() string {
	name := path.Base(j.plan.Recipe.Data.Name)
	name = strings.TrimSuffix(name, path.Ext(name))
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "-"); name == "" {
		return "model"
	}
	return name[:min(len(name), 60)]
}

// model answers the model file.
func (s *Server) model(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	if err := s.heavy.take(r.Context()); err != nil {
		return err
	}
	defer s.heavy.give()
	saved, err := j.snapshot()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := run.Write(&b, saved); err != nil {
		return err
	}
	return attach(w, "application/octet-stream", j.called()+".safetensors", b.Bytes())
}

// recipe answers the recipe as laminar train --recipe reads it.
func (s *Server) recipe(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(j.plan.Recipe, "", "  ")
	if err != nil {
		return err
	}
	return attach(w, "application/json", "recipe.json", append(b, '\n'))
}

// film answers the film of particles, from the noise and by the solver that the
// page shows.
func (s *Server) film(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	o := run.AnimateOptions{}
	if o.Frames, err = number(r, "frames", 60, 2, 200); err != nil {
		return err
	}
	o.Dark = r.URL.Query().Get("dark") == "1"
	seed, err := seedOf(r)
	if err != nil {
		return err
	}
	o.Sample.Seed = rng.New(seed)
	if r.URL.Query().Get("solver") != "" {
		o.Sample.Solve = solve.Defaults()
		if o.Sample.Solve.Method, o.Sample.Solve.NFE, err = stepping(r); err != nil {
			return err
		}
	}
	if err := s.heavy.take(r.Context()); err != nil {
		return err
	}
	defer s.heavy.give()
	saved, err := j.snapshot()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := run.Animate(r.Context(), &b, saved, j.plan, o); err != nil {
		return err
	}
	return attach(w, "image/gif", j.called()+".gif", b.Bytes())
}

const (
	// densityRows is the number of samples that a density is counted from where
	// the model tells none, densityNFE the evaluations of each and of a likelihood.
	densityRows, densityNFE = 20000, 16
)

// density answers the model's density on a grid.
func (s *Server) density(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	n, err := number(r, "n", 64, 8, 128)
	if err != nil {
		return err
	}
	if err := s.heavy.take(r.Context()); err != nil {
		return err
	}
	defer s.heavy.give()
	f := j.latest.Load()
	p, from, err := j.densityOf(r.Context(), f, n)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"step": f.step, "n": n, "box": j.about.Box, "p_f32": f32(p), "from": from})
}

// densityOf returns the density at the middle of every cell of an n x n grid over
// the run's box, row by row from ymin.
func (j *job) densityOf(ctx context.Context, f *frame, n int) (p []float32, from string, err error) {
	m, err := j.plan.Model(f.params, nil)
	if err != nil {
		return nil, "", err
	}
	box := j.about.Box
	wide, high := (box[2]-box[0])/float64(n), (box[3]-box[1])/float64(n)
	p = make([]float32, n*n)
	c := sample.Config{N: n * n, Seed: rng.New(0), Workers: cores}
	c.Solve.Method, c.Solve.NFE = "rk4", densityNFE
	if j.plan.Recipe.Source == "gaussian" {
		z := tensor.New(n*n, 2)
		for i := range z.N {
			z.Row(i)[0] = float32(box[0] + (float64(i%n)+0.5)*wide)
			z.Row(i)[1] = float32(box[1] + (float64(i/n)+0.5)*high)
		}
		x := tensor.NewOf[float64](z.N, 2)
		stretch := make([]float64, z.N)
		if err = m.Transform.Inverse(x, z); err == nil {
			err = m.Transform.LogDet(stretch, x)
		}
		if err != nil {
			return nil, "", err
		}
		d, _, err := sample.LogProb(ctx, m, c, x)
		if err == nil {
			for i, v := range d.LogP {
				if v = math.Exp(v - stretch[i]); v-v == 0 {
					p[i] = float32(v)
				}
			}
			return p, "likelihood", nil
		}
		if ctx.Err() != nil {
			return nil, "", err
		}
	}
	c.N, c.Solve.Method = densityRows, "heun"
	if m.Once {
		c.Solve.Method, c.Solve.NFE = "euler", 1
	}
	if j.plan.Recipe.Source != "gaussian" {
		c.Source = j.plan.Source
	}
	x, _, err := sample.Latent(ctx, m, c)
	if err != nil {
		return nil, "", fmt.Errorf("density: %w", err)
	}
	for i := range x.N {
		col, row := int(math.Floor((float64(x.Row(i)[0])-box[0])/wide)), int(math.Floor((float64(x.Row(i)[1])-box[1])/high))
		if col >= 0 && col < n && row >= 0 && row < n {
			p[row*n+col] += float32(1 / (densityRows * wide * high))
		}
	}
	return p, "samples", nil
}
