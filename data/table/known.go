package table

import (
	"cmp"
	"slices"
	"strings"
)

func keys(m map[string]*tally) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// opposites are the pairs that make a boolean, false first, in lower case.
var opposites = [][2]string{{"false", "true"}, {"no", "yes"}, {"n", "y"}, {"f", "t"}, {"0", "1"}, {"off", "on"}, {"0.0", "1.0"}, {"false.", "true."}}

func isBoolean(names []string) bool {
	if len(names) != 2 {
		return false
	}
	a, b := strings.ToLower(names[0]), strings.ToLower(names[1])
	return slices.Contains(opposites, [2]string{a, b}) || slices.Contains(opposites, [2]string{b, a})
}

func truth(name string) int {
	name = strings.ToLower(name)
	for _, p := range opposites {
		if p[1] == name {
			return 1
		}
	}
	return 0
}

// scales are orders that are known by their words, in lower case.
var scales = [][]string{
	{"jan", "feb", "mar", "apr", "may", "jun", "june", "jul", "aug", "sep", "sept", "oct", "nov", "dec"},
	{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"},
	{"mon", "tue", "wed", "thu", "fri", "sat", "sun"},
	{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"},
	{"very low", "low", "medium", "high", "very high"},
	{"vlow", "low", "med", "high", "vhigh"},
	{"none", "low", "moderate", "high", "severe"},
	{"xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"},
	{"small", "medium", "big"},
	{"tiny", "small", "medium", "large", "huge"},
	{"very small", "small", "medium", "large", "very large"},
	{"very poor", "poor", "fair", "good", "very good", "excellent"},
	{"fair", "good", "very good", "premium", "ideal"},
	{"unacc", "acc", "good", "vgood"},
	{"never", "rarely", "sometimes", "often", "always"},
	{"strongly disagree", "disagree", "neutral", "agree", "strongly agree"},
	{"i1", "si2", "si1", "vs2", "vs1", "vvs2", "vvs1", "if"},
	{"first", "second", "third", "fourth", "fifth"},
	{"1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th", "11th", "12th"},
}

// scaleOf returns the known scale that holds all names, at least three.
func scaleOf(names []string) []string {
	if len(names) < 3 {
		return nil
	}
	for _, scale := range scales {
		all := true
		for _, n := range names {
			all = all && slices.Contains(scale, strings.ToLower(n))
		}
		if all {
			return scale
		}
	}
	return nil
}

// order sorts levels: numbers by size, known scales by theirs, other names keep
// their places.
func order(names []string) {
	if scale := scaleOf(names); scale != nil {
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Compare(slices.Index(scale, strings.ToLower(a)), slices.Index(scale, strings.ToLower(b)))
		})
		return
	}
	value := map[string]float64{}
	for _, n := range names {
		v, ok := parseNumber(n, Number{})
		if !ok {
			return
		}
		value[n] = v.value
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(value[a], value[b]) })
}

// likeID reports whether a column is named like an identifier.
func likeID(d Declared) bool {
	name := d.Header
	lower := strings.ToLower(strings.TrimSpace(name))
	switch lower {
	case "", "id", "no", "no.", "nr", "#", "key", "index", "idx", "uuid", "guid", "row", "rowid", "rownames", "unnamed: 0", "number":
		return lower != "" || d.Name == "column1" && name == ""
	}
	for _, end := range []string{"_id", " id", "-id", ".id", "_uuid", "_key", "_no", "_number"} {
		if strings.HasSuffix(lower, end) {
			return true
		}
	}
	return strings.HasPrefix(lower, "id_") || strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID")
}
