// Package report writes one self-contained HTML page: a title, tables, figures
// and texts, in the order given. The page refers to nothing outside itself (its
// content security policy forbids it), follows the reader's light or dark
// preference, prints well, and runs no script.
//
//	p := report.Page{
//		Title:   "moons",
//		Summary: "A flow trained for 14 s.",
//		Sections: []report.Section{{
//			Title:   "Samples",
//			Figures: []report.Figure{{Caption: "Samples over data.", Light: png}},
//		}},
//	}
//	err := p.WriteHTML(w)
//
// All text is data: whatever it holds is escaped. The package draws nothing
// (package plot does), knows no metric, and reads no file. The same page gives
// the same bytes.
package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"

	"laminar/flow"
)

// Page is a report. Empty parts are left out.
type Page struct {
	Title   string
	Summary string
	// Facts is a short list under the title: data, seconds, parameters.
	Facts    []Fact
	Sections []Section
	// Footer is a last line: versions, date.
	Footer string
}

// Fact is a name and what is to be said of it.
type Fact struct{ Name, Value string }

// Section is a heading with what belongs to it, shown in the order of the
// fields.
type Section struct {
	Title   string
	Text    string
	Tables  []Table
	Figures []Figure
	// Small sets the figures four to a line, to be compared, instead of two; Large
	// one to a line, for letters that would be too small: a phone scrolls them.
	Small, Large bool
	// JSON is shown indented, folded away: a recipe, an evaluation. It must be
	// valid JSON.
	JSON json.RawMessage
}

// Table has one cell per column in each row. Columns whose cells are all
// numbers should be listed in Numeric, which sets them flush right. A cell of
// more than a few words is broken into lines; on a phone a last column of such
// cells stands below the others.
type Table struct {
	Caption string
	Columns []string
	Rows    [][]string
	Numeric []bool
}

// Figure is a picture as PNG, GIF, JPEG or SVG bytes. Dark, if not empty, is
// shown instead of Light to a reader who prefers dark pages. File, if not empty,
// is a name under which the picture is kept beside the page, which does not need
// it.
type Figure struct {
	File        string
	Caption     string
	Alt         string // what the picture shows, for who cannot see it; else Caption
	Light, Dark []byte
}

// WriteHTML writes the page. The error wraps flow.ErrFormat for a figure of
// another format or for JSON that is not, flow.ErrShape for a ragged table, and
// says which; then nothing was written.
func (p Page) WriteHTML(w io.Writer) error {
	v := view{Title: p.Title, Summary: p.Summary, Facts: p.Facts, Footer: p.Footer, Style: template.CSS(style)}
	for _, s := range p.Sections {
		sv := sectionView{Title: s.Title, Text: s.Text, Class: s.class()}
		where := fmt.Sprintf("section %q", s.Title)
		for i, t := range s.Tables {
			tv, err := t.view()
			if err != nil {
				return fmt.Errorf("%s, table %d: %w", where, i+1, err)
			}
			sv.Tables = append(sv.Tables, tv)
		}
		for i, f := range s.Figures {
			fv, err := f.view()
			if err != nil {
				return fmt.Errorf("%s, figure %d: %w", where, i+1, err)
			}
			sv.Figures = append(sv.Figures, fv)
		}
		if len(s.JSON) > 0 {
			var b bytes.Buffer
			if err := json.Indent(&b, s.JSON, "", "  "); err != nil {
				return fmt.Errorf("%s: %w: JSON: %v", where, flow.ErrFormat, err)
			}
			sv.JSON = b.String()
		}
		v.Sections = append(v.Sections, sv)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := b.WriteTo(w)
	return err
}

type view struct {
	Title, Summary, Footer string
	Facts                  []Fact
	Sections               []sectionView
	Style                  template.CSS
}

type sectionView struct {
	Title, Text, JSON string
	Tables            []tableView
	Figures           []figureView
	Class             string // of the figures
}

func (s Section) class() string {
	switch {
	case s.Large:
		return "figures large"
	case s.Small:
		return "figures small"
	}
	return "figures"
}

type tableView struct {
	Caption string
	Head    []cell
	Rows    [][]cell
	// Others is the number of columns before a last one of long text, else 0.
	Others int
}

type cell struct {
	Text    string
	Numeric bool
	// Long text is broken into lines.
	Long bool
}

// longText is the number of bytes from which a cell is broken into lines.
const longText = 48

func (t Table) view() (tableView, error) {
	v := tableView{Caption: t.Caption}
	last := len(t.Columns) - 1
	for _, r := range t.Rows {
		if last > 0 && len(r) > last && len(r[last]) > longText {
			v.Others = last
		}
	}
	cells := func(texts []string) []cell {
		out := make([]cell, len(texts))
		for i, s := range texts {
			out[i] = cell{s, i < len(t.Numeric) && t.Numeric[i], len(s) > longText || v.Others > 0 && i == last}
		}
		return out
	}
	v.Head = cells(t.Columns)
	for i, r := range t.Rows {
		if len(r) != len(t.Columns) {
			return v, fmt.Errorf("%w: row %d has %d cells for %d columns", flow.ErrShape, i, len(r), len(t.Columns))
		}
		v.Rows = append(v.Rows, cells(r))
	}
	return v, nil
}

type figureView struct {
	Caption, Alt string
	// Data URIs of our own making.
	Light template.URL
	Dark  template.Srcset
}

func (f Figure) view() (v figureView, err error) {
	v.Caption, v.Alt = f.Caption, f.Alt
	if v.Alt == "" {
		v.Alt = f.Caption
	}
	light, err := dataURI(f.Light)
	if err != nil {
		return v, err
	}
	v.Light = template.URL(light)
	if len(f.Dark) > 0 {
		dark, err := dataURI(f.Dark)
		if err != nil {
			return v, err
		}
		v.Dark = template.Srcset(dark)
	}
	return v, nil
}

func dataURI(b []byte) (string, error) {
	for _, f := range []struct{ kind, start string }{
		{"png", "\x89PNG\r\n\x1a\n"}, {"gif", "GIF8"}, {"jpeg", "\xff\xd8\xff"}, {"svg+xml", "<svg"},
	} {
		if bytes.HasPrefix(b, []byte(f.start)) {
			return "data:image/" + f.kind + ";base64," + base64.StdEncoding.EncodeToString(b), nil
		}
	}
	return "", fmt.Errorf("%w: %d bytes that are no PNG, GIF, JPEG or SVG picture", flow.ErrFormat, len(b))
}
