package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"laminar/flow"
	"laminar/graph"
	"laminar/modelfile"
)

// ImportWeights reads the parameters of a network from a safetensors file, such
// as PyTorch's state_dict saved by safetensors.torch.save_file, and returns them
// as one arena of the given layout. Names are those of torch.nn.Sequential for
// the built-in mlp: "net.0.weight" of shape [out, in], "net.0.bias", and so on.
//
// The file's names are the layout's, or all of them behind one common prefix
// ("model.net.0.weight"), or the layout's without their own common beginning
// ("0.weight" for "net.0.weight", as a bare Sequential saves it). What Laminar's
// own files hold beside the network ("train/...", "weak/...", "source.x") is passed
// over. Every float type is taken to float32.
//
// The error wraps flow.ErrFormat and lists what is missing, what is left over
// and what has another shape; a value that is not finite is one too.
func ImportWeights(path string, layout graph.Layout) ([]float32, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return nil, explain(path, err)
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%w: %s is a folder; name a safetensors file, %s for instance", flow.ErrFormat, path, filepath.Join(path, ModelFile))
	}
	f, err := modelfile.Read(in, st.Size())
	if err == nil {
		var w []float32
		if w, err = takeWeights(f, layout); err == nil {
			return w, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

func takeWeights(f *modelfile.File, layout graph.Layout) ([]float32, error) {
	var have []string
	for _, name := range f.Names() {
		if !strings.HasPrefix(name, statePrefix) && !strings.HasPrefix(name, weakPrefix) && name != "source.x" {
			have = append(have, name)
		}
	}
	rename := matchNames(have, layout)
	var missing, shapes []string
	out := make([]float32, layout.Size)
	used := map[string]bool{}
	for _, e := range layout.Entries {
		name := rename(e.Name)
		t, ok := f.Lookup(name)
		if !ok {
			missing = append(missing, e.Name)
			continue
		}
		used[name] = true
		if !slices.Equal(t.Shape, e.Shape) {
			shapes = append(shapes, fmt.Sprintf("%s has shape %v, the network's is %v", name, t.Shape, e.Shape))
			continue
		}
		v, err := t.Float32()
		if err != nil {
			return nil, err
		}
		for i, w := range v {
			if w-w != 0 {
				return nil, fmt.Errorf("%w: element %d of %s is %v", flow.ErrFormat, i, name, w)
			}
		}
		copy(out[e.Offset:e.Offset+e.Size], v)
	}
	unused := slices.DeleteFunc(have, func(n string) bool { return used[n] })
	var faults []string
	if len(missing) > 0 {
		faults = append(faults, "missing: "+few(missing))
	}
	if len(unused) > 0 {
		faults = append(faults, "not used: "+few(unused))
	}
	if len(shapes) > 0 {
		faults = append(faults, few(shapes))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: the weights are not those of this network: %s", flow.ErrFormat, strings.Join(faults, "; "))
	}
	return out, nil
}

// matchNames returns how the file calls the layout's parameters: as the layout
// does, behind a prefix, or without the beginning that all of the layout's names
// share. Of several ways the one that finds most names is taken, the plainest
// first.
func matchNames(have []string, layout graph.Layout) func(string) string {
	there := map[string]bool{}
	for _, n := range have {
		there[n] = true
	}
	ways := []func(string) string{func(n string) string { return n }}
	if len(layout.Entries) > 0 {
		first := layout.Entries[0].Name
		for _, n := range have {
			if prefix, ok := strings.CutSuffix(n, "."+first); ok {
				ways = append(ways, func(n string) string { return prefix + "." + n })
			}
		}
		if head, _, ok := strings.Cut(first, "."); ok {
			ways = append(ways, func(n string) string { return strings.TrimPrefix(n, head+".") })
		}
	}
	best, most := ways[0], -1
	for _, way := range ways {
		found := 0
		for _, e := range layout.Entries {
			if there[way(e.Name)] {
				found++
			}
		}
		if found > most {
			best, most = way, found
		}
	}
	return best
}

// few joins the first of many words.
func few(words []string) string {
	const most = 6
	if len(words) > most {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", len(words)-most)
	}
	return strings.Join(words, ", ")
}
