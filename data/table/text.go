package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"laminar/flow"
)

// The encodings of text that are read and written.
const (
	UTF8        = "utf-8"
	UTF16LE     = "utf-16le"
	UTF16BE     = "utf-16be"
	Windows1252 = "windows-1252" // Latin-1 with printable characters at 0x80-0x9f
)

// Encodings lists the names of the encodings.
func Encodings() []string { return []string{UTF8, UTF16LE, UTF16BE, Windows1252} }

// text is a file of text, of a known encoding.
type text struct {
	name     string
	open     Opener
	encoding string
	bom      bool
}

// newText learns the encoding of a file: by its byte order mark, by the zeros
// that UTF-16 puts between Latin letters, else UTF-8 if all of it is valid as
// such, else Windows-1252.
func newText(open Opener, given string) (*text, error) {
	head, err := peek(open, 4096)
	if err != nil {
		return nil, err
	}
	t := &text{open: open}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		t.encoding, t.bom = UTF8, true
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		t.encoding, t.bom = UTF16LE, true
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		t.encoding, t.bom = UTF16BE, true
	}
	switch {
	case given != "":
		t.bom = t.bom && t.encoding == given
		t.encoding = given
		if given != UTF8 {
			return t, nil
		}
		valid, err := t.validUTF8()
		if err == nil && !valid {
			err = fmt.Errorf("%w: the text is not valid UTF-8; try the encoding %s", flow.ErrFormat, Windows1252)
		}
		return t, err
	case t.bom && t.encoding != UTF8:
		return t, nil
	}
	if t.encoding = zeros(head); t.encoding != "" {
		return t, nil
	}
	valid, err := t.validUTF8()
	if err != nil {
		return nil, err
	}
	switch {
	case valid:
		t.encoding = UTF8
	case t.bom:
		return nil, fmt.Errorf("%w: the text begins with the mark of UTF-8 and is not valid as such", flow.ErrFormat)
	default:
		t.encoding = Windows1252
	}
	return t, nil
}

// zeros tells UTF-16 without a mark by where its zeros are.
func zeros(head []byte) string {
	var n [2]int
	for i, c := range head {
		if c == 0 {
			n[i&1]++
		}
	}
	const share = 3
	switch pairs := len(head) / 2; {
	case pairs < 2:
	case n[1] > pairs/share && n[0] == 0:
		return UTF16LE
	case n[0] > pairs/share && n[1] == 0:
		return UTF16BE
	}
	return ""
}

// validUTF8 reads the whole file.
func (t *text) validUTF8() (bool, error) {
	f, err := t.open()
	if err != nil {
		return false, err
	}
	defer f.Close()
	r, err := unzip(f)
	if err != nil {
		return false, err
	}
	valid := true
	buf := make([]byte, 1<<18)
	kept := 0
	for {
		n, err := r.Read(buf[kept:])
		chunk := buf[:kept+n]
		if bytes.IndexByte(chunk[kept:], 0) >= 0 {
			return false, fmt.Errorf("%w: not a text file: it holds zero bytes", flow.ErrFormat)
		}
		end := len(chunk)
		if err == nil { // a rune may be cut in two
			for k := 1; k <= 3 && k <= end; k++ {
				if utf8.RuneStart(chunk[end-k]) {
					if !utf8.FullRune(chunk[end-k:]) {
						end -= k
					}
					break
				}
			}
		}
		valid = valid && utf8.Valid(chunk[:end])
		kept = copy(buf, chunk[end:])
		if errors.Is(err, io.EOF) {
			return valid, nil
		}
		if err != nil {
			return false, unreadable(err)
		}
	}
}

// reader opens the file as UTF-8 text without a mark.
func (t *text) reader() (io.Reader, io.Closer, error) {
	f, err := t.open()
	if err != nil {
		return nil, nil, placed(t.name, err)
	}
	r, err := unzip(f)
	if err != nil {
		f.Close()
		return nil, nil, placed(t.name, fmt.Errorf("%w: gzip: %v", flow.ErrFormat, err))
	}
	if t.bom {
		n := 2
		if t.encoding == UTF8 {
			n = 3
		}
		if _, err := io.CopyN(io.Discard, r, int64(n)); err != nil {
			f.Close()
			return nil, nil, placed(t.name, err)
		}
	}
	if t.encoding != UTF8 {
		r = &decoder{in: bufio.NewReaderSize(r, 1<<16), encoding: t.encoding}
	}
	return r, f, nil
}

// decoder turns another encoding into UTF-8.
type decoder struct {
	in       *bufio.Reader
	encoding string
	out      []byte // decoded and not yet read
	buf      [4096]byte
	err      error
}

func (d *decoder) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.fill()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

func (d *decoder) fill() {
	d.out = d.buf[:0]
	for len(d.out) < len(d.buf)-utf8.UTFMax {
		r, err := d.rune()
		if err != nil {
			d.err = err
			return
		}
		d.out = utf8.AppendRune(d.out, r)
	}
}

func (d *decoder) rune() (rune, error) {
	if d.encoding == Windows1252 {
		c, err := d.in.ReadByte()
		if c >= 0x80 && c < 0xa0 {
			return high1252[c-0x80], err
		}
		return rune(c), err
	}
	u, err := d.unit()
	if err != nil || !utf16.IsSurrogate(u) {
		return u, err
	}
	v, err := d.unit()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return utf16.DecodeRune(u, v), err
}

func (d *decoder) unit() (rune, error) {
	a, err := d.in.ReadByte()
	if err != nil {
		return 0, err
	}
	b, err := d.in.ReadByte()
	if errors.Is(err, io.EOF) {
		return utf8.RuneError, nil // half a unit; the next read is the end
	}
	if d.encoding == UTF16LE {
		a, b = b, a
	}
	return rune(a)<<8 | rune(b), err
}

// high1252 are the characters of Windows-1252 from 0x80 to 0x9f. The five
// without one keep their code.
var high1252 = [32]rune{
	'\u20ac', 0x81, '\u201a', '\u0192', '\u201e', '\u2026', '\u2020', '\u2021', '\u02c6', '\u2030', '\u0160', '\u2039', '\u0152', 0x8d, '\u017d', 0x8f,
	0x90, '\u2018', '\u2019', '\u201c', '\u201d', '\u2022', '\u2013', '\u2014', '\u02dc', '\u2122', '\u0161', '\u203a', '\u0153', 0x9d, '\u017e', '\u0178',
}

// encoder writes UTF-8 text in another encoding. A character that the encoding
// lacks becomes a question mark.
type encoder struct {
	w        io.Writer
	encoding string
	kept     []byte // the begin of a rune
	out      []byte
}

// encoded returns a writer of text in an encoding, with its mark if asked.
func encoded(w io.Writer, encoding string, bom bool) (io.Writer, error) {
	e := &encoder{w: w, encoding: encoding}
	if bom {
		if _, err := e.Write([]byte("\ufeff")); err != nil {
			return nil, err
		}
	}
	if encoding == UTF8 || encoding == "" {
		return w, nil
	}
	return e, nil
}

func (e *encoder) Write(p []byte) (int, error) {
	in := p
	if len(e.kept) > 0 {
		in = append(e.kept, p...)
	}
	e.out = e.out[:0]
	for len(in) > 0 && utf8.FullRune(in) {
		r, n := utf8.DecodeRune(in)
		in = in[n:]
		e.rune(r)
	}
	e.kept = append([]byte(nil), in...)
	if _, err := e.w.Write(e.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (e *encoder) rune(r rune) {
	switch e.encoding {
	case UTF16LE, UTF16BE:
		for _, u := range utf16.AppendRune(nil, r) {
			a, b := byte(u>>8), byte(u)
			if e.encoding == UTF16LE {
				a, b = b, a
			}
			e.out = append(e.out, a, b)
		}
	case Windows1252:
		c := byte('?')
		if r < 0x80 || r >= 0xa0 && r < 0x100 {
			c = byte(r)
		} else {
			for k, h := range high1252 {
				if h == r {
					c = byte(0x80 + k)
				}
			}
		}
		e.out = append(e.out, c)
	default:
		e.out = utf8.AppendRune(e.out, r)
	}
}
