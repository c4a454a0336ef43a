package serve

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/solve"
	"laminar/tensor"
)

// catalogue is the answer to GET /api/catalogue: all that controls are built
// from.
type catalogue struct {
	Version string                     `json:"version"`
	Data    []dataset                  `json:"data"`
	Choices map[string][]recipe.Choice `json:"choices"`
	Presets map[string]recipe.Recipe   `json:"presets"`
	Solvers []solver                   `json:"solvers"`
	Limits  Limits                     `json:"limits"`
}

type dataset struct {
	Name  string     `json:"name"`
	About string     `json:"about"`
	Modes int        `json:"modes"`
	Box   [4]float64 `json:"box"`
	Thumb string     `json:"thumb"`
}

type solver struct {
	Name     string      `json:"name"`
	About    string      `json:"about"`
	Order    int         `json:"order"`
	Adaptive bool        `json:"adaptive"`
	Stages   int         `json:"stages"`
	FSAL     bool        `json:"fsal"`
	C        []float64   `json:"c"`
	A        [][]float64 `json:"a"`
	B        []float64   `json:"b"`
}

// thumbPoints is the number of points of a thumbnail.
const thumbPoints = 256

func (s *Server) catalogue(w http.ResponseWriter, _ *http.Request) error {
	b, err := s.catalog()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(b)
	return err
}

func (s *Server) makeCatalogue() ([]byte, error) {
	c := catalogue{Version: s.cfg.Version, Choices: recipe.Choices(), Presets: map[string]recipe.Recipe{}, Limits: s.cfg.Limits}
	plane := map[string]bool{"gaussian": true}
	for _, e := range data.Catalogue() {
		if e.Dim != 2 {
			continue
		}
		plane[e.Name] = true
		x, err := drawNamed(e.Name, thumbPoints, rng.New(0), 0)
		if err != nil {
			return nil, err
		}
		d := dataset{Name: e.Name, About: e.Doc, Modes: e.Modes, Box: boxOf(x)}
		d.Thumb = thumbnail(x, d.Box)
		c.Data = append(c.Data, d)
	}
	for _, field := range []string{"data.name", "source"} {
		var kept []recipe.Choice
		for _, e := range c.Choices[field] {
			if plane[e.Name] {
				kept = append(kept, e)
			}
		}
		c.Choices[field] = kept
	}
	for _, name := range recipe.Presets() {
		r, err := recipe.Preset(name)
		if err != nil {
			return nil, err
		}
		c.Presets[name] = r
	}
	for _, m := range solve.Catalogue() {
		t := m.Tableau
		if t == nil {
			continue // the page follows explicit tableaux
		}
		c.Solvers = append(c.Solvers, solver{
			Name: m.Name, About: m.About, Order: m.Order, Adaptive: m.Adaptive(), Stages: m.StageCount(), FSAL: t.FSAL, C: t.C, A: t.A, B: t.B,
		})
	}
	return json.Marshal(c)
}

// drawNamed draws n rows of a built-in set of the plane, with added noise.
func drawNamed(name string, n int, key rng.Key, noise float64) (tensor.Mat, error) {
	none := tensor.Mat{}
	var src data.RowSource = data.Noise(2)
	if name != "gaussian" {
		stuff, err := recipe.BuiltInData(name, false)
		if err != nil {
			return none, &flow.FieldError{Path: "name", Msg: err.Error()}
		}
		if stuff.Toy == nil || stuff.Toy.Dim() != 2 {
			return none, &flow.FieldError{Path: "name", Msg: name + " is not a distribution in the plane"}
		}
		src = stuff.Toy
	}
	if noise > 0 {
		src = data.Noisy{RowSource: src, Std: noise}
	}
	return drawRows(src, n, key)
}

func drawRows(src data.RowSource, n int, key rng.Key) (tensor.Mat, error) {
	sample := flow.NewSample(src, n)
	return sample.X, src.DrawAt(sample, key, 0)
}

// boxOf is the least box around points of the plane: xmin, ymin, xmax, ymax.
func boxOf(sets ...tensor.Mat) [4]float64 {
	b := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, x := range sets {
		for i := range x.N {
			for j, v := range x.Row(i) {
				b[j], b[2+j] = min(b[j], float64(v)), max(b[2+j], float64(v))
			}
		}
	}
	return b
}

// thumbnail writes points as bytes across their box.
func thumbnail(x tensor.Mat, box [4]float64) string {
	b := make([]byte, 0, 2*x.N)
	for i := range x.N {
		for j, v := range x.Row(i) {
			b = append(b, byte(math.Round(255*(float64(v)-box[j])/max(box[2+j]-box[j], 1e-30))))
		}
	}
	return base64.StdEncoding.EncodeToString(b)
}
