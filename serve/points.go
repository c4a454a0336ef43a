package serve

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"laminar/data"
	"laminar/flow"
	"laminar/rng"
)

// drawing reads how many rows a request asks for, under which seed.
func (s *Server) drawing(r *http.Request) (n int, seed uint64, err error) {
	if n, err = number(r, "n", 2000, 1, s.cfg.Limits.Points); err != nil {
		return 0, 0, err
	}
	seed, err = seedOf(r)
	return n, seed, err
}

// seedOf reads the seed of a request, 0 if it names none.
func seedOf(r *http.Request) (uint64, error) {
	text := r.URL.Query().Get("seed")
	if text == "" {
		return 0, nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, faultf(http.StatusUnprocessableEntity, "seed: %.40q is not a whole number from 0", text)
	}
	return seed, nil
}

// points answers draws of a built-in set.
func (s *Server) points(w http.ResponseWriter, r *http.Request) error {
	n, seed, err := s.drawing(r)
	if err != nil {
		return err
	}
	noise := 0.0
	if text := r.URL.Query().Get("noise"); text != "" {
		if noise, err = strconv.ParseFloat(text, 64); err != nil || !(noise >= 0 && noise <= 1e6) {
			return faultf(http.StatusUnprocessableEntity, "noise: %.40q is not in [0, 1e6]", text)
		}
	}
	x, err := drawNamed(r.URL.Query().Get("name"), n, rng.New(seed), noise)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"n": n, "x_f32": f32(x.Data)})
}

// column describes a column of an uploaded file.
type column struct {
	Name   string `json:"name"`
	Number bool   `json:"number"`
}

// unpackedShare bounds the text of a zipped table, as a multiple of what may be sent.
const unpackedShare = 8

// text is the text of a table, unzipped, of which only so much is read, and nothing
// for a client that has gone.
type text struct {
	ctx  context.Context
	from io.Reader
	most int64
	read int64
}

func (s *Server) textOf(ctx context.Context, body []byte) (*text, error) {
	t := &text{ctx: ctx, from: bytes.NewReader(body), most: unpackedShare * s.cfg.Limits.UploadBytes}
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(t.from)
		if err != nil {
			return nil, faultf(http.StatusBadRequest, "the file is no gzip file: %v", err)
		}
		t.from = z
	}
	return t, nil
}

func (t *text) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	if t.read > t.most {
		return 0, fmt.Errorf("the file is longer than %d bytes unpacked", t.most)
	}
	n, err := t.from.Read(p)
	t.read += int64(n)
	return n, err
}

// table reads two columns of a CSV file in the body.
func (s *Server) table(w http.ResponseWriter, r *http.Request) error {
	if err := s.uploads.take(r.Context()); err != nil {
		return err
	}
	defer s.uploads.give()
	b, err := readBody(w, r, s.cfg.Limits.UploadBytes)
	if err != nil {
		return err
	}
	if err := s.heavy.take(r.Context()); err != nil {
		return err
	}
	defer s.heavy.give()
	const name = "the file"
	content, err := s.textOf(r.Context(), b)
	if err != nil {
		return err
	}
	columns, err := data.CSVColumns(content, name)
	if err != nil {
		return err
	}
	if len(columns) > 1000 {
		return faultf(http.StatusUnprocessableEntity, "the file has %d columns; up to 1000 are shown", len(columns))
	}
	x, y := r.URL.Query().Get("x"), r.URL.Query().Get("y")
	shown := make([]column, len(columns))
	for i, c := range columns {
		shown[i] = column(c)
		// By number, for names may be equal.
		number := strconv.Itoa(i + 1)
		switch {
		case !c.Number:
		case x == "":
			x = number
		case y == "" && x != number && x != c.Name:
			y = number
		}
	}
	if x == "" || y == "" {
		return faultf(http.StatusUnprocessableEntity, "of the file's %d columns, fewer than two hold numbers in every row; two are needed", len(columns))
	}
	first, second := place(columns, x), place(columns, y)
	answer := map[string]any{"columns": shown, "x": columns[first].Name, "y": columns[second].Name}
	if content, err = s.textOf(r.Context(), b); err != nil {
		return err
	}
	t, err := data.ReadCSV(content, name, data.Options{Only: []string{x, y}, MaxBytes: 64 << 20})
	if errors.Is(err, flow.ErrFormat) {
		// Other columns may do, so those are told too.
		answer["error"] = err.Error()
		return writeJSONStatus(w, http.StatusBadRequest, answer)
	}
	if err != nil {
		return err
	}
	notes := append([]string{}, t.Notes...)
	rows := t.X.N
	if rows < leastRows {
		return faultf(http.StatusUnprocessableEntity, "the file has %d rows; at least %d are needed", rows, leastRows)
	}
	if most := s.cfg.Limits.Points; rows > most {
		keep := make([]int, most)
		for i := range keep {
			keep[i] = i * rows / most
		}
		t = t.Select(keep)
		notes = append(notes, fmt.Sprintf("%d of %d rows are used, evenly taken", most, rows))
	}
	// Columns come in the order of the file; the request has one of its own.
	if first > second {
		for i := range t.X.N {
			row := t.X.Row(i)
			row[0], row[1] = row[1], row[0]
		}
	}
	answer["rows"], answer["n"], answer["points_f64"], answer["notes"] = rows, t.X.N, f64(t.X.Data), notes
	return writeJSON(w, answer)
}

// place is the number of the column that the reader took for want: the one of
// that name, else of that number.
func place(columns []data.Column, want string) int {
	for i, c := range columns {
		if c.Name == want {
			return i
		}
	}
	k, err := strconv.Atoi(want)
	if err != nil || k < 1 || k > len(columns) {
		return 0 // the reader has refused it
	}
	return k - 1
}
