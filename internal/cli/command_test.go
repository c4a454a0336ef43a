package cli

import (
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"laminar/recipe"
	"laminar/run"
)

// parsed is the recipe that the flags of a line of commandLine make.
func parsed(t *testing.T, line string) recipe.Recipe {
	t.Helper()
	words := strings.Fields(line)
	if len(words) < 3 || words[0] != "laminar" || words[1] != "train" {
		t.Fatalf("not a call of train: %s", line)
	}
	var f recipeFlags
	cmd := &cobra.Command{Use: "train"}
	if err := f.add(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(words[3:]); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	r, err := f.recipe(cmd, nil, recipe.Points, run.ReadRecipe)
	if err != nil {
		t.Fatal(err)
	}
	r.Data.Name = words[2]
	return r
}

// TestCommandLine: the flags of the line make the same recipe again.
func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		text, want string
	}{
		{`{"data":{"name":"moons"}}`, "laminar train moons"},
		{`{"preset":"post","data":{"name":"moons"},"train":{"seed":7}}`, "laminar train moons --preset post --seed 7"},
		{`{"data":{"name":"moons","noise":0.25,"standardise":false},"coupling":{"name":"ot"}}`, "laminar train moons --coupling ot --noise 0.25 --no-standardise"},
		{`{"data":{"name":"iris","label":"species","drop_label":true},"optim":{"rate":1e-4},"network":{"width":64,"activation":"tanh"}}`, ""},
		{`{"data":{"name":"8gaussians"},"source":"moons","train":{"steps":123,"batch":99},"path":{"sigma":0.5},"drop":0}`, ""},
	} {
		r, err := recipe.Decode([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		line, complete := commandLine(r)
		if !complete || c.want != "" && line != c.want {
			t.Errorf("%s: got %q, %v", c.text, line, complete)
		}
		if got := parsed(t, line); !reflect.DeepEqual(got, r) {
			t.Errorf("%s makes\n%+v, want\n%+v", line, got, r)
		}
	}
	r, err := recipe.Decode([]byte(`{"data":{"name":"moons"},"optim":{"warmup":7}}`))
	if err != nil {
		t.Fatal(err)
	}
	if line, complete := commandLine(r); complete || !strings.Contains(line, "--recipe") {
		t.Errorf("a setting without a flag: %q, %v", line, complete)
	}
	r.Data.Name = "my points; rm -rf.csv"
	r.Optim.Warmup = 100
	if line, _ := commandLine(r); line != "laminar train 'my points; rm -rf.csv'" {
		t.Errorf("a name with spaces: %s", line)
	}
}
