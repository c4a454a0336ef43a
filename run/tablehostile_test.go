package run

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/sample"
	"laminar/tensor"
)

// drawn draws n rows of a model of tables and writes them to a file of that name.
func drawn(t testing.TB, s *Saved, n int, name string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := s.TableWriter(&b, name, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	c := sample.Config{N: n, Seed: rng.New(1), Solve: s.Solve()}
	_, err = s.DrawTable(context.Background(), TableDraws{Config: c}, func(rows tensor.Matrix[float64], first int) error {
		for i := range rows.N {
			if err := w.Write(rows.Row(i), uint64(first+i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// csvText is n lines, each what line makes of its number, below a header.
func csvText(header string, n int, line func(i int) string) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := range n {
		b.WriteString(line(i) + "\n")
	}
	return b.String()
}

// Tables that nobody would have thought of: each is learnt and written back in its
// form, or refused in one line that says why.
func TestHostileTables(t *testing.T) {
	if testing.Short() {
		t.Skip("long under the race detector; other tests start the same goroutines")
	}
	wide := func(n int, cell func(j int) string) string {
		cells := make([]string, n)
		for j := range cells {
			cells[j] = cell(j)
		}
		return strings.Join(cells, ",")
	}
	for _, c := range []struct {
		name, text string
		want       func(out string) string // "" or what is wrong with the rows
		refused    string                  // part of the message
	}{
		{name: "one row", text: "a,b\n1,x\n", refused: "nothing to learn"},
		{name: "header only", text: "a,b\n", refused: "nothing to learn"},
		{name: "empty", text: "", refused: "is empty"},
		{name: "all constant", text: csvText("a,b", 50, func(int) string { return "7,x" }), refused: "nothing to learn"},
		{name: "one column", text: csvText("colour", 90, func(i int) string { return []string{"red", "green", "blue"}[i%3] }), want: func(out string) string {
			if !strings.HasPrefix(out, "colour\n") || strings.Trim(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(out[7:], "red", ""), "green", ""), "blue", ""), "\n") != "" {
				return "other cells than red, green and blue"
			}
			return ""
		}},
		{name: "an all missing column", text: csvText("a,b,c", 60, func(i int) string { return fmt.Sprintf("%d.5,,%s", i*i, "xy"[i%2:i%2+1]) }), want: func(out string) string {
			for _, l := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
				if cells := strings.Split(l, ","); len(cells) != 3 || cells[1] != "" {
					return l
				}
			}
			return ""
		}},
		{name: "10,000 categories", text: csvText("town,n", 20000, func(i int) string { return fmt.Sprintf("t%05d,%d", i%10000, i%7) }), want: func(out string) string {
			if !strings.Contains(out, "\nt0") {
				return "no town"
			}
			return ""
		}},
		{name: "2,000 columns", text: csvText(wide(2000, func(j int) string { return fmt.Sprintf("c%d", j) }), 40, func(i int) string {
			return wide(2000, func(j int) string { return []string{"a", "b", fmt.Sprint(i)}[(i*j+j)%3%(1+j%3)] })
		}), want: func(out string) string {
			if n := strings.Count(strings.SplitN(out, "\n", 2)[0], ","); n != 1999 {
				return fmt.Sprint(n, " commas in the header")
			}
			return ""
		}},
		{name: "mixed types", text: csvText("a,b", 80, func(i int) string {
			return fmt.Sprintf("%s,%d", []string{"12", "3.5", "yes", "2020-01-01", "?"}[i%5], i)
		})},
		{name: "headers twice", text: csvText("a,a,", 60, func(i int) string { return fmt.Sprintf("%d,%d.5,%s", i%13, i, "xy"[i%2:i%2+1]) }), want: func(out string) string {
			if !strings.HasPrefix(out, "a,a,\n") {
				return "the header is " + strings.SplitN(out, "\n", 2)[0]
			}
			return ""
		}},
		{name: "quotes and newlines", text: csvText(`q,n`, 60, func(i int) string { return []string{`"say ""hi""",1.5`, "\"two\nlines\",2.5", `"a, b",3.5`}[i%3] }), want: func(out string) string {
			for _, cell := range []string{`"say ""hi"""`, "\"two\nlines\"", `"a, b"`} {
				if !strings.Contains(out, cell) {
					return "lacks " + cell
				}
			}
			return ""
		}},
		{name: "UTF-16", text: utf16Text(csvText("størrelse,by", 60, func(i int) string { return fmt.Sprintf("%d,%s", i, []string{"Ærø", "Rømø"}[i%2]) })), want: func(out string) string {
			if !strings.HasPrefix(out, "\xff\xfe") || !strings.Contains(out, "\xc6\x00r\x00\xf8\x00") {
				return "it is no UTF-16"
			}
			return ""
		}},
		{name: "dates", text: csvText("when,what", 90, func(i int) string { return fmt.Sprintf("%02d.%02d.2021 %02d:30,%d", 1+i%28, 1+i%12, i%24, i%4) }), want: func(out string) string {
			for _, l := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
				if len(l) < 16 || l[2] != '.' || l[13] != ':' {
					return l
				}
			}
			return ""
		}},
		{name: "int64 extremes", text: csvText("id,x", 60, func(i int) string { return fmt.Sprintf("%d,%d.5", []int64{-1 << 63, 1<<63 - 1, 0, 5}[i%4], i) })},
		{name: "thousands separators", text: csvText("pay;group", 80, func(i int) string { return fmt.Sprintf("%d,%03d;%s", 1+i%9, i*37%1000, "xy"[i%2:i%2+1]) }), want: func(out string) string {
			if !strings.Contains(out, ",") {
				return "no separators"
			}
			return ""
		}},
		{name: "a huge outlier", text: csvText("a,b", 80, func(i int) string { return []string{"1e300,x", "1.5,y", "2.5,x"}[min(i, 1+i%2)] })},
		{name: "ragged", text: "a,b\n1,x\n2\n", refused: "line 3"},
		{name: "endless quote", text: "a,b\n1,\"x\n2,y\n", refused: "quote"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "hostile.csv")
			if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			r, err := recipe.PresetFor(recipe.Table, "fast")
			if err != nil {
				t.Fatal(err)
			}
			r.Data.Name = file
			r.Network.Width, r.Network.Depth, r.Train.Batch, r.Train.Steps = 16, 1, 16, 3
			res, err := Train(context.Background(), r, Options{Dir: filepath.Join(dir, "run")})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "hostile.csv") {
					t.Fatalf("%v, want a line with %q", err, c.refused)
				}
				if !errors.Is(err, flow.ErrFormat) && !errors.Is(err, flow.ErrConfig) {
					t.Errorf("%v is neither a fault of the file nor of the settings", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			const n = 100
			s, err := Load(res.Path, "")
			if err != nil {
				t.Fatal(err)
			}
			out := drawn(t, s, n, "out.csv")
			if c.want != nil {
				if fault := c.want(out); fault != "" {
					t.Errorf("%s", fault)
				}
			}
			// What was written is read again as what it was.
			back := filepath.Join(dir, "back.csv")
			if err := os.WriteFile(back, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
			rows, err := s.ReadCells(t.Context(), back, nil)
			if err != nil || rows.N != n {
				t.Errorf("%d rows came back: %v", rows.N, err)
			}
		})
	}
}

func utf16Text(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// The model file, the figures and the page hold no cell of a single row: neither
// rare numbers, nor identifiers, nor free text, nor pooled names.
func TestModelHoldsNoRows(t *testing.T) {
	text := csvText("id,note,salary,town,score", 400, func(i int) string {
		town := []string{"Paris", "Rome"}[i%2]
		salary := 1000 + i*7%300
		if i == 123 {
			town, salary = "Hinterwalden", 987654
		}
		return fmt.Sprintf("kx%07d,said %d things to %d people on day %d,%d,%s,%.4f", 7919*i, i, i*i, i*3, salary, town, float64(i*i%401)*1.2345)
	})
	res := trainTable(t, "people.csv", text, func(r *recipe.Recipe) { r.Data.Rare = 5 })
	dir := filepath.Dir(res.Path)
	j, err := Judge(context.Background(), res.Saved, res.Plan, res.Saved.EvalDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Illustrate(context.Background(), dir, res.Saved, res.Plan, j); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Base(res.Path), EvalFile, ReportFile} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b = []byte(html.UnescapeString(string(b)))
		// Of pictures, those that are text are searched.
		const picture = `data:image/([a-z+]+);base64,([A-Za-z0-9+/=]+)`
		b = regexp.MustCompile(picture).ReplaceAllFunc(b, func(uri []byte) []byte {
			m := regexp.MustCompile(picture).FindSubmatch(uri)
			text, err := base64.StdEncoding.DecodeString(string(m[2]))
			if err != nil {
				t.Fatal(err)
			}
			if string(m[1]) != "svg+xml" {
				return nil
			}
			return text
		})
		for _, cell := range []string{"987654", "Hinterwalden", "kx0", "things to", "people on day"} {
			if bytes.Contains(b, []byte(cell)) {
				t.Errorf("%s holds %q", name, cell)
			}
		}
		if !bytes.Contains(b, []byte("town")) {
			t.Errorf("%s does not even hold the name of a column: the test looks in the wrong place", name)
		}
	}
}
