package recipe_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"laminar/recipe"
)

// The shape of a network for images follows from theirs, and from nothing that
// the user has chosen.
func TestSuitImages(t *testing.T) {
	for _, c := range []struct {
		h, w, c, patch int
		levels         []int
	}{
		{28, 28, 1, 2, []int{1, 2, 2}},
		{32, 32, 3, 2, []int{1, 2, 2}},
		{64, 64, 3, 4, []int{1, 2, 2}},
		{256, 256, 3, 8, []int{1, 2, 2}},
		{8, 8, 1, 1, []int{1, 2}},
		{27, 29, 1, 1, []int{1, 2, 2}},
		{32, 48, 1, 2, []int{1, 2, 2}},
		{3, 3, 1, 1, []int{1}},
	} {
		r, err := recipe.PresetFor(recipe.Images, "default")
		if err != nil {
			t.Fatal(err)
		}
		r.SuitImages(c.h, c.w, c.c)
		n := r.Network
		if !slices.Equal(n.Shape, []int{c.h, c.w, c.c}) || n.Patch != c.patch || !slices.Equal(n.Levels, c.levels) {
			t.Errorf("%d x %d: %+v", c.h, c.w, n)
		}
		if err := n.Validate("network"); err != nil {
			t.Errorf("%d x %d: %v", c.h, c.w, err)
		}
		r.Data.Name = "pictures"
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := recipe.Decode(b); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("a recipe of images comes back as %+v, %v", again, err)
		}
	}
	r, err := recipe.PresetFor(recipe.Images, "default")
	if err != nil {
		t.Fatal(err)
	}
	r.Network.Levels, r.Network.Patch, r.Network.Heads = []int{1, 3}, 1, 1
	r.SuitImages(28, 28, 1)
	if n := r.Network; !slices.Equal(n.Levels, []int{1, 3}) || n.Patch != 1 || n.Heads != 1 {
		t.Errorf("what was chosen became %+v", n)
	}
	if post, err := recipe.PresetFor(recipe.Images, "post"); err != nil || post.Network.Kind != "mlp" {
		t.Errorf("the preset post has a %s, %v", post.Network.Kind, err)
	}
}
