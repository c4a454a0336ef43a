package npy

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"laminar/flow"
)

// Archive is an open NPZ file. It is safe for concurrent use as far as the
// io.ReaderAt beneath it is.
type Archive struct {
	files map[string]*zip.File
}

// OpenArchive reads the directory of the NPZ file of size bytes in r. The error
// wraps flow.ErrFormat.
func OpenArchive(r io.ReaderAt, size int64) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: not an NPZ file: %v", flow.ErrFormat, err)
	}
	a := &Archive{files: map[string]*zip.File{}}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		if a.files[name] != nil {
			return nil, fmt.Errorf("%w: the archive holds two arrays called %q", flow.ErrFormat, name)
		}
		a.files[name] = f
	}
	return a, nil
}

// Names returns the names of the arrays, sorted.
func (a *Archive) Names() []string {
	names := make([]string, 0, len(a.files))
	for name := range a.files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Read reads one array under the limits of the function Read.
func (a *Archive) Read(name string, maxBytes int64) (*Array, error) {
	f, ok := a.files[name]
	if !ok {
		return nil, fmt.Errorf("%w: no array is called %q; the archive holds %s", flow.ErrConfig, name, strings.Join(a.Names(), ", "))
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: array %q: %v", flow.ErrFormat, name, err)
	}
	defer r.Close()
	x, err := Read(r, maxBytes)
	switch {
	case errors.Is(err, flow.ErrFormat):
		return nil, fmt.Errorf("array %q: %w", name, err)
	case err != nil: // the archive cannot be unpacked, or its reader fails
		return nil, fmt.Errorf("%w: array %q: %w", flow.ErrFormat, name, err)
	}
	return x, nil
}
