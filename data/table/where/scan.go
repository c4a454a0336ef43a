package where

import (
	"fmt"
	"strings"
	"unicode"
)

type kind int

const (
	end     kind = iota
	word         // a name, a number or one of the words of the notation
	name         // in double quotes, back quotes or brackets
	text         // in single quotes
	compare      // = != < <= > >=
	open
	shut
	comma
)

type token struct {
	kind kind
	text string
	pos  int // in characters, from 1
}

// String is the token as a message shows it.
func (t token) String() string {
	if t.kind == end {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

// closing is the quote that ends what the given one begins.
var closing = map[rune]rune{'"': '"', '`': '`', '\'': '\'', '[': ']'}

// scan cuts a condition into tokens, the end last.
func scan(s string) ([]token, error) {
	in := []rune(s)
	var out []token
	for i := 0; i < len(in); {
		r, pos := in[i], i+1
		rest := string(in[i:min(i+2, len(in))])
		switch {
		case unicode.IsSpace(r):
			i++
		case r == '(':
			out, i = append(out, token{open, "(", pos}), i+1
		case r == ')':
			out, i = append(out, token{shut, ")", pos}), i+1
		case r == ',':
			out, i = append(out, token{comma, ",", pos}), i+1
		case rest == "==":
			out, i = append(out, token{compare, "=", pos}), i+2
		case rest == "<>" || rest == "!=":
			out, i = append(out, token{compare, "!=", pos}), i+2
		case rest == "<=" || rest == ">=":
			out, i = append(out, token{compare, rest, pos}), i+2
		case r == '=' || r == '<' || r == '>':
			out, i = append(out, token{compare, string(r), pos}), i+1
		case closing[r] != 0:
			body, next, ok := quoted(in, i)
			if !ok {
				return nil, fault(pos, "the quote %c is not closed", r)
			}
			k := name
			if r == '\'' {
				k = text
			}
			out, i = append(out, token{k, body, pos}), next
		case bare(r):
			j := i
			for j < len(in) && bare(in[j]) {
				j++
			}
			out, i = append(out, token{word, string(in[i:j]), pos}), j
		default:
			return nil, fault(pos, "%q is no part of a condition; put names and values that hold it in quotes", string(r))
		}
	}
	return append(out, token{end, "", len(in) + 1}), nil
}

// bare reports whether r may stand in a word without quotes.
func bare(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("_.-+:#%$/", r)
}

// quoted returns what stands between the quote at in[i] and its end, and where the
// text goes on. A doubled closing quote is one.
func quoted(in []rune, i int) (body string, next int, ok bool) {
	shut := closing[in[i]]
	var b strings.Builder
	for j := i + 1; j < len(in); j++ {
		switch {
		case in[j] != shut:
			b.WriteRune(in[j])
		case j+1 < len(in) && in[j+1] == shut:
			b.WriteRune(shut)
			j++
		default:
			return b.String(), j + 1, true
		}
	}
	return "", 0, false
}
