package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// npyLying is an array that says it has n rows of 2 and holds two.
func npyLying(n int) string {
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, 2), }", n)
	header += strings.Repeat(" ", 118-len(header)-1) + "\n"
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) + header + strings.Repeat("\x00", 32)
}

func safetensors(header string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header
}

// TestBadInput: what is wrong, where, in one line, with the right exit code,
// and nothing left behind.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	wide := strings.TrimSuffix(strings.Repeat("1,", 10000), ",") + "\n"
	whole, err := os.ReadFile(filepath.Join(moons(), "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good.csv", "x,y\n1,2\n3,5\n4,4\n")
	run := filepath.Join(dir, "run")
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string // each must be part of the message
	}{
		{"empty file", train(file("empty.csv", ""), run), exitFile, []string{"empty.csv", "empty"}},
		{"header only", train(file("header.csv", "x,y\n"), run), exitFile, []string{"header.csv", "no "}},
		{"ragged row", train(file("ragged.csv", "x,y\n1,2\n3\n"), run), exitFile, []string{"ragged.csv", "3"}},
		{"text among numbers", train(file("text.csv", "x,y\n1,2\n3,tall\n"), run), exitFile, []string{"text.csv", "tall", "y"}},
		{"NaN", train(file("nan.csv", "x,y\n1,2\nNaN,4\n"), run), exitFile, []string{"nan.csv", "x"}},
		{"Inf", train(file("inf.csv", "x,y\n1,2\n3,inf\n"), run), exitFile, []string{"inf.csv", "y"}},
		{"one row", train(file("one.csv", "x,y\n1,2\n"), run), exitFile, []string{"one.csv"}},
		{"array with a lying header", train(file("lie.npy", npyLying(1<<40)), run), exitFile, []string{"lie.npy"}},
		{"array that ends early", train(file("short.npy", npyLying(3)), run), exitFile, []string{"short.npy"}},
		{"missing data", train(filepath.Join(dir, "none.csv"), run), exitFile, []string{"none.csv", "no such file"}},
		{"folder as data", train(dir, run), exitFile, []string{dir, "folder"}},
		{"unknown data set", train("mons", run), exitUsage, []string{"mons", "moons", "checkerboard"}},
		{"unknown column", train(good, run, "--label", "z"), exitUsage, []string{"z", "x, y"}},
		{"source of another size", train("moons", run, "--source", "iris"), exitUsage, []string{"--source", "iris", "4"}},
		{"classes of a set without", train("swissroll", run, "--label", "class"), exitUsage, []string{"swissroll", "class"}},
		{"folder below a file", train("moons", filepath.Join(good, "run")), exitFailure, []string{"good.csv", "-o"}},

		{"missing model", []string{"sample", filepath.Join(dir, "none")}, exitFile, []string{"none", "no such file"}},
		{"folder without a model", []string{"sample", dir}, exitFile, []string{dir, "model.safetensors"}},
		{"empty model", []string{"info", file("empty.safetensors", "")}, exitFile, []string{"empty.safetensors"}},
		{"model cut short", []string{"info", file("cut.safetensors", string(whole[:len(whole)/2]))}, exitFile, []string{"cut.safetensors"}},
		{"model with a huge header", []string{"info", file("huge.safetensors", string(binary.LittleEndian.AppendUint64(nil, 1<<62))+"{}")}, exitFile, []string{"huge.safetensors"}},
		{"model with offsets outside", []string{"info", file("out.safetensors", safetensors(`{"w":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}`))}, exitFile, []string{"out.safetensors"}},
		{"weights of another program", []string{"info", file("other.safetensors", safetensors(`{}`))}, exitFile, []string{"other.safetensors", "not a Laminar model"}},
		{"CSV as a model", []string{"eval", good}, exitFile, []string{"good.csv"}},

		{"steps that are no number", train("moons", run, "--steps", "abc"), exitUsage, []string{`--steps: "abc" is not a whole number`}},
		{"a time without its unit", train("moons", run, "--time", "30"), exitUsage, []string{`--time: "30" is not a time with its unit`}},
		{"a rate that is no number", train("moons", run, "--rate", "fast"), exitUsage, []string{`--rate: "fast" is not a number`}},
		{"numbers that are none", []string{"eval", moons(), "--nfe", "2,x"}, exitUsage, []string{`--nfe: "2,x" is not whole numbers parted by commas`}},
		{"no evaluations", []string{"sample", moons(), "--nfe", "0"}, exitUsage, []string{"--nfe: 0 evaluations lead nowhere: a step of euler takes 1"}},
		{"no table", []string{"report", filepath.Join(dir, "none.csv"), good}, exitFile, []string{"none.csv: no such file or folder"}},
		{"no other table", []string{"report", good, filepath.Join(dir, "none.csv")}, exitFile, []string{"none.csv: no such file or folder"}},

		{"no command", []string{"trian"}, exitUsage, []string{"trian", "train"}},
		{"no data", []string{"train"}, exitUsage, []string{"DATA"}},
		{"no model", []string{"sample"}, exitUsage, []string{"MODEL"}},
		{"too many arguments", []string{"info", moons(), "more"}, exitUsage, []string{`"more"`}},
		{"unknown flag", []string{"train", "moons", "--stps", "3"}, exitUsage, []string{"--stps", "train --help"}},
		{"flag without a number", []string{"train", "moons", "--steps", "many"}, exitUsage, []string{"many", "--steps"}},
		{"unknown preset", train("moons", run, "--preset", "best"), exitUsage, []string{"--preset", "best", "default, fast, post"}},
		{"unknown coupling", train("moons", run, "--coupling", "tight"), exitUsage, []string{"--coupling", "tight", "independent, ot"}},
		{"unknown cost", train("moons", run, "--ot-cost", "l3"), exitUsage, []string{"--ot-cost", "l3", "sqeuclidean"}},
		{"unknown network", train("moons", run, "--network", "cnn"), exitUsage, []string{"--network", "cnn", "resmlp"}},
		{"unknown activation", train("moons", run, "--activation", "step"), exitUsage, []string{"--activation", "step", "silu"}},
		{"unknown solver", []string{"sample", moons(), "--solver", "rk45"}, exitUsage, []string{"--solver", "rk45", "dopri5"}},
		{"unknown kernels", []string{"info", moons(), "--kernels", "sse"}, exitUsage, []string{"--kernels", "sse", "go"}},
		{"unknown format", []string{"sample", moons(), "-o", "x.bmp"}, exitUsage, []string{".bmp", ".png"}},
		{"film as a format", []string{"sample", moons(), "-o", "x.gif"}, exitUsage, []string{"animate"}},
		{"negative steps", train("moons", run, "--steps", "-5"), exitUsage, []string{"--steps", "-5"}},
		{"negative threads", []string{"info", moons(), "--threads", "-1"}, exitUsage, []string{"--threads"}},
		{"no points", []string{"sample", moons(), "-n", "0"}, exitUsage, []string{"-n"}},
		{"steps that do not divide", []string{"sample", moons(), "--solver", "rk4", "--nfe", "10"}, exitUsage, []string{"--nfe", "8 or 12"}},
		{"odd evaluations under guidance", []string{"sample", iris(), "--class", "setosa", "--guidance", "2", "--nfe", "9"}, exitUsage, []string{"--nfe", "8 or 10"}},
		{"evaluations and a tolerance", []string{"sample", moons(), "--rtol", "1e-3", "--nfe", "10"}, exitUsage, []string{"--nfe", "--rtol"}},
		{"evaluations and a tolerance to judge", []string{"eval", moons(), "--rtol", "1e-3", "--nfe", "10"}, exitUsage, []string{"--nfe", "--rtol"}},
		{"tolerance to judge a fixed method", []string{"eval", moons(), "--atol", "1e-3", "--solver", "euler"}, exitUsage, []string{"euler", "dopri5"}},
		{"tolerance for a fixed method", []string{"sample", moons(), "--rtol", "1e-3", "--solver", "euler"}, exitUsage, []string{"euler", "dopri5"}},
		{"class of a model without", []string{"sample", moons(), "--class", "1"}, exitUsage, []string{"no classes", "label"}},
		{"unknown class", []string{"sample", iris(), "--class", "rose"}, exitUsage, []string{"rose", "setosa"}},
		{"guidance towards nothing", []string{"sample", iris(), "--guidance", "2"}, exitUsage, []string{"--class"}},
		{"judged by data of another size", []string{"eval", moons(), "--data", "iris"}, exitUsage, []string{"iris", "4", "2"}},
		{"time and steps", train("moons", run, "--time", "3s"), exitUsage, []string{"--time", "--steps"}},
		{"resume and force", train("moons", run, "--resume", "--force"), exitUsage, []string{"--resume", "--force"}},
		{"recipe that is none", []string{"train", "--recipe", file("r.json", `{"version":1,"widht":3}`), "-o", run}, exitFile, []string{"r.json", "widht"}},
		{"nothing to resume", []string{"train", "--resume", "-o", run}, exitFile, []string{"no run", "DATA"}},
		{"weights that do not exist", train("moons", run, "--weights", filepath.Join(dir, "none.safetensors")), exitFile, []string{"none.safetensors"}},
		{"weights of another shape", train("moons", run, "--weights", filepath.Join(iris(), "model.safetensors")), exitFile, []string{"shape"}},
		{"divergence", train("moons", filepath.Join(dir, "wild"), "--rate", "1e6", "--steps", "2000"), exitDiverged, []string{"diverged", "step", "rate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := call(c.args...)
			last := errs[strings.LastIndex("\n"+strings.TrimSuffix(errs, "\n"), "\n"):]
			if code != c.code {
				t.Errorf("code %d, want %d: %s", code, c.code, errs)
			}
			if out != "" {
				t.Errorf("stdout has %q", out)
			}
			if !strings.HasPrefix(last, "laminar: ") || strings.Count(last, "\n") != 1 {
				t.Errorf("not one line: %q", errs)
			}
			for _, s := range c.says {
				if !strings.Contains(last, s) {
					t.Errorf("no %q in %q", s, last)
				}
			}
			if _, err := os.Stat(run); err == nil && !strings.Contains(c.name, "diverge") {
				t.Errorf("left %s behind", run)
				os.RemoveAll(run)
			}
		})
	}
	// What is odd but no fault.
	if _, _, errs := call(train(file("flat.csv", "x,y\n1,2\n3,2\n4,2\n"), filepath.Join(dir, "flat"))...); !strings.Contains(errs, `"y" is constant`) {
		t.Errorf("a constant column is not told: %q", errs)
	}
	if code, _, errs := call(train(file("wide.csv", wide+strings.ReplaceAll(wide, "1", "2")+wide), filepath.Join(dir, "wide"), "--steps", "1", "--batch", "2")...); code != exitOK {
		t.Errorf("10,000 columns: %s", errs)
	}
}

// TestNullNotNaN: a model that never took a step has no loss.
func TestNullNotNaN(t *testing.T) {
	var b bytes.Buffer
	a := &app{stdout: &b}
	if err := a.printJSON(trained{Loss: nan()}); err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b.Bytes(), &v); err != nil || v["loss"] != nil {
		t.Errorf("%v, %s", err, b.String())
	}
}

func TestInterruptedBeforeTheStart(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	var out, errs bytes.Buffer
	code := Main(ctx, []string{"sample", moons()}, nil, &out, &errs)
	if code != exitInterrupted || !strings.Contains(errs.String(), "interrupted") || out.Len() > 0 {
		t.Errorf("code %d, %q, %q", code, errs.String(), out.String())
	}
}

// fullDisk fails after some bytes.
type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

func TestFullStdout(t *testing.T) {
	var errs bytes.Buffer
	code := Main(context.Background(), []string{"sample", moons(), "-n", "5000", "--nfe", "1"}, nil, &fullDisk{1000}, &errs)
	if code != exitFailure || !strings.Contains(errs.String(), "no space") {
		t.Errorf("code %d, %q", code, errs.String())
	}
}
