// Package audio reads and writes sounds that a flow learns from, and leads
// between their samples and the pictures in which they are learnt.
//
//	set, err := audio.ReadTar(file, "digits.tar.gz")
//	form := audio.FormFor(set.Rate, set.Longest())
//	codec, err := form.Codec()
//	codec.Analyse(row, set.Samples[0])         // log-mel spectrogram, in dB
//	x := codec.Synthesise(row, rng.New(0))     // and back, by Griffin-Lim
//	err = audio.WriteWAV(out, audio.PCM16, set.Rate, x)
//
// A Set is a number of sounds of one rate, from a folder or an archive (.tar,
// .tar.gz, .zip) of WAV files; two channels are mixed to one. Sounds of another
// rate are refused, not resampled: a low-pass filter on part of the data is a
// difference that a model learns.
//
// A row of a data set is a spectrogram: Form.Bands lines, the lowest first, of
// Form.Frames frames each, of the power in decibels below a full-scale tone.
// All rows have the same number of frames; the end of a short sound is silence.
package audio

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"laminar/flow"
)

// Set is a number of sounds of one rate. It is immutable once read.
type Set struct {
	// Rate is the number of samples per second.
	Rate int
	// Names are the sounds' paths in the folder or archive, in ascending order.
	Names []string
	// Samples holds the samples of each sound, in [-1, 1].
	Samples [][]float32
	// Class is the class id of each sound and Classes their names; nil without.
	Class   []int32
	Classes []string
}

// Len is the number of sounds.
func (s *Set) Len() int { return len(s.Samples) }

// Longest is the number of samples of the longest sound.
func (s *Set) Longest() int {
	n := 0
	for _, x := range s.Samples {
		n = max(n, len(x))
	}
	return n
}

// The ways in which Label finds the classes of sounds.
const (
	ByFolder = "folder" // the name of the folder that a sound lies in
	ByName   = "name"   // the part of a file's name before the first underscore
	Unlabel  = "none"   // no classes
)

// Label gives the sounds classes. by is ByFolder, ByName or Unlabel; "" takes
// what the names show: folders, if there are several, else the names' first
// parts, if every name has an underscore and there are at least two sounds to a
// class, else none. It returns what was taken. The error is a *flow.FieldError
// with the path "data.label".
func (s *Set) Label(by string) (string, error) {
	folder := func(p string) string { return path.Base(path.Dir(p)) }
	first := func(p string) string { before, _, _ := strings.Cut(path.Base(p), "_"); return before }
	if by == "" {
		names := s.parts(first)
		underscored := !slices.ContainsFunc(s.Names, func(p string) bool { return strings.Index(path.Base(p), "_") < 1 })
		switch {
		case len(s.parts(folder)) > 1:
			by = ByFolder
		case underscored && len(names) > 1 && 2*len(names) <= s.Len():
			by = ByName
		default:
			by = Unlabel
		}
	}
	s.Class, s.Classes = nil, nil
	part := folder
	switch by {
	case ByFolder:
	case ByName:
		part = first
	case Unlabel:
		return by, nil
	default:
		return by, &flow.FieldError{Path: "data.label", Msg: fmt.Sprintf("unknown %q; the classes of sounds are told by %s, %s or %s", by, ByFolder, ByName, Unlabel)}
	}
	s.Classes = s.parts(part)
	id := map[string]int32{}
	for k, c := range s.Classes {
		id[c] = int32(k)
	}
	for _, p := range s.Names {
		s.Class = append(s.Class, id[part(p)])
	}
	return by, nil
}

// parts returns the distinct parts of the names, whole numbers in ascending
// order, others in that of the alphabet.
func (s *Set) parts(part func(string) string) []string {
	var all []string
	for _, p := range s.Names {
		all = append(all, part(p))
	}
	slices.Sort(all)
	all = slices.Compact(all)
	slices.SortStableFunc(all, func(a, b string) int {
		x, e := strconv.Atoi(a)
		y, f := strconv.Atoi(b)
		if e != nil || f != nil {
			return strings.Compare(a, b)
		}
		return x - y
	})
	return all
}

// takes is a file name of the form label_speaker_take.wav.
var takes = regexp.MustCompile(`(?i)^[^_]+_[^_]+_([0-9]+)\.wav$`)

// TestTakes returns the pattern by which the names of a set say which sounds are
// for tests, "" where they do not: of sounds called label_speaker_take, the
// takes 0 to 4, as in the Free Spoken Digit Dataset (Jackson et al.).
func (s *Set) TestTakes() string {
	test := 0
	for _, p := range s.Names {
		m := takes.FindStringSubmatch(path.Base(p))
		if m == nil {
			return ""
		}
		if n, err := strconv.Atoi(m[1]); err == nil && n < 5 {
			test++
		}
	}
	if test == 0 || 2*test > s.Len() {
		return ""
	}
	return "*_[0-4].wav"
}

// Matching returns the numbers of the sounds whose file names match a pattern of
// path.Match, and of the others. The error is a *flow.FieldError with the path
// "data.held_out_names".
func (s *Set) Matching(pattern string) (in, out []int, err error) {
	for i, p := range s.Names {
		ok, err := path.Match(pattern, path.Base(p))
		if err != nil {
			return nil, nil, &flow.FieldError{Path: "data.held_out_names", Msg: fmt.Sprintf("%q is no pattern; write one like '*_[0-4].wav'", pattern)}
		}
		if ok {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	return in, out, nil
}

// maxSamples bounds the samples of a set, so that a small hostile archive cannot
// ask for more memory than there is.
const maxSamples = 1 << 28

// reader gathers the sounds of a set.
type reader struct {
	where string
	clips []clip
	total int
}

type clip struct {
	name string
	rate int
	x    []float32
}

// isSound tells whether a file is to be read, by its name.
func isSound(name string) bool {
	base := path.Base(name)
	return strings.EqualFold(path.Ext(base), ".wav") && !strings.HasPrefix(base, ".")
}

func (r *reader) add(name string, rate int, x []float32) error {
	if r.total += len(x); r.total > maxSamples {
		return fmt.Errorf("%w: %s: the sounds have more than %d samples in all", flow.ErrFormat, name, maxSamples)
	}
	r.clips = append(r.clips, clip{name, rate, x})
	return nil
}

// set returns what was gathered, in the order of the names.
func (r *reader) set() (*Set, error) {
	if len(r.clips) == 0 {
		return nil, fmt.Errorf("%w: %s holds no WAV file", flow.ErrFormat, r.where)
	}
	slices.SortStableFunc(r.clips, func(a, b clip) int { return strings.Compare(a.name, b.name) })
	votes := map[int]int{}
	for _, c := range r.clips {
		votes[c.rate]++
	}
	s := &Set{Rate: r.clips[0].rate}
	for rate, n := range votes {
		if m := votes[s.Rate]; n > m || n == m && rate < s.Rate {
			s.Rate = rate
		}
	}
	for i, c := range r.clips {
		if c.rate != s.Rate {
			like := r.clips[slices.IndexFunc(r.clips, func(o clip) bool { return o.rate == s.Rate })]
			return nil, fmt.Errorf("%w: %s has %d samples a second, %s and others %d: bring all to one rate (sox and ffmpeg can)", flow.ErrFormat, c.name, c.rate, like.name, s.Rate)
		}
		if i > 0 && c.name == r.clips[i-1].name {
			return nil, fmt.Errorf("%w: %s holds %s twice", flow.ErrFormat, r.where, c.name)
		}
		s.Names, s.Samples = append(s.Names, c.name), append(s.Samples, c.x)
	}
	return s, nil
}

// named puts the name of a file before an error.
func named(name string, err error) error {
	if errors.Is(err, flow.ErrFormat) {
		return err
	}
	return fmt.Errorf("%w: %s %w", flow.ErrFormat, name, err)
}
