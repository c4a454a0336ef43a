package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"laminar/data"
	"laminar/flow"
	"laminar/recipe"
)

// ReadTable reads a file of points: .npy, .npz, else CSV (gzipped or not).
func ReadTable(path string, o data.Options) (*data.Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, explain(path, err)
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%w: %s is a folder in which nothing to learn from was found (pictures as PNG, JPEG or IDX, sounds as WAV, molecules as XYZ or SDF); or name a CSV, NPY or NPZ file", flow.ErrFormat, path)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npy":
		return data.ReadNPY(f, path, o)
	case ".npz":
		return data.ReadNPZ(f, st.Size(), path, o)
	}
	return data.ReadCSV(f, path, o)
}

// digest is the SHA-256 of a file, by which a resumed run knows its data.
func digest(path string) (string, error) {
	return (&pass{ctx: context.Background()}).digest(path)
}

func (p *pass) digest(path string) (string, error) {
	f, err := p.open(path)
	if err != nil {
		return "", explain(path, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", explain(path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Gather reads the data and the source that a recipe names, and writes the
// digests of files into it. A recipe that has digests already is held to them. tell,
// which may be nil, is told of large files; where ctx ends, its error is returned.
func Gather(ctx context.Context, r *recipe.Recipe, tell PassWatch) (recipe.Material, error) {
	var m recipe.Material
	var err error
	if recipe.IsBuiltIn(r.Data.Name) {
		if err := r.Data.CheckLabel(); err != nil {
			return m, err
		}
	}
	if m.Data, err = gatherData(&pass{ctx: ctx, tell: tell}, &r.Data); err != nil {
		return m, err
	}
	if r.Source != "gaussian" {
		m.Source, err = gather(r.Source, &r.SourceDigest, data.Options{}, false)
	}
	return m, err
}

// gatherData reads the data that d names and writes their digest into d.
func gatherData(p *pass, d *recipe.Data) (recipe.Given, error) {
	m, err := mediumOf(d.Kind)
	if err != nil {
		return recipe.Given{}, err
	}
	if m != nil {
		set, err := m.Gather(p, d)
		return recipe.Given{Set: set}, err
	}
	given, err := gather(d.Name, &d.Digest, d.TableOptions(), d.Label != "" && !d.DropLabel)
	if note := likeTable(given.Table); err == nil && note != "" && d.Label == "" && len(d.Conditions) == 0 && d.TimeColumn == "" {
		given.Table.Notes = append(given.Table.Notes, note)
	}
	return given, err
}

// likeTable is a remark on points from a text file some of whose columns are
// written to at most two decimals, which samples of points do not keep; else "".
func likeTable(t *data.Table) string {
	if t == nil || !isText(t.Name) {
		return ""
	}
	var coarse []string
	for j, name := range t.Columns {
		const hundred = 100
		fits, differ := true, false
		for i := range t.X.N {
			v := t.X.At(i, j)
			if fits = math.Round(v*hundred)/hundred == v; !fits {
				break
			}
			differ = differ || v != t.X.At(0, j)
		}
		if fits && differ {
			coarse = append(coarse, name)
		}
	}
	if len(coarse) == 0 {
		return ""
	}
	named := coarse[0]
	if more := len(coarse) - 1; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("whole numbers or few decimals (%s) come back with more decimals from a model of points; --kind table keeps whole numbers, bounds and decimals as the file writes them", named)
}

// isText reports whether a file of points is CSV by its name, and not built in.
func isText(path string) bool {
	switch filepath.Ext(strings.TrimSuffix(strings.ToLower(path), ".gz")) {
	case ".csv", ".tsv", ".txt", ".tab":
		return true
	}
	return false
}

// held compares the digest of what was read with the one that a run has
// recorded, and writes it down where there is none.
func held(sum *string, got, name string) error {
	if *sum != "" && *sum != got {
		return fmt.Errorf("%w: %s is not the file that the run was trained on; put that file back, or train anew with --force", flow.ErrConfig, name)
	}
	*sum = got
	return nil
}

func gather(name string, sum *string, o data.Options, labelled bool) (recipe.Given, error) {
	if recipe.IsBuiltIn(name) {
		return recipe.BuiltInData(name, labelled)
	}
	if _, err := os.Stat(name); err != nil && !strings.ContainsAny(name, `./\`) {
		_, err := data.Named(name)
		return recipe.Given{}, fmt.Errorf("%w; nor is there such a file", err)
	}
	t, err := ReadTable(name, o)
	if err != nil {
		return recipe.Given{}, err
	}
	got, err := digest(name)
	if err != nil {
		return recipe.Given{}, err
	}
	if err := held(sum, got, name); err != nil {
		return recipe.Given{}, err
	}
	return recipe.Given{Table: t}, nil
}
