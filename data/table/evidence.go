package table

import (
	"slices"
	"strings"
)

// evidence is what the cells of a column have shown so far.
type evidence struct {
	named   bool           // the file names its columns
	n       int            // cells that are not missing
	markers map[string]int // missing cells by their text
	extra   map[string]bool
	keep    []string // declared levels that look like markers
	weak    int      // cells that are missing if the rest are numbers
	most    int
	counts  map[string]*tally // by text, nil beyond most
	bytes   int
	hashes  map[uint64]struct{} // instead of counts, while all differ
	unsure  bool                // too many to tell whether all differ
	repeats bool

	prefix, suffix string // about the first number
	styles         [9]styleSeen
	plain          int // cells that are numbers in the plain style
	odd            string
	oddRow         int
	layouts        []int
	dated          bool // layouts were looked for
	zones          []int
	first          []string
	zeros          int // numbers with zeros in front
}

// styleSeen is what a column shows of one style of numbers.
type styleSeen struct {
	alive                bool
	decimals, fewest     int
	groups, exponents    int
	fraction             bool
	min, max, last, step float64
	n                    int
	start                float64
	sequence             bool
}

// tally is how often a text came, and what it showed when it came first.
type tally struct {
	n                 int
	weak, plain, zero bool
}

func (e *evidence) add(cell string, row int) {
	if t := e.counts[cell]; t != nil { // it shows nothing new
		e.repeats = true
		t.n++
		e.note(t)
		return
	}
	if e.marks(cell) {
		if _, ok := e.markers[cell]; ok || len(e.markers) < 16 {
			e.markers[strings.Clone(cell)]++
		}
		return
	}
	t := tally{n: 1, weak: weakMarkers[cell]}
	if !t.weak {
		if len(e.first) < 2000 {
			e.first = append(e.first, strings.Clone(cell))
		}
		if e.n == e.weak {
			e.prefix, e.suffix = affixes(cell)
		}
		t.plain = e.number(cell, row)
		t.zero = !t.plain && len(cell) > 1 && cell[0] == '0' && strings.Trim(cell, "0123456789") == ""
		if !e.dated {
			e.dated = true
			e.layouts = layoutsOf(cell)
		} else if len(e.layouts) > 0 {
			e.layouts = slices.DeleteFunc(e.layouts, func(k int) bool { _, ok := parseDate(cell, layouts[k]); return !ok })
		}
		if len(e.layouts) > 0 && len(e.zones) < 2 && zoned(layouts[e.layouts[0]]) {
			if east := zoneOf(cell, layouts[e.layouts[0]]); !slices.Contains(e.zones, east) {
				e.zones = append(e.zones, east)
			}
		}
	}
	e.note(&t)
	e.count(cell, t)
}

// marks reports whether a text stands for a missing cell.
func (e *evidence) marks(cell string) bool {
	if len(e.extra) > 0 && e.extra[cell] {
		return !slices.Contains(e.keep, cell)
	}
	const longest = 5 // of the markers
	if len(cell) > longest || len(cell) > 0 && cell[0] >= '0' && cell[0] <= '9' || !markers[cell] {
		return false
	}
	return !slices.Contains(e.keep, cell)
}

// note adds one cell.
func (e *evidence) note(t *tally) {
	e.n++
	if t.weak {
		e.weak++
	}
	if t.plain {
		e.plain++
	}
	if t.zero {
		e.zeros++
	}
}

// count keeps a text that is not among those kept.
func (e *evidence) count(cell string, t tally) {
	switch {
	case e.counts != nil && len(e.counts) < e.most:
		e.bytes += len(cell)
		e.counts[strings.Clone(cell)] = &t
	case e.counts != nil:
		if !e.repeats {
			e.hashes = make(map[uint64]struct{}, 2*len(e.counts))
			for text := range e.counts {
				e.hashes[hash(text)] = struct{}{}
			}
		}
		e.counts = nil
		fallthrough
	case e.hashes != nil:
		if e.hashes == nil {
			return
		}
		h := hash(cell)
		if _, ok := e.hashes[h]; ok {
			e.repeats, e.hashes = true, nil
			return
		}
		if len(e.hashes) == maxHashes {
			e.unsure, e.hashes = true, nil
			return
		}
		e.hashes[h] = struct{}{}
	}
}

// hash is FNV-1a, finished.
func hash(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return scatter(h)
}

// number looks at a cell as a number, and reports whether it is one in the plain
// style.
func (e *evidence) number(cell string, row int) bool {
	v, ok := parseNumber(cell, Number{Prefix: e.prefix, Suffix: e.suffix})
	if !ok && e.odd == "" {
		e.odd, e.oddRow = strings.Clone(cell), row
	}
	// Digits alone read the same in all styles, others in all that part the
	// decimals alike.
	digits := ok && v.decimals == 0 && !v.exponent
	for k := range styles {
		st := &e.styles[k]
		if !st.alive {
			continue
		}
		w, fits := v, ok
		if k > 0 && !digits && !(ok && !styles[k].Comma) {
			m := styles[k]
			m.Prefix, m.Suffix = e.prefix, e.suffix
			w, fits = parseNumber(cell, m)
		}
		if st.alive = fits; fits {
			st.add(w)
		}
	}
	return ok
}

func (st *styleSeen) add(v seen) {
	if st.n == 0 {
		st.fewest, st.min, st.max = maxDecimals, v.value, v.value
		st.start, st.sequence = v.value, true
	}
	switch st.n {
	case 0:
	case 1:
		st.step = v.value - st.last
		fallthrough
	default:
		st.sequence = st.sequence && v.value-st.last == st.step
	}
	st.n++
	st.last = v.value
	st.decimals = max(st.decimals, v.decimals)
	if !v.exponent {
		st.fewest = min(st.fewest, v.decimals)
	}
	st.min, st.max = min(st.min, v.value), max(st.max, v.value)
	if v.groups {
		st.groups++
	}
	if v.exponent {
		st.exponents++
	}
	st.fraction = st.fraction || !whole(v.value)
}

// style is the first style of numbers that all cells are written in.
func (e *evidence) style() (Number, *styleSeen) {
	if e.n == e.weak {
		return Number{}, nil
	}
	for k, n := range styles {
		st := &e.styles[k]
		if !st.alive || n.Thousands != "" && st.groups == 0 || n.Comma && n.Thousands == "" && st.decimals == 0 {
			continue
		}
		n.Prefix, n.Suffix = e.prefix, e.suffix
		n.Decimals = st.decimals
		n.Least = min(st.fewest, st.decimals)
		n.Exponent = st.exponents > 0
		return n, st
	}
	return Number{}, nil
}

// different reports whether no text came twice.
func (e *evidence) different() bool { return !e.repeats && !e.unsure }
