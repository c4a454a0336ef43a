package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"regexp"
	"strings"
	"testing"

	"laminar/flow"
	"laminar/report"
)

func picture(c color.Color) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		img.Set(i%8, i/8, c)
	}
	var b bytes.Buffer
	png.Encode(&b, img)
	return b.Bytes()
}

func sample() report.Page {
	return report.Page{
		Title:   "moons",
		Summary: "A flow from noise to two moons, trained for 14 seconds.",
		Facts:   []report.Fact{{Name: "steps", Value: "20,000"}, {Name: "W2 over floor", Value: "1.04"}},
		Sections: []report.Section{
			{Title: "Figures", Tables: []report.Table{{
				Caption: "Distances to data.", Columns: []string{"solver", "NFE", "W2"},
				Rows: [][]string{{"euler", "1", "0.14"}, {"euler", "100", "0.10"}}, Numeric: []bool{false, true, true},
			}}},
			{Title: "Pictures", Figures: []report.Figure{
				{Caption: "Samples over data.", Light: picture(color.White), Dark: picture(color.Black)},
				{Caption: "Loss.", Light: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
			}},
			{Title: "Side by side", Small: true, Figures: []report.Figure{{Caption: "One.", Light: picture(color.White)}}},
			{Title: "Words", Tables: []report.Table{{Columns: []string{"a", "b"}, Rows: [][]string{{"short", "a cell of so many words that they are better set in lines"}, {"short", "few"}}}}},
			{Title: "Of small letters", Large: true, Figures: []report.Figure{{Caption: "Two.", Light: picture(color.White)}}},
			{Title: "Recipe", JSON: json.RawMessage(`{"data":"moons","seed":1}`)},
		},
		Footer: "Laminar",
	}
}

func html(t *testing.T, p report.Page) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	got := html(t, sample())
	for _, want := range []string{
		"<title>moons</title>", "20,000", `<td class="n">0.14</td>`, "<td>euler</td>", "data:image/png;base64,", "data:image/svg&#43;xml;base64,", `srcset="data:image/png;base64,`,
		"prefers-color-scheme: dark", "&#34;seed&#34;: 1", "Content-Security-Policy", "var(--page)", `alt="Loss."`, `class="figures small"`, `<td class="t">a cell of so many`, "<td>short</td>", `<td class="t">few</td>`, `<table class="told" style="--others: 1">`, `<th scope="col" class="t">b</th>`, `class="figures large"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if got != html(t, sample()) {
		t.Error("the page differs when written again")
	}
	if name := os.Getenv("LAMINAR_REPORT"); name != "" {
		os.WriteFile(name, []byte(got), 0o644)
	}
}

// Nothing in the page may point outside it.
func TestSelfContained(t *testing.T) {
	got := html(t, sample())
	for _, m := range regexp.MustCompile(`(?:src|srcset|href)="([^"]*)"|url\(([^)]*)\)|@import`).FindAllStringSubmatch(got, -1) {
		if !strings.HasPrefix(m[1], "data:image/") {
			t.Errorf("the page refers to %.80q", m[0])
		}
	}
	if strings.Contains(got, "<script") {
		t.Error("the page has a script")
	}
}

func TestEscapes(t *testing.T) {
	const evil = `</style><script>alert(1)</script>" onerror="x`
	p := report.Page{
		Title: evil, Summary: evil, Footer: evil, Facts: []report.Fact{{Name: evil, Value: evil}},
		Sections: []report.Section{{
			Title: evil, Text: evil,
			Tables:  []report.Table{{Caption: evil, Columns: []string{evil}, Rows: [][]string{{evil}}}},
			Figures: []report.Figure{{Caption: evil, Alt: evil, Light: picture(color.White)}},
			JSON:    json.RawMessage(`{"x":"</pre><script>alert(1)</script>"}`),
		}},
	}
	got := html(t, p)
	if strings.Contains(got, "<script") || strings.Contains(got, `" onerror`) {
		t.Error("text reached the page unescaped")
	}
}

func TestBadParts(t *testing.T) {
	for _, c := range []struct {
		name string
		s    report.Section
		want error
	}{
		{"ragged table", report.Section{Tables: []report.Table{{Columns: []string{"a", "b"}, Rows: [][]string{{"1"}}}}}, flow.ErrShape},
		{"text as picture", report.Section{Figures: []report.Figure{{Light: []byte("hello")}}}, flow.ErrFormat},
		{"html as picture", report.Section{Figures: []report.Figure{{Light: []byte("<html>")}}}, flow.ErrFormat},
		{"no picture", report.Section{Figures: []report.Figure{{Caption: "nothing"}}}, flow.ErrFormat},
		{"broken JSON", report.Section{JSON: json.RawMessage(`{"a":`)}, flow.ErrFormat},
	} {
		var b strings.Builder
		err := report.Page{Sections: []report.Section{c.s}}.WriteHTML(&b)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want one that is %v", c.name, err, c.want)
		}
		if b.Len() > 0 {
			t.Errorf("%s: %d bytes were written", c.name, b.Len())
		}
	}
}

func ExamplePage() {
	var b strings.Builder
	err := report.Page{Title: "moons", Summary: "W2 < floor?"}.WriteHTML(&b)
	fmt.Println(err, strings.Contains(b.String(), "W2 &lt; floor?"))
	// Output: <nil> true
}
