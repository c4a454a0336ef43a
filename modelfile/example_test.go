package modelfile_test

import (
	"bytes"
	"fmt"

	"laminar/modelfile"
)

func Example() {
	w, err := modelfile.FromFloat32("net.0.weight", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6})
	if err != nil {
		panic(err)
	}
	var file bytes.Buffer
	err = modelfile.Write(&file, &modelfile.File{
		Meta:    map[string]string{"format": "pt"},
		Tensors: []modelfile.Tensor{w},
	})
	if err != nil {
		panic(err)
	}

	f, err := modelfile.Decode(file.Bytes())
	if err != nil {
		panic(err)
	}
	t, ok := f.Lookup("net.0.weight")
	v, err := t.Float32()
	fmt.Println(f.Meta, ok, t.Shape, v, err)
	// Output: map[format:pt] true [2 3] [1 2 3 4 5 6] <nil>
}
