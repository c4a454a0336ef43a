package data

import (
	"bytes"
	_ "embed"
	"fmt"
)

// The files and their origin are described in embedded/README.md.

//go:embed embedded/digits.csv.gz
var digitsFile []byte

//go:embed embedded/iris.csv.gz
var irisFile []byte

func digits() (*Table, error) { return embedded(digitsFile, "digits", "digit") }

func iris() (*Table, error) { return embedded(irisFile, "iris", "species") }

func embedded(file []byte, name, label string) (*Table, error) {
	t, err := ReadCSV(bytes.NewReader(file), name, Options{Label: label})
	if err != nil {
		return nil, fmt.Errorf("built-in data set: %w", err)
	}
	return t, nil
}
