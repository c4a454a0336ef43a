package table

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"laminar/rng"
)

// A pattern is what an identifier looks like: characters as they are, classes
// [0-9], [a-f0-9], each with an optional {count}, and {n} for a running number.
// A backslash takes the meaning from the character after it.
//
//	{n}                     1, 2, 3, ...
//	user-{n}                user-1, user-2, ...
//	[A-Z]{2}[0-9]{6}        drawn at random, never the same twice
type pattern []part

// part is a literal, a running number or a place with a choice of characters.
type part struct {
	literal string
	running bool
	chars   string
}

// classes of characters, the narrowest first.
var classes = []struct{ name, chars string }{
	{"[0-9]", "0123456789"},
	{"[0-9a-f]", "0123456789abcdef"},
	{"[0-9A-F]", "0123456789ABCDEF"},
	{"[a-z]", "abcdefghijklmnopqrstuvwxyz"},
	{"[A-Z]", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
	{"[0-9a-z]", "0123456789abcdefghijklmnopqrstuvwxyz"},
	{"[0-9A-Z]", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
	{"[0-9A-Za-z]", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
}

const maxPattern = 256 // places of a pattern

func parsePattern(s string) (pattern, error) {
	var p pattern
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			p = append(p, part{literal: literal.String()})
			literal.Reset()
		}
	}
	for len(s) > 0 {
		if len(p) > maxPattern {
			return nil, fmt.Errorf("a pattern has at most %d places", maxPattern)
		}
		if s[0] == '\\' && len(s) > 1 {
			r := []rune(s[1:])[0]
			literal.WriteRune(r)
			s = s[1+len(string(r)):]
			continue
		}
		if rest, ok := strings.CutPrefix(s, "{n}"); ok {
			flush()
			p = append(p, part{running: true})
			s = rest
			continue
		}
		if s[0] != '[' {
			literal.WriteByte(s[0])
			s = s[1:]
			continue
		}
		k := slices.IndexFunc(classes, func(c struct{ name, chars string }) bool { return strings.HasPrefix(s, c.name) })
		if k < 0 {
			return nil, fmt.Errorf("pattern: unknown class at %s; known are [0-9] [0-9a-f] [0-9A-F] [a-z] [A-Z] [0-9a-z] [0-9A-Z] [0-9A-Za-z]", shown(s))
		}
		flush()
		s = s[len(classes[k].name):]
		count := 1
		if n, err := fmt.Sscanf(s, "{%d}", &count); n == 1 && err == nil {
			_, s, _ = strings.Cut(s, "}")
			if count < 1 || count > maxPattern {
				return nil, fmt.Errorf("pattern: a count of %d is not in 1 to %d", count, maxPattern)
			}
		}
		for range count {
			p = append(p, part{chars: classes[k].chars})
		}
	}
	flush()
	if len(p) == 0 {
		return nil, errors.New("pattern: it is empty")
	}
	if len(p) > maxPattern {
		return nil, fmt.Errorf("a pattern has at most %d places", maxPattern)
	}
	return p, nil
}

// append writes identifier i under key: different i give different text, by
// a permutation of all the texts of the pattern; when they run out, and where
// the pattern leaves no choice, a number is appended.
func (p pattern) append(dst []byte, i uint64, key rng.Key) []byte {
	running := false
	space := uint64(1) // texts of the pattern, 0 for 2^64 and more
	for _, q := range p {
		running = running || q.running
		if q.chars != "" && space != 0 {
			hi, lo := bits.Mul64(space, uint64(len(q.chars)))
			if space = lo; hi > 0 {
				space = 0
			}
		}
	}
	words := key.Words()
	var code, round uint64
	switch {
	case running: // the number tells rows apart, the rest is drawn
	case space == 0:
		code = scatter(i ^ words[0])
	default:
		code, round = permute(i%space, space, words), i/space
	}
	draw := key.At(i).Stream()
	// The places are filled from the last, which holds the lowest digits, with
	// the code as long as it lasts.
	var chosen [maxPattern + 1]byte
	used := uint64(1)
	for k := len(p) - 1; k >= 0; k-- {
		n := uint64(len(p[k].chars))
		if n == 0 {
			continue
		}
		if running || used == 0 {
			chosen[k] = p[k].chars[draw.IntN(int(n))]
			continue
		}
		chosen[k] = p[k].chars[code%n]
		code /= n
		hi, lo := bits.Mul64(used, n)
		if used = lo; hi > 0 {
			used = 0
		}
	}
	for k, q := range p {
		switch {
		case q.running:
			dst = fmt.Appendf(dst, "%d", i+1)
		case q.chars != "":
			dst = append(dst, chosen[k])
		default:
			dst = append(dst, q.literal...)
		}
	}
	if round > 0 {
		dst = fmt.Appendf(dst, "-%d", round+1)
	}
	return dst
}

// scatter is a permutation of the 64-bit words (the finaliser of splitmix64).
func scatter(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// permute is a permutation of 0 to n-1: a Feistel network on the next even
// number of bits, walked until it comes back below n.
func permute(i, n uint64, words [2]uint64) uint64 {
	if n <= 1 {
		return 0
	}
	half := (bits.Len64(n-1) + 1) / 2
	mask := uint64(1)<<half - 1
	for {
		l, r := i>>half, i&mask
		for k := range uint64(4) {
			l, r = r, l^scatter(r+words[k&1]+k*0x9e3779b97f4a7c15)&mask
		}
		if i = l<<half | r; i < n {
			return i
		}
	}
}

// learnPattern tells what some different texts have in common: a prefix and a
// suffix about a number without zeros in front, or the same length and at each
// place a class of characters. "" means that they follow no pattern; a text
// with a space does not.
func learnPattern(texts []string) string {
	for _, t := range texts {
		if strings.ContainsAny(t, " \t\n\x00@") || len(t) == 0 || len(t) > maxPattern {
			return ""
		}
		for _, c := range []byte(t) {
			if c >= 0x80 {
				return ""
			}
		}
	}
	length := len(texts[0])
	for _, t := range texts {
		if len(t) != length {
			return numbered(texts)
		}
	}
	var b strings.Builder
	last, count := "", 0
	flush := func() {
		b.WriteString(last)
		if count > 1 {
			fmt.Fprintf(&b, "{%d}", count)
		}
		last, count = "", 0
	}
	free := 0
	for k := range length {
		name := classAt(texts, k)
		if name == "" {
			return ""
		}
		if name[0] != '[' || len(name) == 1 {
			flush()
			b.WriteString(escape(name))
			continue
		}
		free++
		if name != last {
			flush()
		}
		last = name
		count++
	}
	flush()
	if free == 0 {
		return ""
	}
	return b.String()
}

// classAt is the class of the k-th characters, or the one that all are.
func classAt(texts []string, k int) string {
	c := texts[0][k]
	same := true
	for _, t := range texts {
		same = same && t[k] == c
	}
	if same {
		return string(c)
	}
	for _, class := range classes {
		all := true
		for _, t := range texts {
			all = all && strings.IndexByte(class.chars, t[k]) >= 0
		}
		if all {
			return class.name
		}
	}
	return ""
}

func escape(s string) string {
	if strings.ContainsAny(s, `\[{`) {
		return `\` + s
	}
	return s
}

// numbered finds prefix{n}suffix.
func numbered(texts []string) string {
	prefix, suffix := texts[0], texts[0]
	for _, t := range texts {
		for !strings.HasPrefix(t, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
		for !strings.HasSuffix(t, suffix) {
			suffix = suffix[1:]
		}
	}
	prefix = strings.TrimRight(prefix, "0123456789")
	suffix = strings.TrimLeft(suffix, "0123456789")
	for _, t := range texts {
		if len(t) <= len(prefix)+len(suffix) {
			return ""
		}
		number := t[len(prefix) : len(t)-len(suffix)]
		if number[0] == '0' && len(number) > 1 || strings.Trim(number, "0123456789") != "" {
			return ""
		}
	}
	var b strings.Builder
	for _, c := range prefix {
		b.WriteString(escape(string(c)))
	}
	b.WriteString("{n}")
	for _, c := range suffix {
		b.WriteString(escape(string(c)))
	}
	return b.String()
}
