// Package run is a training run on disk: a folder with the model, its metrics
// and its pictures. It is what the command line and the server share, and the
// first package that opens files and reads clocks.
//
//	DIR/model.safetensors  the model and, in the same file, all that resuming needs
//	DIR/recipe.json        the recipe, written before the first step
//	DIR/metrics.jsonl      one line for every 20 steps
//	DIR/eval.json          the evaluation
//	DIR/report.html        the report, and *.png beside it
//
// Every file is written beside its place, synced and renamed, so that a crash
// or a full disk leaves the older one whole. metrics.jsonl is appended to and
// cut back to the checkpoint when a run resumes.
package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"laminar/flow"
)

// The files of a run folder.
const (
	ModelFile   = "model.safetensors"
	RecipeFile  = "recipe.json"
	MetricsFile = "metrics.jsonl"
	EvalFile    = "eval.json"
	ReportFile  = "report.html"
)

// ErrExists is wrapped when a folder holds a run and neither Resume nor Force
// was asked for.
var ErrExists = errors.New("the folder holds a run")

// WriteFile writes a file by way of a temporary one in the same folder: synced,
// then renamed over path. On any error path is as it was.
func WriteFile(path string, write func(w io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return explain(path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = explain(path, err)
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, e := os.Open(filepath.Dir(path)); e == nil {
		_ = d.Sync() // not every file system syncs folders
		d.Close()
	}
	return nil
}

// explain turns what the system said of a file into one line that tells what
// to do.
func explain(path string, err error) error {
	var p *fs.PathError
	var what string
	switch {
	case errors.Is(err, fs.ErrNotExist):
		what = "no such file or folder; check the path"
	case errors.Is(err, fs.ErrPermission):
		what = "permission denied; choose another folder with -o"
	case errors.Is(err, syscall.ENOSPC):
		what = "the disk is full; free some space, what was saved before is intact"
	case errors.Is(err, syscall.EROFS):
		what = "the file system is read-only; choose another folder with -o"
	case errors.Is(err, syscall.ENOTDIR):
		what = "a part of this path is a file, not a folder; choose another folder with -o"
	case errors.As(err, &p):
		what = p.Err.Error()
	default:
		return err
	}
	return &fileError{path, what, err}
}

// fileError is a failure of the file system, told in one line.
type fileError struct {
	path, what string
	err        error
}

func (e *fileError) Error() string { return e.path + ": " + e.what }
func (e *fileError) Unwrap() error { return e.err }

// makeFolder creates a run folder and checks that it can be written to.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return explain(dir, err)
	}
	f, err := os.CreateTemp(dir, ".probe.*")
	if err != nil {
		return explain(dir, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// Writable returns what would keep a file at path from being written, for
// programs that work for long before they write it. folders tells that folders
// which are missing will be made; none is made here.
func Writable(path string, folders bool) error {
	dir := filepath.Dir(path)
	for folders {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	f, err := os.CreateTemp(dir, ".probe.*")
	if err != nil {
		return explain(dir, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// sweep removes the unfinished files that a killed run left in its folder.
func sweep(dir string) {
	for _, name := range []string{ModelFile, RecipeFile, EvalFile, ReportFile} {
		left, _ := filepath.Glob(filepath.Join(dir, "."+name+".*")) // the pattern is valid
		for _, path := range left {
			_ = os.Remove(path) // what stays is in nobody's way
		}
	}
}

// holdsRun reports whether dir holds a run.
func holdsRun(dir string) bool {
	for _, name := range []string{RecipeFile, ModelFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// modelPath returns the model file that path means: itself, or the one in the
// run folder path.
func modelPath(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", explain(path, err)
	}
	if !st.IsDir() {
		return path, nil
	}
	path = filepath.Join(path, ModelFile)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: %s: the folder holds no %s; train first, or name a model file", flow.ErrFormat, filepath.Dir(path), ModelFile)
	}
	return path, nil
}
