package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"laminar/data"
	"laminar/flow"
	"laminar/nn"
	"laminar/recipe"
	"laminar/tensor"
)

// subject is what a request is about: a recipe, and the points that it names as
// files.
type subject struct {
	Recipe json.RawMessage `json:"recipe"`
	Data   *own            `json:"data"`
	Source *own            `json:"source"`

	// Of runs.
	Paused bool   `json:"paused"`
	Beside string `json:"beside"`
	// Of pairs.
	N     *int `json:"n"`
	Batch int  `json:"batch"`
}

// own is points of the client's own.
type own struct {
	Points string `json:"points_f64"`
}

// leastRows is the fewest own points that can be trained on and measured.
const leastRows = 8

// readJSON decodes a bounded body.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return faultf(http.StatusUnsupportedMediaType, "the body must be application/json")
	}
	b, err := readBody(w, r, maxBody)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return faultf(http.StatusBadRequest, "the body is not what is asked for: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return faultf(http.StatusBadRequest, "something follows the JSON body")
	}
	return nil
}

// readBody reads a body of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, err
	case err != nil:
		return nil, faultf(http.StatusBadRequest, "the body ended early: %v", err)
	}
	return b, nil
}

// readSubject reads the subject of a request.
func (s *Server) readSubject(w http.ResponseWriter, r *http.Request) (sub subject, err error) {
	return sub, readJSON(w, r, &sub)
}

// planned composes a subject, and has its coupling learn what it must. Of those
// that learn, which takes seconds, one goes at a time, and other requests need
// not wait for it.
func (s *Server) planned(ctx context.Context, sub subject) (*recipe.Plan, error) {
	plan, err := func() (*recipe.Plan, error) {
		if err := s.heavy.take(ctx); err != nil {
			return nil, err
		}
		defer s.heavy.give()
		return s.compose(sub)
	}()
	if err != nil || plan.Pairs == nil || !plan.Pairs.NeedsPrepare() {
		return plan, err
	}
	if err := s.learning.take(ctx); err != nil {
		return nil, err
	}
	defer s.learning.give()
	return plan, plan.Prepare(ctx)
}

// compose brings a subject together, within the limits.
func (s *Server) compose(sub subject) (*recipe.Plan, error) {
	if len(sub.Recipe) == 0 {
		return nil, faultf(http.StatusBadRequest, "the body has no recipe")
	}
	r, err := recipe.Decode(sub.Recipe)
	if err != nil {
		if errors.Is(err, flow.ErrFormat) {
			return nil, faultf(http.StatusBadRequest, "%w", err)
		}
		return nil, err
	}
	if err := s.cfg.Limits.check(r); err != nil {
		return nil, err
	}
	material, err := s.material(&r, sub)
	if err != nil {
		return nil, err
	}
	plan, err := r.Compose(material)
	if err != nil {
		return nil, err
	}
	if d := plan.Net.Dim(); d != 2 {
		return nil, &flow.FieldError{Path: "data.name", Msg: fmt.Sprintf("%s has %d columns; the playground shows data of two, laminar train takes any", r.Data.Name, d)}
	}
	return plan, nil
}

// Bounds of what is seldom asked for.
const (
	maxTimeFeatures   = 64
	maxCouplingPoints = 4096
	leastEpsilon      = 0.01
)

// check returns every setting beyond the limits, joined.
func (l Limits) check(r recipe.Recipe) error {
	var errs []error
	bad := func(path, format string, a ...any) {
		errs = append(errs, &flow.FieldError{Path: path, Msg: fmt.Sprintf(format, a...)})
	}
	for _, f := range []struct {
		path   string
		v, max int
	}{
		{"network.width", r.Network.Width, l.Width},
		{"network.depth", r.Network.Depth, l.Depth},
		{"network.time_features", r.Network.TimeFeatures, maxTimeFeatures},
		{"loss.critic.width", r.Loss.Critic.Width, l.Width},
		{"loss.critic.depth", r.Loss.Critic.Depth, l.Depth},
		{"loss.critic.time_features", r.Loss.Critic.TimeFeatures, maxTimeFeatures},
		{"train.batch", r.Train.Batch, l.Batch},
		{"train.steps", r.Train.Steps, l.Steps},
		{"coupling.points", r.Coupling.Points, maxCouplingPoints},
	} {
		if f.v > f.max {
			bad(f.path, "%d is not in 1..%d", f.v, f.max)
		}
	}
	for _, f := range [][2]string{{"network.kind", r.Network.Kind}, {"loss.critic.kind", r.Loss.Critic.Kind}} {
		if !slices.Contains(nn.Kinds(), f[1]) {
			bad(f[0], "the playground trains %s, not %q", strings.Join(nn.Kinds(), " and "), f[1])
		}
	}
	// What a coupling solves at once, and what it learns from.
	if c := r.Coupling; c.Block > 1 && c.Block > 4*l.Batch/r.Train.Batch {
		bad("coupling.block", "%d batches of %d rows are more than %d rows", c.Block, r.Train.Batch, 4*l.Batch)
	}
	// Below it a batch takes seconds, during which no other run has its turn.
	if c := r.Coupling; c.Epsilon > 0 && c.Epsilon < leastEpsilon {
		bad("coupling.epsilon", "%v is less than the %v of the playground", c.Epsilon, leastEpsilon)
	}
	if r.Data.Label != "" || len(r.Data.Conditions) > 0 {
		bad("data.label", "the playground trains without conditions; laminar train takes them")
	}
	if r.Distill != nil {
		bad("distill", "the playground has no teacher to learn from; laminar distill has")
	}
	return errors.Join(errs...)
}

// material is what the recipe names: built-in sets, or the points of the
// request. No file is opened.
func (s *Server) material(r *recipe.Recipe, sub subject) (m recipe.Material, err error) {
	if m.Data, err = s.stuff("data.name", r.Data.Name, sub.Data); err != nil {
		return m, err
	}
	if r.Source == "gaussian" {
		if sub.Source != nil {
			return m, &flow.FieldError{Path: "source", Msg: "points were sent for the source, but it is gaussian; name it as a file"}
		}
		return m, nil
	}
	m.Source, err = s.stuff("source", r.Source, sub.Source)
	return m, err
}

func (s *Server) stuff(path, name string, points *own) (recipe.Given, error) {
	builtIn := recipe.IsBuiltIn(name)
	switch {
	case builtIn && points != nil:
		return recipe.Given{}, &flow.FieldError{Path: path, Msg: fmt.Sprintf("%s is a built-in data set, but points were sent; name them as a file", name)}
	case builtIn:
		return recipe.BuiltInData(name, false)
	case points == nil:
		return recipe.Given{}, &flow.FieldError{Path: path, Msg: fmt.Sprintf("%.80q is no built-in data set, and no points were sent for it", name)}
	case len(name) > 200 || strings.ContainsFunc(name, unicode.IsControl):
		return recipe.Given{}, &flow.FieldError{Path: path, Msg: "is no file name of at most 200 letters"}
	}
	x, err := decodePoints(points.Points, s.cfg.Limits.Points)
	if err != nil {
		return recipe.Given{}, &flow.FieldError{Path: path, Msg: err.Error()}
	}
	return recipe.Given{Table: &data.Table{Name: name, Columns: []string{"x", "y"}, X: x}}, nil
}

// decodePoints reads base64 of little-endian float64, two columns.
func decodePoints(text string, most int) (tensor.Matrix[float64], error) {
	none := tensor.Matrix[float64]{}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return none, fmt.Errorf("points_f64 is not base64: %w", err)
	}
	if len(b)%16 != 0 {
		return none, fmt.Errorf("points_f64 holds %d bytes; a point takes 16", len(b))
	}
	n := len(b) / 16
	if n < leastRows || n > most {
		return none, fmt.Errorf("%d points were sent; give from %d to %d", n, leastRows, most)
	}
	x := tensor.NewOf[float64](n, 2)
	for i := range x.Data {
		v := math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		if v-v != 0 || math.Abs(v) > 1e30 {
			return none, fmt.Errorf("point %d has the coordinate %v", i/2, v)
		}
		x.Data[i] = v
	}
	return x, nil
}

func f32(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func f64(v []float64) string {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}
