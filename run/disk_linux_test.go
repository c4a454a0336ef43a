package run_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"laminar/run"
)

// tmpfs mounts a small file system of its own, where that is allowed.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// oneLine fails unless err is one line that holds want.
func oneLine(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), want) {
		t.Errorf("want one line with %q, got %v", want, err)
	}
}

// A disk that fills up in the middle of a run stops it with one line, leaves the
// last good checkpoint, and, given space again, the run ends as if nothing had
// happened.
func TestFullDisk(t *testing.T) {
	disk := tmpfs(t, "size=256k")
	dir, whole := filepath.Join(disk, "run"), t.TempDir()
	r := small(t, "rings")
	carryOut(t, r, run.Options{Dir: whole})
	ballast := filepath.Join(disk, "ballast")
	ctx, cancel := context.WithCancel(context.Background())
	var good []byte
	_, err := run.Train(ctx, r, run.Options{Dir: dir, Watch: func(p run.Progress) {
		switch p.Step {
		case 60:
			// The next checkpoint, which the end of ctx brings about, finds no space.
			good = read(t, dir, run.ModelFile)
			f, err := os.Create(ballast)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			for block := make([]byte, 1024); err == nil; {
				_, err = f.Write(block)
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Error(err)
			}
			cancel()
		}
	}})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is full, and yet: %v", err)
	}
	oneLine(t, err, "the disk is full; free some space, what was saved before is intact")
	if !bytes.Equal(good, read(t, dir, run.ModelFile)) {
		t.Error("the last good checkpoint is gone")
	}
	load(t, dir)
	if got := names(t, dir); slices.ContainsFunc(got, func(n string) bool { return strings.HasPrefix(n, ".") }) {
		t.Errorf("left behind: %v", got)
	}
	if _, err := run.Train(context.Background(), r, run.Options{Dir: dir, Resume: true}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("resumed on a full disk: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	carryOut(t, r, run.Options{Dir: dir, Resume: true})
	same(t, "after a full disk", whole, dir)
}

func TestUnwritableFolder(t *testing.T) {
	r := small(t, "rings")
	_, err := run.Train(context.Background(), r, run.Options{Dir: filepath.Join(write(t, nil, t.TempDir(), "file"), "run")})
	oneLine(t, err, "a part of this path is a file, not a folder")
	if os.Getuid() != 0 { // nothing is forbidden to root
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		_, err = run.Train(context.Background(), r, run.Options{Dir: dir})
		oneLine(t, err, "permission denied; choose another folder with -o")
	}
}

func TestReadOnlyDisk(t *testing.T) {
	r := small(t, "rings")
	disk := tmpfs(t, "ro")
	_, err := run.Train(context.Background(), r, run.Options{Dir: filepath.Join(disk, "run")})
	oneLine(t, err, "the file system is read-only; choose another folder with -o")
	_, err = run.Train(context.Background(), r, run.Options{Dir: disk})
	oneLine(t, err, "the file system is read-only; choose another folder with -o")
}
