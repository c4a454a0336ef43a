package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"laminar/data"
	"laminar/data/image"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
)

// images is the medium of pictures: IDX files, folders of PNG and JPEG files,
// and strips with a CSV file of labels.
type images struct{}

// imageForm says that a row is a picture: line by line, the channels last.
type imageForm struct {
	Height   int `json:"height"`
	Width    int `json:"width"`
	Channels int `json:"channels"`
}

func (imageForm) Kind() string { return recipe.Images }

// MarshalJSON writes the three sizes.
func (f imageForm) MarshalJSON() ([]byte, error) {
	type plain imageForm
	return json.Marshal(plain(f))
}

// String describes the pictures.
func (f imageForm) String() string {
	colour := "grey"
	if f.Channels == 3 {
		colour = "in colour"
	}
	return fmt.Sprintf("images of %d x %d pixels, %s", f.Width, f.Height, colour)
}

func (f imageForm) size() int { return f.Height * f.Width * f.Channels }

func (images) Decode(b []byte) (recipe.Form, error) {
	type plain imageForm
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", flow.ErrFormat, err)
	}
	f := imageForm(p)
	if f.Height < 1 || f.Width < 1 || f.Channels != 1 && f.Channels != 3 || f.Height > 1<<14 || f.Width > 1<<14 {
		return nil, fmt.Errorf("%w: images of %d x %d x %d", flow.ErrFormat, f.Height, f.Width, f.Channels)
	}
	return f, nil
}

// imageSet is pictures that were read.
type imageSet struct {
	*image.Set
	// ordered tells that the order is the maker's: the last ones are held out.
	ordered bool
	notes   []string
}

func (s imageSet) Suit(r *recipe.Recipe) error {
	imageForm{s.H, s.W, s.C}.suit(r)
	r.SuitClasses(s.Classes)
	return nil
}

func (f imageForm) suit(r *recipe.Recipe) { r.SuitImages(f.Height, f.Width, f.Channels) }

// fewImages is the fewest pictures of which some are held out.
const fewImages = 20

// Split holds out the last pictures of files that have an order, as those of
// MNIST, whose last 10,000 are the usual ones; of folders, some by chance.
func (s imageSet) Split(heldOut float64, key rng.Key) (train, held data.RowSource, err error) {
	all := s.Rows(true)
	n := int(math.Round(heldOut * float64(s.Len())))
	if n < 1 || s.Len() < fewImages {
		return all, nil, nil
	}
	order := make([]int, s.Len())
	for i := range order {
		order[i] = i
	}
	if !s.ordered {
		chance := key.Stream()
		for i := len(order) - 1; i > 0; i-- {
			j := chance.IntN(i + 1)
			order[i], order[j] = order[j], order[i]
		}
	}
	learn, kept := order[:len(order)-n], order[len(order)-n:]
	if len(learn) == 0 {
		return nil, nil, &flow.FieldError{Path: "data.held_out", Msg: fmt.Sprintf("%v of %d pictures leaves none to learn from", heldOut, s.Len())}
	}
	slices.Sort(learn)
	slices.Sort(kept)
	return all.Select(learn), all.Select(kept), nil
}

func (s imageSet) Transform() data.Transform { return data.Bytes{} }
func (s imageSet) Form() recipe.Form         { return imageForm{s.H, s.W, s.C} }
func (s imageSet) Notes() []string           { return s.notes }

// fit returns the pictures with the colours and the numbers of classes of a model.
func (s imageSet) fit(m *Saved, name string) (recipe.Set, error) {
	if f, ok := m.Form.(imageForm); ok && f.Channels == 3 {
		s.Set = s.Coloured()
	}
	classes := m.Model.Classes
	if len(classes) == 0 || s.Class == nil {
		return s, nil
	}
	t := *s.Set
	t.Classes, t.Class = classes, make([]int32, len(s.Class))
	for i, k := range s.Class {
		at := slices.Index(classes, s.Classes[k])
		if at < 0 {
			return nil, fmt.Errorf("%w: %s holds the class %q, which the model was not trained with", flow.ErrConfig, name, s.Classes[k])
		}
		t.Class[i] = int32(at)
	}
	s.Set = &t
	return s, nil
}

func (images) Claims(path string) bool {
	f, err := findImages(path)
	return err == nil && f.how != nothing
}

// imageFiles are the files that hold the pictures of a path.
type imageFiles struct {
	how    layout
	dir    string
	files  []string // of idx the pictures, of strips all of them, by name
	labels string   // "" without
	aside  []string // files of the same make that are not read
}

type layout int

const (
	nothing layout = iota
	idx
	strips
	folder
)

// findImages looks what pictures lie at a path, by names and first bytes alone.
func findImages(path string) (imageFiles, error) {
	st, err := os.Stat(path)
	if err != nil {
		return imageFiles{}, explain(path, err)
	}
	if !st.IsDir() {
		f := imageFiles{dir: filepath.Dir(path), files: []string{filepath.Base(path)}}
		if isIDX(path) {
			f.how = idx
			f.labels = labelsOf(f.dir, f.files[0])
		}
		return f, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return imageFiles{}, explain(path, err)
	}
	f := imageFiles{dir: path}
	var pictures, tables, folders []string
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		switch {
		case strings.HasPrefix(name, "."):
		case e.IsDir():
			folders = append(folders, e.Name())
		case strings.Contains(name, "images") && strings.Contains(name, "ubyte") && isIDX(filepath.Join(path, e.Name())):
			f.files = append(f.files, e.Name())
		case isPicture(name):
			pictures = append(pictures, e.Name())
		case strings.HasSuffix(name, ".csv"):
			tables = append(tables, e.Name())
		}
	}
	switch {
	case len(f.files) > 0:
		f.how = idx
		// Of several, those called train are to be learnt from.
		at := max(0, slices.IndexFunc(f.files, func(n string) bool { return strings.Contains(strings.ToLower(n), "train") }))
		f.aside = slices.Delete(slices.Clone(f.files), at, at+1)
		f.files = f.files[at : at+1]
		f.labels = labelsOf(path, f.files[0])
	case len(pictures) > 0 && len(tables) == 1:
		f.how, f.files, f.labels = strips, pictures, tables[0]
	case len(pictures) > 0, slices.ContainsFunc(folders, func(d string) bool { return holdsPicture(filepath.Join(path, d)) }):
		f.how = folder
	}
	return f, nil
}

func isPicture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg":
		return true
	}
	return false
}

func holdsPicture(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() && isPicture(e.Name()) })
}

// isIDX tells whether a file begins as IDX files of pictures do, gzipped or not.
func isIDX(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return image.IsIDX(f)
}

// labelsOf is the name of the file of labels that goes with an IDX file of
// pictures, "" if there is none: train-labels-idx1-ubyte with
// train-images-idx3-ubyte.
func labelsOf(dir, pictures string) string {
	name := strings.NewReplacer("images", "labels", "idx3", "idx1", "idx4", "idx1").Replace(strings.TrimSuffix(pictures, ".gz"))
	if name == strings.TrimSuffix(pictures, ".gz") {
		return ""
	}
	for _, n := range []string{name, name + ".gz"} {
		if _, err := os.Stat(filepath.Join(dir, n)); err == nil {
			return n
		}
	}
	return ""
}

func (images) Gather(_ *pass, d *recipe.Data) (recipe.Set, error) {
	if d.Label != "" {
		return nil, &flow.FieldError{Path: "data.label", Msg: "is for columns; pictures take their classes from the names of folders or from a file of labels beside them"}
	}
	f, err := findImages(d.Name)
	if err != nil {
		return nil, err
	}
	s, sum, err := f.read(d.Name)
	if err != nil {
		return nil, err
	}
	if err := held(&d.Digest, sum, d.Name); err != nil {
		return nil, err
	}
	return s, nil
}

// read reads the pictures, and the digest of all files in their order.
func (f imageFiles) read(path string) (s imageSet, digest string, err error) {
	sum := sha256.New()
	open := func(name string) ([]byte, error) {
		at := filepath.Join(f.dir, name)
		if st, err := os.Stat(at); err == nil && st.Size() > mostBytes {
			return nil, fmt.Errorf("%w: %s has %d bytes, more than the %d that are read of one file", flow.ErrFormat, at, st.Size(), int64(mostBytes))
		}
		b, err := os.ReadFile(at)
		if err != nil {
			return nil, explain(at, err)
		}
		one := sha256.Sum256(b)
		fmt.Fprintf(sum, "%s %x\n", filepath.ToSlash(name), one)
		return b, nil
	}
	s.ordered = f.how != folder
	switch f.how {
	case idx:
		s.Set, err = f.readIDX(open)
		if len(f.aside) > 0 {
			s.notes = append(s.notes, fmt.Sprintf("%s is learnt from, %s is left aside: laminar eval takes it with --data", f.files[0], strings.Join(f.aside, ", ")))
		}
	case strips:
		s.Set, err = f.readStrips(open)
	case folder:
		s.Set, err = image.ReadFolder(watched{os.DirFS(f.dir), open})
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	default:
		err = fmt.Errorf("%w: %s holds no pictures: name a folder of PNG or JPEG files, one of folders of them, or an IDX file", flow.ErrFormat, path)
	}
	if err != nil {
		return s, "", err
	}
	if s.H > mostSide || s.W > mostSide {
		return s, "", fmt.Errorf("%w: %s: pictures of %d x %d pixels; a network for more than %d on a side is beyond this machine: scale them down, to 64 x 64 for a start", flow.ErrFormat, path, s.W, s.H, mostSide)
	}
	if s.Deep > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d of %d pictures have 16 bits to a channel: they are rounded to 8", s.Deep, s.Len()))
	}
	if s.C == 3 || min(s.H, s.W) > 48 {
		s.notes = append(s.notes, "the preset is for small grey pictures and some minutes: large ones, or colour, want more, --width 64 --steps 50000 for a start")
	}
	if n := s.Len(); n < 10*fewImages {
		s.notes = append(s.notes, fmt.Sprintf("%s: a model may learn them by heart", tooFew(n, "picture")))
	}
	return s, hex.EncodeToString(sum.Sum(nil)), nil
}

// mostBytes bounds a file of pictures, and mostSide the side of one to learn.
const (
	mostBytes = 4 << 30
	mostSide  = 1024
)

// watched is a folder whose files are read by open.
type watched struct {
	fs.FS
	open func(name string) ([]byte, error)
}

func (w watched) ReadFile(name string) ([]byte, error) { return w.open(name) }

func (f imageFiles) readIDX(open func(string) ([]byte, error)) (*image.Set, error) {
	pictures, err := open(f.files[0])
	if err != nil {
		return nil, err
	}
	at := filepath.Join(f.dir, f.files[0])
	if f.labels == "" {
		return image.ReadIDX(bytes.NewReader(pictures), at, nil, "")
	}
	labels, err := open(f.labels)
	if err != nil {
		return nil, err
	}
	return image.ReadIDX(bytes.NewReader(pictures), at, bytes.NewReader(labels), filepath.Join(f.dir, f.labels))
}

func (f imageFiles) readStrips(open func(string) ([]byte, error)) (*image.Set, error) {
	s := new(image.Set)
	for _, name := range f.files {
		b, err := open(name)
		if err != nil {
			return nil, err
		}
		if err := s.ReadSquares(b, filepath.Join(f.dir, name)); err != nil {
			return nil, err
		}
	}
	b, err := open(f.labels)
	if err != nil {
		return nil, err
	}
	return s, s.ReadLabels(bytes.NewReader(b), filepath.Join(f.dir, f.labels))
}
