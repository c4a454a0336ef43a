package recipe

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"laminar/coupling"
	"laminar/data"
	"laminar/flow"
	"laminar/path"
	"laminar/rng"
)

// Points is the kind of data whose rows are points: plain numbers, one to a
// coordinate.
const Points = "points"

// Table is the kind of data whose rows are cells of mixed columns.
const Table = "table"

// kinds are what a row of the data can be, with what a preset changes for it.
var kinds = []struct {
	path.Entry
	suit func(*Recipe)
}{
	{path.Entry{Name: Points, About: "plain numbers, a point to a row"}, func(*Recipe) {}},
	{path.Entry{Name: Table, About: "mixed columns: numbers, categories, dates, gaps"}, suitTable},
	{path.Entry{Name: Images, About: "pictures of one size"}, suitImages},
	{path.Entry{Name: Sound, About: "sounds of one rate, short ones"}, suitSound},
	{path.Entry{Name: Molecules, About: "atoms in space: XYZ and SDF files"}, suitMolecules},
}

// suitTable makes a preset one for tables. Coordinates are many and most of them
// choices, so that the network is wide, and batches large. Some of the rows are
// learnt given a part of them, which Drop counts the others of.
func suitTable(r *Recipe) {
	if r.Preset == "post" {
		return
	}
	r.Network.Width, r.Train.Batch, r.Train.Steps = 256, 512, 20000
	if r.Preset == "fast" {
		r.Network.Width, r.Train.Steps = 128, 3000
	}
	r.Coupling.Name, r.Path.Time, r.Drop = "independent", "cosmap", 0.8
}

// Kinds lists what a row of the data can be, points first.
func Kinds() []string {
	var out []string
	for _, k := range kinds {
		out = append(out, k.Name)
	}
	return out
}

// KindCatalogue describes the Kinds.
func KindCatalogue() []path.Entry {
	var out []path.Entry
	for _, k := range kinds {
		out = append(out, k.Entry)
	}
	return out
}

// PresetFor returns the preset of that name as it suits data of a kind; "" is
// Points. Errors are *flow.FieldErrors.
func PresetFor(kind, name string) (Recipe, error) {
	r, err := Preset(name)
	if err != nil || kind == "" {
		return r, err
	}
	i := slices.Index(Kinds(), kind)
	if i < 0 {
		return r, &flow.FieldError{Path: "data.kind", Msg: fmt.Sprintf("unknown %q; one of %s", kind, strings.Join(Kinds(), ", "))}
	}
	if kind != Points {
		r.Data.Kind = kind
	}
	kinds[i].suit(&r)
	return r, nil
}

// Set is data whose rows are no plain points but have a form: rows of a mixed
// table, images, sounds, molecules.
type Set interface {
	// Suit fills in what the recipe leaves to the data: the shape of a network,
	// say. It changes nothing that the user has chosen.
	Suit(r *Recipe) error
	// Split returns the rows to train on and those that are held out, nil for
	// none, in the numbers of the data. They are data.Classed where they have
	// classes.
	Split(heldOut float64, key rng.Key) (train, held data.RowSource, err error)
	// Transform leads from these numbers to the network's space.
	Transform() data.Transform
	// Form says what a row stands for.
	Form() Form
	// Notes are remarks on the data for the user, one line each.
	Notes() []string
}

// Form says what the rows of a model stand for where they are no plain points:
// which cells, pixels, samples or atoms. A model file carries it as JSON beside
// its kind, one of Kinds.
type Form interface {
	Kind() string
	json.Marshaler
}

// Sourced is a Form whose flow starts from noise of its own, which may go with the
// data in a way of its own. The source of such a recipe is "gaussian".
type Sourced interface {
	Form
	// Source is the noise, in the network's space.
	Source() data.RowSource
	// Pairer is the coupling that c names, as it suits the rows.
	Pairer(c coupling.Config) (flow.Pairer, error)
}

// SourceOf returns the noise that a form brings, nil if it brings none.
func SourceOf(f Form) data.RowSource {
	if s, ok := f.(Sourced); ok {
		return s.Source()
	}
	return nil
}

// Choosing is a Set some of whose coordinates in the network's space are choices.
type Choosing interface {
	Set
	Choices() []flow.Choice
}

// takeSet composes a plan with data that have a form.
func (p *Plan) takeSet(s Set, key rng.Key) error {
	train, held, err := s.Split(p.Recipe.Data.HeldOut, key.Split("held out"))
	if err != nil {
		return err
	}
	p.Form, p.Transform, p.Notes = s.Form(), s.Transform(), s.Notes()
	if c, ok := s.(Choosing); ok {
		p.choices = c.Choices()
	}
	if c, ok := train.(data.Classed); ok && train.CondSpec().Classes > 0 {
		p.Classes = c.ClassNames()
	}
	p.Train = data.Transformed{RowSource: train, Transform: p.Transform}
	p.Judge, p.Against = train, "all rows, those of training among them"
	if held != nil {
		p.HeldOut = data.Transformed{RowSource: held, Transform: p.Transform}
		if held.Len() >= judgeRows {
			p.Judge, p.Against = held, "rows that training has not seen"
		}
	}
	return nil
}
