package run

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"laminar/data"
	"laminar/data/audio"
	"laminar/flow"
	"laminar/recipe"
	"laminar/rng"
	"laminar/tensor"
)

// sounds is the medium of sounds: WAV files in folders and archives, learnt as
// spectrograms.
type sounds struct{}

// soundForm says that a row is a spectrogram.
type soundForm struct{ audio.Form }

func (soundForm) Kind() string { return recipe.Sound }

// MarshalJSON writes the fields of audio.Form.
func (f soundForm) MarshalJSON() ([]byte, error) { return json.Marshal(f.Form) }

// String describes the sounds.
func (f soundForm) String() string {
	return fmt.Sprintf("sounds of up to %.2f s at %d Hz, as %d bands x %d frames", float64(f.Samples())/float64(f.Rate), f.Rate, f.Bands, f.Frames)
}

func (sounds) Decode(b []byte) (recipe.Form, error) {
	var f soundForm
	if err := json.Unmarshal(b, &f.Form); err != nil {
		return nil, fmt.Errorf("%w: %w", flow.ErrFormat, err)
	}
	if err := f.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", flow.ErrFormat, err)
	}
	return f, nil
}

// fewSounds is the fewest sounds of which some are held out.
const fewSounds = 20

// soundSet is sounds that were read.
type soundSet struct {
	*audio.Set
	form  soundForm
	rows  tensor.Mat // spectrograms, in decibels
	names string     // pattern of the files that are held out
	plain bool       // the network sees decibels
	z     data.Transform
	notes []string
}

// Suit fills in the shape of a unet and says which names are held out.
func (s *soundSet) Suit(r *recipe.Recipe) error {
	r.SuitImages(s.form.Bands, s.form.Frames, 1)
	if len(s.Classes) > 1 {
		r.SuitClasses(s.Classes)
	}
	s.plain = !r.Data.Standardise
	if r.Data.HeldOutNames == recipe.Auto {
		r.Data.HeldOutNames = s.TestTakes()
		if n := r.Data.HeldOutNames; n != "" && r.Data.HeldOut > 0 {
			s.notes = append(s.notes, fmt.Sprintf("the files are called label_speaker_take.wav: takes 0 to 4 are kept from training (--held-out-names '%s')", n))
		}
	}
	s.names = r.Data.HeldOutNames
	return nil
}

// Split holds out the sounds whose names say so, or some by chance.
func (s *soundSet) Split(heldOut float64, key rng.Key) (train, held data.RowSource, err error) {
	var in, out []int
	switch {
	case heldOut > 0 && s.names != "":
		if in, out, err = s.Matching(s.names); err != nil {
			return nil, nil, err
		}
		if len(in) == 0 || len(out) == 0 {
			return nil, nil, &flow.FieldError{Path: "data.held_out_names", Msg: fmt.Sprintf("%q matches %d of %d files; it must match some, not all", s.names, len(in), s.Len())}
		}
	case heldOut > 0 && s.Len() >= fewSounds:
		order := make([]int32, s.Len())
		chance := key.Stream()
		chance.Perm(order)
		for i, k := range order {
			if i < int(math.Round(heldOut*float64(s.Len()))) {
				in = append(in, int(k))
			} else {
				out = append(out, int(k))
			}
		}
		slices.Sort(in)
		slices.Sort(out)
	}
	if len(in) == 0 {
		for i := range s.Len() {
			out = append(out, i)
		}
	}
	if err := s.standardise(out); err != nil {
		return nil, nil, err
	}
	if train, err = s.pick(out); err != nil || len(in) == 0 {
		return train, nil, err
	}
	held, err = s.pick(in)
	return train, held, err
}

// standardise fits the transform to the rows that are learnt from.
func (s *soundSet) standardise(rows []int) error {
	if s.plain {
		s.z = data.Identity{}
		return nil
	}
	mean, square, n := 0.0, 0.0, float64(len(rows)*s.rows.D)
	for _, i := range rows {
		for _, v := range s.rows.Row(i) {
			mean += float64(v) / n
		}
	}
	for _, i := range rows {
		for _, v := range s.rows.Row(i) {
			square += (float64(v) - mean) * (float64(v) - mean) / n
		}
	}
	z, err := data.NewAffine(mean, max(math.Sqrt(square), 1))
	s.z = z
	return err
}

// pick is the data set of some sounds.
func (s *soundSet) pick(rows []int) (*data.Stored, error) {
	x := tensor.New(len(rows), s.rows.D)
	var cond flow.Cond
	var spec flow.CondSpec
	if len(s.Classes) > 1 {
		spec.Classes = len(s.Classes)
	}
	for k, i := range rows {
		copy(x.Row(k), s.rows.Row(i))
		if spec.Classes > 0 {
			cond.Class = append(cond.Class, s.Class[i])
		}
	}
	var names []string
	if spec.Classes > 0 {
		names = s.Classes
	}
	return data.NewStored(x, cond, spec, names)
}

func (s *soundSet) Transform() data.Transform { return s.z }
func (s *soundSet) Form() recipe.Form         { return s.form }
func (s *soundSet) Notes() []string           { return s.notes }

// errSeen ends a look through an archive.
var errSeen = errors.New("seen")

// glance is the number of files that are looked at for a WAV file.
const glance = 1000

func isWAV(name string) bool {
	base := filepath.Base(name)
	return strings.EqualFold(filepath.Ext(base), ".wav") && !strings.HasPrefix(base, ".")
}

func isArchive(name string) bool {
	low := strings.ToLower(name)
	return slices.ContainsFunc([]string{".tar", ".tar.gz", ".tgz", ".zip"}, func(e string) bool { return strings.HasSuffix(low, e) })
}

func (sounds) Claims(path string) bool {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return false
	case !st.IsDir():
		return isWAV(path) || isArchive(path) && archiveHoldsWAV(path)
	}
	found, seen := false, 0
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if seen++; err != nil || found || seen > glance {
			return fs.SkipAll
		}
		found = !d.IsDir() && isWAV(p)
		return nil
	})
	if found {
		return true
	}
	a := archiveIn(path)
	return a != "" && archiveHoldsWAV(a)
}

// archiveIn is the only archive of a folder, "" if there is none or several.
func archiveIn(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var found []string
	for _, e := range entries {
		if !e.IsDir() && isArchive(e.Name()) {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

func archiveHoldsWAV(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	found, seen := false, 0
	look := func(name string) error {
		if found = isWAV(name); found {
			return errSeen
		}
		if seen++; seen > glance {
			return errSeen
		}
		return nil
	}
	if strings.HasSuffix(strings.ToLower(path), ".zip") {
		st, err := f.Stat()
		if err == nil {
			_ = audio.EachInZip(f, st.Size(), func(name string, _ io.Reader) error { return look(name) })
		}
		return found
	}
	_ = audio.EachInTar(f, func(name string, _ io.Reader) error { return look(name) })
	return found
}

// readSounds reads the sounds at a path.
func readSounds(path string) (*audio.Set, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, explain(path, err)
	}
	if st.IsDir() {
		s, err := audio.ReadFolder(os.DirFS(path), path)
		if a := archiveIn(path); err != nil && a != "" && archiveHoldsWAV(a) {
			return readSounds(a)
		}
		return s, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	defer f.Close()
	switch low := strings.ToLower(path); {
	case strings.HasSuffix(low, ".zip"):
		return audio.ReadZip(f, st.Size(), path)
	case isArchive(path):
		return audio.ReadTar(f, path)
	}
	rate, x, err := audio.ReadWAV(f, path)
	if err != nil {
		return nil, err
	}
	return &audio.Set{Rate: rate, Names: []string{filepath.Base(path)}, Samples: [][]float32{x}}, nil
}

func (sounds) Gather(_ *pass, d *recipe.Data) (recipe.Set, error) {
	set, err := readSounds(d.Name)
	if err != nil {
		return nil, err
	}
	if err := held(&d.Digest, digestOf(set), d.Name); err != nil {
		return nil, err
	}
	s := &soundSet{Set: set, form: soundForm{audio.FormFor(set.Rate, set.Longest())}, z: data.Identity{}}
	by, err := s.Label(d.Label)
	if err != nil {
		return nil, err
	}
	switch {
	case by == audio.Unlabel:
	case len(s.Classes) < 2:
		s.notes = append(s.notes, "the sounds are of one class: the model is without classes")
	default:
		s.notes = append(s.notes, fmt.Sprintf("%d classes by the %s: %s (--kind sound --label folder, name or none)", len(s.Classes), map[string]string{
			audio.ByFolder: "folders", audio.ByName: "files' names before the first underscore",
		}[by], few(s.Classes)))
	}
	if cut := s.cut(); cut > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d of %d sounds are longer than %.2f s: the rest of them is cut", cut, s.Len(), float64(s.form.Samples())/float64(s.Rate)))
	}
	if n := s.Len(); n < 10*fewSounds {
		s.notes = append(s.notes, fmt.Sprintf("%s: a model may learn them by heart", tooFew(n, "sound")))
	}
	s.rows, err = s.form.analyse(set.Samples)
	return s, err
}

// tooFew says that n things are few.
func tooFew(n int, thing string) string {
	if n == 1 {
		return "one " + thing + " is little"
	}
	return fmt.Sprintf("%d %ss are few", n, thing)
}

// cut is the number of sounds that are longer than a row.
func (s *soundSet) cut() int {
	n := 0
	for _, x := range s.Samples {
		if len(x) > s.form.Samples() {
			n++
		}
	}
	return n
}

// digestOf is the SHA-256 of the sounds and their names, the same for a folder
// and an archive of it.
func digestOf(s *audio.Set) string {
	sum := sha256.New()
	for i, x := range s.Samples {
		fmt.Fprintf(sum, "%s %d %d\n", s.Names[i], s.Rate, len(x))
		addSamples(sum, x)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func addSamples(sum hash.Hash, x []float32) {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	sum.Write(b)
}

// analyse returns the spectrograms of sounds, over all cores.
func (f soundForm) analyse(samples [][]float32) (tensor.Mat, error) {
	c, err := f.Codec()
	if err != nil {
		return tensor.Mat{}, err
	}
	rows := tensor.New(len(samples), f.Dim())
	return rows, eachRow(len(samples), func(i int) error {
		row := make([]float64, f.Dim())
		if err := c.Analyse(row, samples[i]); err != nil {
			return err
		}
		for k, v := range row {
			rows.Row(i)[k] = float32(v)
		}
		return nil
	})
}

// eachRow calls f for 0 to n-1 on all cores and returns the first error in that
// order.
func eachRow(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
