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
	err := EachInTar(in, func(name string, f io.Reader) error {
		if !isSound(name) {
			return nil
		}
		return r.read(name, f)
	})
	if err != nil {
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
	z, err := zip.NewReader(in, size)
	if err != nil {
		return nil, named(where, fmt.Errorf("is no zip archive, or damaged: %w", err))
	}
	r := reader{where: where}
	for _, f := range z.File {
		if f.FileInfo().IsDir() || !isSound(f.Name) {
			continue
		}
		if err := r.open(f); err != nil {
			return nil, named(where, err)
		}
	}
	return r.set()
}

func (r *reader) open(f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	return r.read(f.Name, in)
}

// read reads one sound.
func (r *reader) read(name string, in io.Reader) error {
	rate, x, err := ReadWAV(bufio.NewReader(in), name)
	if err != nil {
		return err
	}
	return r.add(name, rate, x)
}
