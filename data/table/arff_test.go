package table_test

import (
	"fmt"
	"strings"
	"testing"

	"laminar/data/table"
)

// A sparse row names what is not 0 or the first value; values may stand in quotes
// and hold commas.
func TestSparseARFF(t *testing.T) {
	head := "@relation r\n@attribute x numeric\n@attribute 'c d' {p,'q,r'}\n@attribute z real\n@data\n"
	_, x := must(t, "t.arff", []byte(head+"{0 3, 1 'q,r' , 2 1.5}\n{}\n{2 ?,1 p}\n1,'q,r',2.5\n"))
	for i, row := range []string{"[3 1 1.5]", "[0 0 0]", "[0 0 NaN]", "[1 1 2.5]"} {
		if got := fmt.Sprint(x.Row(i)); got != row {
			t.Errorf("row %d: %s, want %s", i+1, got, row)
		}
	}
	for rows, want := range map[string]string{
		"{0 3, 1 'q,r'":    "has no }",
		"{0 3, 1 'q,r' x}": "text follows",
		"{3 1}":            "is not INDEX VALUE",
		"{0}":              "is not INDEX VALUE",
	} {
		src, err := table.Open("t.arff", opener([]byte(head+rows+"\n")), table.ReadOptions{})
		if err == nil {
			_, err = table.Infer(src, table.InferOptions{})
		}
		if err == nil || !strings.Contains(err.Error(), "line 6") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", rows, err, want)
		}
	}
}
