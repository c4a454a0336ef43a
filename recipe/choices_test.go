package recipe

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestChoices: every name that is offered is known to its field (though it may not
// go with the rest of the recipe), and a name that is not offered is unknown.
func TestChoices(t *testing.T) {
	with := func(path, name string) error {
		parts := strings.Split(path, ".")
		text := fmt.Sprintf("%q", name)
		for i := len(parts) - 1; i >= 0; i-- {
			text = fmt.Sprintf("{%q:%s}", parts[i], text)
		}
		if path != "data.name" {
			text = strings.TrimSuffix(text, "}") + `,"data":{"name":"moons"}}`
		}
		if path == "coupling.scale" {
			text = fmt.Sprintf(`{"coupling":{"name":"sinkhorn","scale":%q},"data":{"name":"moons"}}`, name) // of those who use it
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("test writes %s", text)
		}
		_, err := Decode([]byte(text))
		return err
	}
	faults := func(err error, path string) bool {
		return err != nil && strings.Contains(err.Error(), path+": unknown")
	}
	for path, choices := range Choices() {
		if len(choices) == 0 {
			t.Errorf("%s offers nothing", path)
		}
		for _, c := range choices {
			if err := with(path, c.Name); faults(err, path) {
				t.Errorf("%s %q: %v", path, c.Name, err)
			}
		}
		if path == "data.name" || path == "source" {
			continue // may name a file
		}
		if err := with(path, "no such thing"); !faults(err, path) {
			t.Errorf("%s: a name that is not offered: %v", path, err)
		}
	}
}
