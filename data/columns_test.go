package data

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
)

const mixed = "name,width,height,note\nfern,1.5,2,x\nmoss,0.25,-3,\n"

func TestCSVColumns(t *testing.T) {
	got, err := CSVColumns(strings.NewReader(mixed), "plants.csv")
	want := []Column{{"name", false}, {"width", true}, {"height", true}, {"note", false}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v %v", got, err)
	}
	if _, err := CSVColumns(strings.NewReader(""), "empty.csv"); !errors.Is(err, flow.ErrFormat) {
		t.Errorf("empty file: %v", err)
	}
}

func TestOnly(t *testing.T) {
	got, err := ReadCSV(strings.NewReader(mixed), "plants.csv", Options{Only: []string{"height", "2"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Columns, []string{"width", "height"}) || !slices.Equal(got.X.Data, []float64{1.5, 2, 0.25, -3}) {
		t.Errorf("got %v %v", got.Columns, got.X.Data)
	}
	for _, bad := range [][]string{{"depth"}, {"width", "width"}, {"name", "width"}} {
		if _, err := ReadCSV(strings.NewReader(mixed), "plants.csv", Options{Only: bad}); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}
