package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Encoding says how a Schema becomes coordinates. DefaultEncoding is where to
// start.
type Encoding struct {
	// Separation is the distance between any two options of a choice, in units
	// of the noise.
	Separation float64 `json:"separation"`
	// OneHot is the largest number of options that have a coordinate each; more
	// are written as digits, each with a coordinate for every value.
	OneHot int `json:"one_hot"`
}

// DefaultEncoding puts options 3.5 apart, so that they count as much as quantities to
// a network, and gives up to 128 a coordinate each.
func DefaultEncoding() Encoding { return Encoding{Separation: 3.5, OneHot: 128} }

// Validate reports every fault of e as a FieldError.
func (e Encoding) Validate() error {
	var errs []error
	if !(e.Separation > 0 && e.Separation <= 100) {
		errs = append(errs, &flow.FieldError{Path: "encoding.separation", Msg: fmt.Sprintf("%v is not in (0, 100]", e.Separation)})
	}
	if e.OneHot < 2 || e.OneHot > MaxLevels {
		errs = append(errs, &flow.FieldError{Path: "encoding.one_hot", Msg: fmt.Sprintf("%d is not in 2 to %d", e.OneHot, MaxLevels)})
	}
	return errors.Join(errs...)
}

// Role is what a Block of coordinates stands for.
type Role string

// The roles.
const (
	// Choice says which of some options a cell is: a level, or whether a
	// quantity is a plain value, a spike or missing.
	Choice Role = "choice"
	// Value is the place of a quantity on the normal axis. It means nothing
	// where the column's choice is a spike or missing.
	Value Role = "value"
)

// Block is a run of coordinates that belong together: a column has at most one
// of each role, the choice before the value.
type Block struct {
	Column int
	Role   Role
	// Offset and Width are its coordinates among those of the network.
	Offset, Width int
	// Options is the number of options of a Choice, Digits the options of each
	// of its digits: one number if there is a coordinate for each option (or one
	// for two), several if they are written as digits, the highest first.
	Options int
	Digits  []int
}

// Transform maps rows of a Schema, float64, to the space of a network, float32,
// and back.
//
// A quantity becomes its place on the axis of a standard normal variable, by the
// quantiles of its Scale, with tails that grow as the logarithm of the distance.
// A level, a spike or a gap becomes a choice: two options are -s/2 and s/2 in
// one coordinate, k options the corners of a simplex, at distance s from each
// other, and very many the same for every digit of their number. Back, the
// nearest option is taken, the value is rounded to the column's unit and kept
// within its bounds.
//
// Identifiers, free text and constants have no coordinates. A Transform is
// immutable, and safe for concurrent use. As JSON it is its schema, its encoding and
// the curves of Bend, if any.
type Transform struct {
	schema   *Schema
	encoding Encoding
	blocks   []Block
	columns  []coder
	dim      int
}

// coder is a column of the transform.
type coder struct {
	choice, value *Block
	axis          axis
	scale         *Scale
	// options of a quantity: value, spikes, missing.
	values  bool // the first option is a plain value
	missing int  // option of a missing cell, -1 for none
	levels  int
	jitter  bool // values of the grid are spread over their cells
	curve   Curve
}

// NewTransform returns the transform of a fitted schema, which it keeps and which
// must not change. The error holds FieldErrors where schema or encoding is at
// fault, and wraps flow.ErrConfig when the table has nothing to learn.
func NewTransform(s *Schema, e Encoding) (*Transform, error) {
	if err := errors.Join(s.Validate(), e.Validate()); err != nil {
		return nil, err
	}
	t := &Transform{schema: s, encoding: e, columns: make([]coder, len(s.Columns))}
	for j := range s.Columns {
		if err := t.column(j); err != nil {
			return nil, err
		}
	}
	if t.dim == 0 {
		return nil, fmt.Errorf("%w: the table has nothing to learn: its columns are constant, identifiers or free text", flow.ErrConfig)
	}
	return t, nil
}

func (t *Transform) column(j int) error {
	c, k := &t.schema.Columns[j], &t.columns[j]
	k.missing = -1
	options := 0
	switch {
	case c.Kind.levelled():
		options = len(c.Levels)
		k.levels = options
	case c.Kind.measured():
		if c.Scale == nil {
			return &flow.FieldError{Path: fmt.Sprintf("columns[%d].scale", j), Msg: fmt.Sprintf("column %q is not fitted", c.Name)}
		}
		k.scale = c.Scale
		k.values = len(c.Scale.Knots) > 0
		if k.values {
			options++
			k.axis = newAxis(c.Scale)
			x := c.Scale.Knots
			k.jitter = c.Scale.Unit > 1e-4*(x[len(x)-1]-x[0])
		}
		options += len(c.Scale.Spikes)
	default:
		return nil
	}
	if c.MissingShare > 0 {
		k.missing = options
		options++
	}
	if options > 1 {
		b := Block{Column: j, Role: Choice, Options: options, Digits: digits(options, t.encoding.OneHot)}
		for _, n := range b.Digits {
			b.Width += width(n)
		}
		k.choice = t.add(b)
	}
	if k.values {
		k.value = t.add(Block{Column: j, Role: Value, Width: 1})
	}
	return nil
}

func (t *Transform) add(b Block) *Block {
	b.Offset = t.dim
	t.dim += b.Width
	t.blocks = append(t.blocks, b)
	return &b
}

// Dim is the number of coordinates of the network's space.
func (t *Transform) Dim() int { return t.dim }

// Schema is the schema of the rows. It must not be changed.
func (t *Transform) Schema() *Schema { return t.schema }

// Encoding is how the schema became coordinates.
func (t *Transform) Encoding() Encoding { return t.encoding }

// Blocks says what the coordinates mean, in their order. It must not be changed.
func (t *Transform) Blocks() []Block { return t.blocks }

// Forward writes the coordinates of the rows of src into dst, of Dim columns.
// Values of a coarse grid lie in the middle of their cell, and the value of a
// cell that has none is 0. The error wraps flow.ErrFormat and names row and
// column when a cell does not fit: a missing one where none was, an infinite
// number, no such level.
func (t *Transform) Forward(dst tensor.Mat, src tensor.Matrix[float64]) error {
	return t.forward(dst, src, nil, 0)
}

// ForwardSpread is Forward for training: values of a coarse grid are spread
// evenly over their cells, and the value of a cell that has none is drawn from
// the noise, so that the network sees densities and no peaks. Row i of src uses
// key.At(first+i). Inverse gives back the same rows.
func (t *Transform) ForwardSpread(dst tensor.Mat, src tensor.Matrix[float64], key rng.Key, first uint64) error {
	return t.forward(dst, src, &key, first)
}

func (t *Transform) forward(dst tensor.Mat, src tensor.Matrix[float64], key *rng.Key, first uint64) error {
	if err := src.Check("table", -1, len(t.columns)); err != nil {
		return err
	}
	if err := dst.Check("network rows", src.N, t.dim); err != nil {
		return err
	}
	for i := range src.N {
		var noise *rng.Stream
		if key != nil {
			s := key.At(first + uint64(i)).Stream()
			noise = &s
		}
		z := dst.Row(i)
		for j, v := range src.Row(i) {
			c := &t.columns[j]
			if err := c.forward(z, v, t.encoding.Separation, noise); err != nil {
				return t.misfit(i, j, err)
			}
		}
	}
	return nil
}

// misfit words what is wrong with a cell.
func (t *Transform) misfit(row, column int, err error) error {
	return fmt.Errorf("%w: row %d, column %q: %v", flow.ErrFormat, row+1, t.schema.Columns[column].Name, err)
}

func fill(s []float32, v float32) {
	for i := range s {
		s[i] = v
	}
}

var (
	errMissing  = errors.New("the cell is missing, and none was missing when the schema was fitted")
	errInfinite = errors.New("the number is infinite")
	errNoValue  = errors.New("the column had only missing cells when the schema was fitted")
)

func (c *coder) forward(z []float32, v, separation float64, noise *rng.Stream) error {
	option, plain := 0, false
	switch {
	case math.IsInf(v, 0):
		return errInfinite
	case math.IsNaN(v):
		if option = c.missing; option < 0 {
			if c.choice == nil && c.value == nil {
				return nil // a column without coordinates
			}
			return errMissing
		}
	case c.scale == nil:
		if option = int(v); v != math.Trunc(v) || option < 0 || option >= c.levels {
			if c.choice == nil {
				return nil
			}
			return fmt.Errorf("%v is not the index of one of %d levels", v, c.levels)
		}
	default:
		k := slices.Index(c.scale.Spikes, v)
		switch {
		case k >= 0:
			option = k
			if c.values {
				option++
			}
		case !c.values && len(c.scale.Spikes) == 0:
			return errNoValue
		case !c.values:
			option = nearest(c.scale.Spikes, v)
		default:
			plain = true
		}
	}
	if c.choice != nil {
		c.choice.put(c.choice.of(z), option, separation)
	}
	if c.value == nil {
		return nil
	}
	u := 0.0
	switch {
	case plain:
		if noise != nil && c.jitter {
			v += 0.98 * (noise.Float64() - 0.5) * c.scale.Unit
		}
		u, _ = c.axis.forward(v)
	case noise != nil:
		u = noise.NormFloat64()
	}
	z[c.value.Offset] = float32(u)
	return nil
}

func nearest(spikes []float64, v float64) int {
	best := 0
	for k, s := range spikes {
		if math.Abs(s-v) < math.Abs(spikes[best]-v) {
			best = k
		}
	}
	return best
}

// Inverse writes the rows of the coordinates src into dst: levels by index,
// values rounded and bounded, NaN for missing cells, identifiers and free text.
// Unless t is bent, whatever Forward or ForwardSpread wrote comes back as it was,
// if the unit of its column is at least a millionth of the distance from the middle
// half of the data, and within that otherwise. The error wraps flow.ErrDiverged when
// a coordinate is not finite.
func (t *Transform) Inverse(dst tensor.Matrix[float64], src tensor.Mat) error {
	if err := src.Check("network rows", -1, t.dim); err != nil {
		return err
	}
	if err := dst.Check("table", src.N, len(t.columns)); err != nil {
		return err
	}
	for i := range src.N {
		z := src.Row(i)
		for _, v := range z {
			if v-v != 0 {
				return fmt.Errorf("%w: row %d of the samples holds %v", flow.ErrDiverged, i+1, v)
			}
		}
		row := dst.Row(i)
		for j := range t.columns {
			c := &t.columns[j]
			option := 0
			if c.choice != nil {
				option = c.choice.Option(z)
			}
			row[j] = c.inverse(z, &t.schema.Columns[j], option)
		}
	}
	return nil
}

// inverse is the value of a cell with the given option.
func (c *coder) inverse(z []float32, column *Column, option int) float64 {
	if option == c.missing {
		return missing
	}
	if c.scale == nil {
		if c.levels == 0 {
			return missing // identifier, text, or all missing
		}
		return float64(option)
	}
	if c.values {
		if option == 0 {
			return c.restore(float32(c.curve.at(float64(z[c.value.Offset]))), column)
		}
		option--
	}
	if option >= len(c.scale.Spikes) {
		return missing
	}
	return c.scale.Spikes[option]
}

// LogDet writes log |dz/dx| of the plain values of each row of src into dst, of
// length src.N: log p(x) = log p(z) + LogDet(x) for rows of the same choices. The
// error is that of Forward.
func (t *Transform) LogDet(dst []float64, src tensor.Matrix[float64]) error {
	if err := src.Check("table", -1, len(t.columns)); err != nil {
		return err
	}
	if len(dst) != src.N {
		return fmt.Errorf("%w: room for %d log-determinants, want %d", flow.ErrShape, len(dst), src.N)
	}
	for i := range src.N {
		dst[i] = 0
		for j, v := range src.Row(i) {
			c := &t.columns[j]
			if math.IsInf(v, 0) {
				return fmt.Errorf("%w: row %d, column %q: %v", flow.ErrFormat, i+1, t.schema.Columns[j].Name, errInfinite)
			}
			if c.value == nil || math.IsNaN(v) || slices.Contains(c.scale.Spikes, v) {
				continue
			}
			_, slope := c.axis.forward(v)
			dst[i] += math.Log(slope)
		}
	}
	return nil
}

// transformJSON is a Transform in a file.
type transformJSON struct {
	Kind     string          `json:"kind"`
	Schema   json.RawMessage `json:"schema"`
	Encoding Encoding        `json:"encoding"`
	Curves   []Curve         `json:"curves,omitempty"` // none, or one for each column
}

// MarshalJSON writes {"kind":"table","schema":...,"encoding":...,"curves":...}.
func (t *Transform) MarshalJSON() ([]byte, error) {
	s, err := json.Marshal(t.schema)
	if err != nil {
		return nil, err
	}
	var curves []Curve
	if t.Bent() {
		for j := range t.columns {
			curves = append(curves, t.columns[j].curve)
		}
	}
	return json.Marshal(transformJSON{"table", s, t.encoding, curves})
}

// DecodeTransform reads what MarshalJSON wrote. Unknown fields are errors; the
// error wraps flow.ErrFormat or holds FieldErrors.
func DecodeTransform(b []byte) (*Transform, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var f transformJSON
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: transform: %v", flow.ErrFormat, err)
	}
	if f.Kind != "table" {
		return nil, fmt.Errorf("%w: transform of kind %q, want table", flow.ErrFormat, f.Kind)
	}
	s, err := Decode(f.Schema)
	if err != nil {
		return nil, err
	}
	t, err := NewTransform(s, f.Encoding)
	if err != nil || f.Curves == nil {
		return t, err
	}
	bent, err := t.Bend(f.Curves)
	if err != nil {
		return nil, fmt.Errorf("%w: transform: %v", flow.ErrFormat, err)
	}
	return bent, nil
}
