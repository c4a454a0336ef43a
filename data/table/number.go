package table

import (
	"math"
	"strconv"
	"strings"
)

// Number is how the numbers of a column are written.
type Number struct {
	// Decimals is the largest number of decimal places, Least the smallest:
	// zeros at the end are written up to there.
	Decimals int `json:"decimals,omitempty"`
	Least    int `json:"least,omitempty"`
	// Exponent: very small and very large numbers are written like 1.5e-07.
	Exponent bool `json:"exponent,omitempty"`
	// Comma: the decimal sign is a comma.
	Comma bool `json:"comma,omitempty"`
	// Thousands separates groups of three digits; "" for none.
	Thousands string `json:"thousands,omitempty"`
	// Prefix and Suffix surround every number, such as $ and %.
	Prefix string `json:"prefix,omitempty"`
	Suffix string `json:"suffix,omitempty"`
}

func (n *Number) validate(at func(path, format string, args ...any)) {
	if n.Decimals < 0 || n.Decimals > maxDecimals {
		at("number.decimals", "%d is not in 0 to %d", n.Decimals, maxDecimals)
	}
	if n.Least < 0 || n.Least > n.Decimals {
		at("number.least", "%d is not in 0 to %d, the decimals", n.Least, n.Decimals)
	}
	switch n.Thousands {
	case "", ",", ".", " ", "'", "\u00a0", "\u202f":
	default:
		at("number.thousands", "%q is none of comma, point, space, apostrophe", n.Thousands)
	}
	if n.Thousands != "" && (n.Thousands == ",") == n.Comma && n.Thousands != " " && n.Thousands != "'" && n.Thousands != "\u00a0" && n.Thousands != "\u202f" {
		at("number.thousands", "%q is the decimal sign too", n.Thousands)
	}
}

// seen is what one written number shows of its column's style.
type seen struct {
	value    float64
	decimals int // that the value has, whether or not behind an exponent
	exponent bool
	groups   bool // thousands are separated
}

// parseNumber reads a number written in the style n: an optional sign, digits
// with or without thousands, decimals, exponent. Numbers with zeros in front
// (007), beyond 1e300, hexadecimal, infinite and NaN are not numbers.
func parseNumber(s string, n Number) (seen, bool) {
	var v seen
	if n.Prefix != "" || n.Suffix != "" {
		sign := ""
		if strings.HasPrefix(s, "-") {
			sign, s = "-", s[1:]
		}
		var ok bool
		if s, ok = strings.CutPrefix(s, n.Prefix); !ok {
			return v, false
		}
		if s, ok = strings.CutSuffix(s, n.Suffix); !ok {
			return v, false
		}
		if strings.HasPrefix(s, "-") && sign != "" {
			return v, false
		}
		s = sign + s
	}
	if len(s) == 0 || len(s) > 64 {
		return v, false
	}
	var clean [72]byte
	b := clean[:0]
	i := 0
	if s[0] == '-' || s[0] == '+' {
		if s[0] == '-' {
			b = append(b, '-')
		}
		i++
	}
	point := byte('.')
	if n.Comma {
		point = ','
	}
	start, group := i, 0 // group: digits since the last separator
	for ; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' {
			b = append(b, c)
			group++
			continue
		}
		if t := n.Thousands; t != "" && strings.HasPrefix(s[i:], t) {
			if v.groups && group != 3 || !v.groups && (group == 0 || group > 3) {
				return v, false
			}
			v.groups = true
			group = 0
			i += len(t) - 1
			continue
		}
		break
	}
	whole := i - start
	if v.groups && group != 3 {
		return v, false
	}
	if whole > 1 && s[start] == '0' {
		return v, false
	}
	if i < len(s) && s[i] == point {
		b = append(b, '.')
		for i++; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			b = append(b, s[i])
			v.decimals++
		}
	}
	if whole == 0 && v.decimals == 0 {
		return v, false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		v.exponent = true
		rest := s[i+1:]
		if len(rest) == 0 || len(rest) > 5 {
			return v, false
		}
		power, err := strconv.Atoi(rest)
		if err != nil {
			return v, false
		}
		v.decimals = min(max(v.decimals-power, 0), maxDecimals)
		b = append(append(b, 'e'), rest...)
		i = len(s)
	}
	if i != len(s) {
		return v, false
	}
	if value, ok := short(b); ok {
		v.value = value
		return v, true
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.Abs(f) > largest {
		return v, false
	}
	v.value = f
	return v, true
}

// short reads a number of at most 15 digits without an exponent: a quotient of two
// whole numbers that float64 has, and so rounded once, as strconv does.
func short(b []byte) (float64, bool) {
	if len(b) > 17 {
		return 0, false
	}
	digits, whole, scale := 0, uint64(0), 1.0
	point, minus := false, false
	for _, c := range b {
		switch {
		case c == '-':
			minus = true
		case c == '.':
			point = true
		case c >= '0' && c <= '9':
			whole = 10*whole + uint64(c-'0')
			digits++
			if point {
				scale *= 10
			}
		default:
			return 0, false
		}
	}
	if digits > 15 {
		return 0, false
	}
	v := float64(whole) / scale
	if minus {
		v = -v
	}
	return v, true
}

// largest is the largest number that is taken for one: differences of two stay
// finite.
const largest = 1e300

// maxDecimals is the smallest decimal place of a float64.
const maxDecimals = 340

// exact is the number of decimals up to which numbers are rounded; with more, the
// shortest text of the float64 is written.
const exact = 15

// round brings v to the decimals that the style has.
func (n *Number) round(v float64) float64 {
	if n.Decimals > exact {
		return v
	}
	var b [400]byte
	v, _ = strconv.ParseFloat(string(strconv.AppendFloat(b[:0], v, 'f', n.Decimals, 64)), 64)
	return v
}

// append writes v, rounded to Decimals.
func (n *Number) append(dst []byte, v float64) []byte {
	var buf [400]byte
	b := buf[:0]
	v = n.round(v)
	if v == 0 {
		v = 0 // no minus
	}
	size := math.Abs(v)
	switch {
	case n.Exponent && v != 0 && (size < 1e-4 || size >= 1e15):
		b = strconv.AppendFloat(b, v, 'e', -1, 64)
	case n.Decimals > exact:
		b = strconv.AppendFloat(b, v, 'f', -1, 64)
	default:
		b = strconv.AppendFloat(b, v, 'f', n.Decimals, 64)
		for extra := n.Decimals - n.Least; extra > 0 && b[len(b)-1] == '0'; extra-- {
			b = b[:len(b)-1]
		}
		if b[len(b)-1] == '.' {
			b = b[:len(b)-1]
		}
	}
	if b[0] == '-' {
		dst = append(dst, '-')
		b = b[1:]
	}
	dst = append(dst, n.Prefix...)
	whole := 0
	for whole < len(b) && b[whole] >= '0' && b[whole] <= '9' {
		whole++
	}
	for i, c := range b {
		switch {
		case i < whole:
			if i > 0 && (whole-i)%3 == 0 {
				dst = append(dst, n.Thousands...)
			}
			dst = append(dst, c)
		case c == '.' && n.Comma:
			dst = append(dst, ',')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, n.Suffix...)
}

// styles are the ways of writing numbers that are tried, the plain one first.
// 1,234 is a thousand where every comma of the column parts three digits.
var styles = []Number{
	{},
	{Thousands: ","},
	{Comma: true},
	{Thousands: ".", Comma: true},
	{Thousands: " "},
	{Thousands: " ", Comma: true},
	{Thousands: "'"},
	{Thousands: "\u00a0", Comma: true},
	{Thousands: "\u202f", Comma: true},
}

// affixes splits signs of currency and the percent sign off a number.
func affixes(s string) (prefix, suffix string) {
	s = strings.TrimPrefix(s, "-")
	for _, p := range []string{"$", "\u20ac", "\u00a3", "\u00a5"} {
		for _, space := range []string{" ", ""} {
			if strings.HasPrefix(s, p+space) {
				return p + space, ""
			}
			if strings.HasSuffix(s, space+p) {
				return "", space + p
			}
		}
	}
	for _, p := range []string{" %", "%"} {
		if strings.HasSuffix(s, p) {
			return "", p
		}
	}
	return "", ""
}

// whole reports whether v is a whole number.
func whole(v float64) bool { return v == math.Trunc(v) }
