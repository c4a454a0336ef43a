package audio

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ReadFolder reads the WAV files of a folder and of the folders in it, however
// deep; where is its name for errors. The errors wrap flow.ErrFormat and begin
// with the file's name.
func ReadFolder(dir fs.FS, where string) (*Set, error) {
	r := reader{where: where}
	err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isSound(p) {
			return err
		}
		f, err := dir.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		return r.read(p, f)
	})
	if err != nil {
		return nil, err
	}
	return r.set()
}

// ReadTar reads the WAV files of a tar archive, gzipped or not, from a stream;
// where is its name. The errors wrap flow.ErrFormat.
func ReadTar(in io.Reader, where string) (*Set, error) {
	r := reader{where: where}
	if err := EachInTar(in, r.readSound); err != nil {
		return nil, named(where, err)
	}
	return r.set()
}

// EachInTar calls f for every regular file of a tar archive, gzipped or not,
// until f returns an error, which it returns.
func EachInTar(in io.Reader, f func(name string, r io.Reader) error) error {
	b := bufio.NewReader(in)
	var plain io.Reader = b
	if head, _ := b.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return fmt.Errorf("is damaged: %w", err)
		}
		plain = z
	}
	t := tar.NewReader(plain)
	for {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("is cut off")
		case err != nil:
			return fmt.Errorf("is no tar archive, or damaged: %w", err)
		case h.Typeflag != tar.TypeReg:
			continue
		}
		if err := f(h.Name, t); err != nil {
			return err
		}
	}
}

// ReadZip reads the WAV files of a zip archive of size bytes; where is its name.
// The errors wrap flow.ErrFormat.
func ReadZip(in io.ReaderAt, size int64, where string) (*Set, error) {
	r := reader{where: where}
	if err := EachInZip(in, size, r.readSound); err != nil {
		return nil, named(where, err)
	}
	return r.set()
}

// EachInZip is EachInTar for a zip archive of size bytes.
func EachInZip(in io.ReaderAt, size int64, f func(name string, r io.Reader) error) error {
	z, err := zip.NewReader(in, size)
	if err != nil {
		return fmt.Errorf("is no zip archive, or damaged: %w", err)
	}
	for _, file := range z.File {
		if !file.Mode().IsRegular() {
			continue
		}
		r, err := file.Open()
		if err != nil {
			return fmt.Errorf("is damaged: %s: %w", file.Name, err)
		}
		err = f(file.Name, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// readSound reads a file if it is one of sound.
func (r *reader) readSound(name string, in io.Reader) error {
	if !isSound(name) {
		return nil
	}
	return r.read(name, in)
}

// read reads one sound.
func (r *reader) read(name string, in io.Reader) error {
	rate, x, err := ReadWAV(bufio.NewReader(in), name)
	if err != nil {
		return err
	}
	return r.add(name, rate, x)
}
