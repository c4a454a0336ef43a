package molecule

import (
	"strconv"
	"strings"
)

// Element is a chemical element by its atomic number, from 1.
type Element uint8

// The elements that the table of bonds is about.
const (
	H  Element = 1
	C  Element = 6
	N  Element = 7
	O  Element = 8
	F  Element = 9
	P  Element = 15
	S  Element = 16
	Cl Element = 17
)

var symbols = [...]string{
	"H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar",
	"K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
	"Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe",
	"Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu",
	"Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn",
	"Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr",
	"Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og",
}

var bySymbol = func() map[string]Element {
	m := map[string]Element{}
	for i, s := range symbols {
		m[s] = Element(i + 1)
	}
	return m
}()

// String is the element's symbol.
func (e Element) String() string {
	if e < 1 || int(e) > len(symbols) {
		return "?"
	}
	return symbols[e-1]
}

// ParseElement returns the element with that symbol, in any case, or atomic
// number.
func ParseElement(s string) (Element, bool) {
	if e, ok := bySymbol[s]; ok {
		return e, true
	}
	if n, err := strconv.Atoi(s); err == nil {
		return Element(n), n >= 1 && n <= len(symbols)
	}
	if len(s) > 2 || s == "" {
		return 0, false
	}
	e, ok := bySymbol[strings.ToUpper(s[:1])+strings.ToLower(s[1:])]
	return e, ok
}
