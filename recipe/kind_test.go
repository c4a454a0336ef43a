package recipe_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
)

// bytesSet is data of an invented form: rows of two numbers from 0 to 255.
type bytesSet struct{ rows int }

func (s bytesSet) Suit(r *recipe.Recipe) error {
	r.Network.Width = 7
	return nil
}

func (s bytesSet) Split(heldOut float64, _ rng.Key) (train, held data.RowSource, err error) {
	rows := func(n int) data.RowSource {
		return &data.Indexed{N: n, D: 2, Row: func(dst []float32, i int) error {
			dst[0], dst[1] = 0, float32(255*(i%2))
			return nil
		}}
	}
	h := int(heldOut * float64(s.rows))
	return rows(s.rows - h), rows(h), nil
}

func (s bytesSet) Transform() data.Transform { return data.Bytes{} }
func (s bytesSet) Form() recipe.Form         { return bytesForm{} }
func (s bytesSet) Notes() []string           { return []string{"invented"} }

type bytesForm struct{}

func (bytesForm) Kind() string                 { return "invented" }
func (bytesForm) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// A set suits the recipe, its rows reach the network through its transform, and
// they are judged in the numbers of the data.
func TestComposeSet(t *testing.T) {
	r, err := recipe.Preset("fast")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Data.HeldOut = "invented", 0.25
	p := compose(t, r, recipe.Material{Data: recipe.Given{Set: bytesSet{1000}}})
	if p.Recipe.Network.Width != 7 || p.Form == nil || !slices.Contains(p.Notes, "invented") {
		t.Fatalf("width %d, form %v, notes %q", p.Recipe.Network.Width, p.Form, p.Notes)
	}
	if p.Train.Len() != 750 || p.HeldOut.Len() != 250 || p.Judge.Len() != 250 {
		t.Errorf("%d rows to train on, %d held out, %d to judge by", p.Train.Len(), p.HeldOut.Len(), p.Judge.Len())
	}
	for _, c := range []struct {
		name   string
		from   data.RowSource
		lo, hi float32
	}{{"train", p.Train, -1, 1}, {"held out", p.HeldOut, -1, 1}, {"judge", p.Judge, 0, 255}} {
		s := flow.NewSample(c.from, 50)
		if err := c.from.Draw(s, rng.New(1), 0); err != nil {
			t.Fatal(err)
		}
		if lo, hi := slices.Min(s.X.Data), slices.Max(s.X.Data); lo != c.lo || hi != c.hi {
			t.Errorf("%s: numbers from %v to %v, want %v to %v", c.name, lo, hi, c.lo, c.hi)
		}
	}
}

func TestPresetForUnknownKind(t *testing.T) {
	var f *flow.FieldError
	if _, err := recipe.PresetFor("cakes", "default"); !errors.As(err, &f) || f.Path != "data.kind" {
		t.Errorf("%v", err)
	}
	r, err := recipe.PresetFor("", "default")
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name, r.Data.Kind = "moons", "cakes"
	if err := r.Validate(); !errors.As(err, &f) || f.Path != "data.kind" {
		t.Errorf("%v", err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := recipe.Decode(b); err == nil {
		t.Error("a recipe of an unknown kind was taken")
	}
}
