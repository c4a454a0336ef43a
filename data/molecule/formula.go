package molecule

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"laminar/flow"
)

// Formula is the elements of a molecule's atoms in ascending order, one for each
// atom.
type Formula []Element

// Formula returns that of a molecule.
func (m *Molecule) Formula() Formula { return slices.Sorted(slices.Values(m.Elements)) }

// String is the formula in Hill's order: carbon, hydrogen, then the others by
// their symbols; without carbon all by their symbols. "C2H6O", "H3N".
func (f Formula) String() string {
	count := map[string]int{}
	for _, e := range f {
		count[e.String()]++
	}
	first := func(symbol string) int {
		if count["C"] > 0 {
			switch symbol {
			case "C":
				return 0
			case "H":
				return 1
			}
		}
		return 2
	}
	symbols := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		if d := first(a) - first(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var text strings.Builder
	for _, s := range symbols {
		text.WriteString(s)
		if count[s] > 1 {
			fmt.Fprint(&text, count[s])
		}
	}
	return text.String()
}

// mostInFormula bounds what a short text can ask for.
const mostInFormula = 1 << 16

// ParseFormula reads symbols of elements, each followed by a number of atoms where
// that is not 1, in any order, of up to 65,536 atoms together. The error wraps
// flow.ErrFormat.
func ParseFormula(text string) (Formula, error) { return parseFormula(text, mostInFormula) }

func parseFormula(text string, most int) (Formula, error) {
	fault := func(format string, a ...any) (Formula, error) {
		return nil, fmt.Errorf("%w: %q is no formula such as C2H6O: %s", flow.ErrFormat, clip(text), fmt.Sprintf(format, a...))
	}
	if text == "" {
		return fault("it is empty")
	}
	var f Formula
	for rest := text; rest != ""; {
		n := 1
		if len(rest) > 1 && rest[1] >= 'a' && rest[1] <= 'z' {
			n = 2
		}
		e, ok := bySymbol[rest[:n]]
		if !ok {
			return fault("no symbol of an element begins %q; the first letter is a capital", clip(rest))
		}
		rest = rest[n:]
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		count := 1
		if digits > 0 {
			var err error
			if count, err = strconv.Atoi(rest[:digits]); err != nil || count < 1 {
				return fault("%s atoms of %v", clip(rest[:digits]), e)
			}
			rest = rest[digits:]
		}
		if count > most-len(f) {
			return fault("it has more than %d atoms", most)
		}
		f = append(f, slices.Repeat(Formula{e}, count)...)
	}
	slices.Sort(f)
	return f, nil
}

// Formulas counts the molecules of a set by their formulas' text.
func (s *Set) Formulas() map[string]int {
	out := map[string]int{}
	for i := range s.Len() {
		m := s.At(i)
		out[m.Formula().String()]++
	}
	return out
}
