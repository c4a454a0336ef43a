package recipe

import (
	"laminar/coupling"
	"laminar/data"
	"laminar/nn"
	"laminar/optim"
	"laminar/path"
)

// Choice is one valid name of a field, with a line about it, which may be empty.
type Choice struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

// Choices returns the valid names of every field of a recipe that is a name, by
// the field's path in JSON: what flags complete and what a page offers. Fields
// that also take the name of a file list the built-in ones.
func Choices() map[string][]Choice {
	c := map[string][]Choice{
		"preset":    named(Presets()),
		"objective": named(Objectives()), "predict": named(Predictions()),
		"path.name":     {{Auto, "that of the family"}},
		"coupling.name": {{AutoCoupling, "transport for data without conditions, else independent"}},
		"coupling.cost": named(coupling.Costs()), "coupling.scale": named(coupling.Scales()),
		"network.kind": named(nn.Kinds()), "network.activation": named(nn.Activations()),
		"optim.method": named(optim.Methods()), "optim.schedule": named(optim.Schedules()),
		"source": {{"gaussian", "standard normal noise"}},
	}
	for _, e := range data.Catalogue() {
		c["data.name"] = append(c["data.name"], Choice{e.Name, e.Doc})
		if e.Name != "gaussian" {
			c["source"] = append(c["source"], Choice{e.Name, e.Doc})
		}
	}
	for _, e := range coupling.Catalogue() {
		c["coupling.name"] = append(c["coupling.name"], Choice(e))
	}
	for field, entries := range map[string][]path.Entry{
		"data.kind": KindCatalogue(), "family": FamilyCatalogue(), "path.name": path.Catalogue(),
		"path.time": path.TimeCatalogue(), "path.weight": path.WeightCatalogue(),
	} {
		for _, e := range entries {
			c[field] = append(c[field], Choice(e))
		}
	}
	return c
}

func named(names []string) (out []Choice) {
	for _, n := range names {
		out = append(out, Choice{Name: n})
	}
	return out
}
