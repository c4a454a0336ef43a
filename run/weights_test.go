package run_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/graph"
	"laminar/modelfile"
	"laminar/nn"
	"laminar/run"
)

// postLayout is the layout of the post's network on points of the plane.
func postLayout(t testing.TB) graph.Layout {
	t.Helper()
	net, err := nn.Post().Network(2, flow.CondSpec{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Velocity(net)
	if err != nil {
		t.Fatal(err)
	}
	return p.Layout(nn.Group)
}

// weightsFile writes a file of the layout's parameters, each element its index,
// under other names, and returns its path. A name of "" is left out.
func weightsFile(t testing.TB, l graph.Layout, name func(string) string, more ...modelfile.Tensor) string {
	t.Helper()
	f := &modelfile.File{Tensors: more}
	for _, e := range l.Entries {
		v := make([]float32, e.Size)
		for i := range v {
			v[i] = float32(e.Offset + i)
		}
		x, err := modelfile.FromFloat32(name(e.Name), e.Shape, v)
		if err != nil {
			t.Fatal(err)
		}
		if x.Name != "" {
			f.Tensors = append(f.Tensors, x)
		}
	}
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := run.WriteFile(path, func(w io.Writer) error { return modelfile.Write(w, f) }); err != nil {
		t.Fatal(err)
	}
	return path
}

func scalar(t testing.TB, name string, v float32) modelfile.Tensor {
	x, err := modelfile.FromFloat32(name, []int{1}, []float32{v})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestImportWeights(t *testing.T) {
	l := postLayout(t)
	for way, name := range map[string]func(string) string{
		"same names":      func(n string) string { return n },
		"a prefix":        func(n string) string { return "model.velocity." + n },
		"bare Sequential": func(n string) string { return strings.TrimPrefix(n, "net.") },
	} {
		got, err := run.ImportWeights(weightsFile(t, l, name), l)
		if err != nil || len(got) != l.Size {
			t.Fatalf("%s: %d weights, %v", way, len(got), err)
		}
		for i, v := range got {
			if v != float32(i) {
				t.Fatalf("%s: weight %d is %v", way, i, v)
			}
		}
	}
	// What Laminar's own files hold beside the weights is not in the way.
	same := func(n string) string { return n }
	if _, err := run.ImportWeights(weightsFile(t, l, same, scalar(t, "train/best", 1), scalar(t, "source.x", 1)), l); err != nil {
		t.Error(err)
	}
}

func TestImportWeightsRefuses(t *testing.T) {
	l := postLayout(t)
	same := func(n string) string { return n }
	turned := graph.Layout{Size: l.Size, Entries: slices.Clone(l.Entries)}
	turned.Entries[0].Shape = []int{3, 64}
	notFinite := graph.Layout{Size: 1, Entries: []graph.Entry{{Name: "a", Shape: []int{1}, Size: 1}}}
	noFile := filepath.Join(t.TempDir(), "none")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("x,y\n1,2\n3,4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		layout     graph.Layout
		want       []string
	}{
		{
			"missing and left over", weightsFile(t, l, func(n string) string { return strings.Replace(n, "net.4", "head", 1) }), l,
			[]string{"missing: net.4.weight, net.4.bias", "not used: head.bias, head.weight"},
		},
		{"left over", weightsFile(t, l, same, scalar(t, "extra", 1)), l, []string{"not used: extra"}},
		{"shape", weightsFile(t, turned, same), l, []string{"net.0.weight has shape [3 64], the network's is [64 3]"}},
		{"nothing in common", weightsFile(t, l, func(n string) string { return "q" + strings.ReplaceAll(n, ".", "_") }), l, []string{"missing: net.0.weight", "not used:"}},
		{"not a number", weightsFile(t, graph.Layout{}, same, scalar(t, "a", float32(math.NaN()))), notFinite, []string{"element 0 of a is NaN"}},
		{"not safetensors", text, l, []string{text}},
		{"folder", t.TempDir(), l, []string{"is a folder"}},
	} {
		_, err := run.ImportWeights(c.path, c.layout)
		if !errors.Is(err, flow.ErrFormat) {
			t.Errorf("%s: %v is not ErrFormat", c.name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.name, err, want)
			}
		}
	}
	if _, err := run.ImportWeights(noFile, l); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

// A state_dict that PyTorch saved is read as it is, where PyTorch and its
// safetensors package are installed.
func TestImportFromPyTorch(t *testing.T) {
	const script = `
import sys, torch
from safetensors.torch import save_file
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
save_file(net.state_dict(), sys.argv[1])
print(float(net[4].bias[1].detach()))
`
	path := filepath.Join(t.TempDir(), "post.safetensors")
	out, err := exec.Command("python3", "-c", script, path).Output()
	if err != nil {
		t.Skip("no PyTorch with safetensors at hand")
	}
	w, err := run.ImportWeights(path, postLayout(t))
	if err != nil {
		t.Fatal(err)
	}
	var want float64
	if _, err := fmt.Sscan(string(out), &want); err != nil || float32(want) != w[len(w)-1] {
		t.Errorf("the last bias is %v, PyTorch says %s (%v)", w[len(w)-1], out, err)
	}
}
