package cli

import (
	"fmt"
	"reflect"
	"strings"

	"laminar/recipe"
)

// commandLine returns the call of train that trains r: its preset, and a flag for
// every setting that differs from it. complete is false if r says something that
// has no flag; then the line reads the recipe from recipe.json.
func commandLine(r recipe.Recipe) (line string, complete bool) {
	const byFile = "laminar train --recipe recipe.json"
	base, err := recipe.PresetFor(r.Data.Kind, r.Preset)
	if err != nil {
		return byFile, false
	}
	words := []string{"laminar", "train", quoted(r.Data.Name)}
	base.Data.Name = r.Data.Name
	base.Data.Digest, base.SourceDigest = r.Data.Digest, r.SourceDigest
	if r.Preset != recipe.Presets()[0] {
		words = append(words, "--preset", r.Preset)
	}
	for _, s := range settings {
		from, to := reflect.ValueOf(s.field(&base)).Elem(), reflect.ValueOf(s.field(&r)).Elem()
		if reflect.DeepEqual(from.Interface(), to.Interface()) {
			continue
		}
		from.Set(to)
		switch v := to.Interface().(type) {
		case bool:
			words = append(words, fmt.Sprintf("--%s=%t", s.flag, v))
		case []string:
			words = append(words, "--"+s.flag, quoted(strings.Join(v, ",")))
		default:
			words = append(words, "--"+s.flag, quoted(fmt.Sprint(v)))
		}
	}
	if base.Data.Standardise != r.Data.Standardise {
		words = append(words, fmt.Sprintf("--no-standardise=%t", !r.Data.Standardise))
		base.Data.Standardise = r.Data.Standardise
	}
	if !reflect.DeepEqual(base, r) {
		return byFile, false
	}
	return strings.ReplaceAll(strings.Join(words, " "), "--no-standardise=true", "--no-standardise"), true
}
