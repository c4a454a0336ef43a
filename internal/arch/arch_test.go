package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "laminar"

// pkg is the place of a package: its level, and what of the module it may
// import. The test files of a package are not bound by this.
type pkg struct {
	path  string
	level int
	may   string
}

// table is in the order of the levels. A package that does not exist yet is
// listed so that its place is decided before it is written.
var table = []pkg{
	{"tensor", 0, ""},
	{"rng", 0, ""},
	{"internal/par", 0, ""},
	{"internal/kernel", 0, ""},
	{"internal/kernel/gen", 0, ""}, // writes the assembly, a command
	{"internal/lap", 0, "tensor"},
	{"internal/arch", 0, ""},

	{"flow", 1, "tensor rng"},
	{"graph", 1, ""},
	{"internal/ot", 1, "tensor rng internal/par internal/kernel internal/lap"},

	{"internal/exec", 2, "tensor rng internal/par internal/kernel flow graph"},
	{"nn", 2, "tensor rng flow graph"},
	{"optim", 2, "tensor rng internal/par internal/kernel flow graph"},
	{"data", 2, "tensor rng flow data/npy"},
	{"data/npy", 2, "flow"},
	{"data/table", 2, "tensor rng flow"},
	{"data/table/where", 2, "flow data/table"},
	{"data/parquet", 2, "tensor rng flow data/table"},
	{"coupling", 2, "tensor rng internal/par internal/kernel internal/lap internal/ot flow"},
	{"path", 2, "tensor rng flow graph"},
	{"field", 2, "tensor rng flow path"},
	{"data/image", 2, "tensor rng flow data"},
	{"data/audio", 2, "tensor rng flow"},
	{"data/molecule", 2, "tensor rng flow data"},
	{"solve", 2, "tensor rng flow"},
	{"metric", 2, "tensor rng internal/par internal/kernel internal/lap flow"},
	{"boost", 2, "tensor rng internal/par flow"},
	{"plot", 2, "tensor flow"},
	{"report", 2, "tensor flow"},
	{"modelfile", 2, "tensor flow"},

	{"objective", 3, "tensor rng flow graph nn optim path field"},
	{"model", 3, "tensor rng internal/par internal/kernel internal/exec flow graph nn data path field solve modelfile"},
	{"judge", 3, "tensor rng internal/par internal/lap flow boost data/table metric plot report"},

	{"train", 4, "tensor rng internal/par internal/kernel internal/exec flow graph nn optim data coupling path field objective model"},
	{"sample", 4, "tensor rng internal/par flow data path field solve model"},

	{"recipe", 5, "tensor rng internal/kernel flow graph nn optim data data/npy coupling path field solve metric objective model train sample"},
	{"classify", 5, "tensor rng internal/kernel internal/exec flow graph nn optim data objective train"},

	{"internal/cputime", 5, ""}, // reads the processor's clock

	{"run", 6, "tensor rng internal/kernel flow graph nn optim data data/npy data/table data/table/where data/parquet data/image data/audio data/molecule coupling path field solve metric plot report modelfile objective model judge train sample recipe classify"},

	{"", 7, "tensor rng flow nn optim data data/npy coupling path field solve metric plot report modelfile objective model train sample recipe run"},

	{"web", 7, ""}, // the built page, embedded
	{"compare", 7, "internal/cputime internal/kernel tensor rng flow nn optim data solve metric plot report model train sample recipe run"},
	{"serve", 8, "tensor rng flow nn web data data/npy path field solve metric plot report modelfile model train sample recipe run laminar"},
	{"internal/cli", 9, "tensor rng internal/kernel flow nn optim data data/npy data/table data/table/where coupling path field solve metric plot report modelfile objective model judge train sample recipe run compare serve laminar bench"},
	{"cmd/laminar", 10, "internal/cli"},
	{"bench/tong", 9, "internal/cputime tensor rng flow nn optim data coupling path solve metric objective model train recipe"},
	{"bench/post", 9, "tensor rng flow solve metric sample recipe train"},
	{"bench/c2ot", 9, "tensor rng flow data coupling path solve metric objective model sample train nn optim"},
	{"bench/trajectory", 9, "tensor rng flow data coupling path solve metric objective model sample train nn optim"},
	{"bench/tables", 9, "tensor rng flow boost data/table judge solve sample recipe run"},
	{"bench/quality", 9, "internal/cputime tensor rng flow data solve metric sample model recipe run train nn optim"},
	{"bench/waves", 9, "internal/cputime tensor rng flow nn data data/audio solve metric sample train recipe classify"},
	{"bench/fewsteps", 9, "internal/cputime rng metric recipe run"},
	{"bench", 8, "tensor rng internal/par internal/kernel internal/lap internal/ot internal/exec flow graph nn optim data coupling path field solve metric plot report modelfile objective model train sample recipe run laminar"},
	{"bench/peers", 9, "tensor rng internal/par internal/kernel internal/lap internal/ot internal/exec flow graph nn optim data coupling path field solve metric plot report modelfile objective model train sample recipe run laminar bench"},
}

// sameLevel lists the arrows that do not go down a level.
var sameLevel = []string{
	"internal/lap -> tensor",
	"data -> data/npy",           // a codec that stands alone
	"field -> path",              // wrappers convert by the algebra of paths
	"data/parquet -> data/table", // a format of its tables
	"data/image -> data",
	"data/molecule -> data",
	"data/table/where -> data/table", // conditions on its rows
}

// pureTop is the highest level whose packages touch nothing outside them.
const pureTop = 4

// impure are the standard packages that levels 0 to pureTop do not import,
// with all below them.
var impure = []string{"os", "net", "flag", "log", "syscall"}

var pureThirdParty = []string{"golang.org/x/sys", "gonum.org"}

// granted lists, by package, the third party that one package of levels 0 to
// pureTop needs beyond pureThirdParty. It is short on purpose.
var granted = map[string][]string{
	"laminar/plot":         {"golang.org/x/image"},               // rasteriser and fonts
	"laminar/data/parquet": {"github.com/parquet-go/parquet-go"}, // the format
}

// full returns the import path of a package as the table names it.
func full(path string) string {
	if path == "" || path == module {
		return module
	}
	return module + "/" + path
}

func under(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(r string) bool { return path == r || strings.HasPrefix(path, r+"/") })
}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	CgoFiles   []string
	Error      *struct{ Err string }
}

// list returns the module's packages and all they depend on, for one platform.
func list(t *testing.T, goos, goarch string) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,CgoFiles,Error", "./...")
	cmd.Dir = "../.."
	// With cgo on, a file that needs it is listed; off, it would be passed over.
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	all := map[string]listed{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// violations returns every breach of the rules among the listed packages.
func violations(all map[string]listed) []string {
	var bad []string
	places := map[string]pkg{}
	for _, p := range table {
		places[full(p.path)] = p
	}
	own := func(path string) bool { return under(path, []string{module}) }
	for _, p := range all {
		if !p.Standard && len(p.CgoFiles) > 0 {
			bad = append(bad, p.ImportPath+" needs cgo")
		}
		if !own(p.ImportPath) {
			continue
		}
		place, ok := places[p.ImportPath]
		if !ok {
			bad = append(bad, p.ImportPath+" has no place in the table")
			continue
		}
		for _, i := range p.Imports {
			switch {
			case own(i):
				if !slices.ContainsFunc(strings.Fields(place.may), func(m string) bool { return full(m) == i }) {
					bad = append(bad, p.ImportPath+" may not import "+i)
				}
			case p.ImportPath != full("internal/kernel/gen") && place.level <= pureTop && under(i, impure):
				bad = append(bad, p.ImportPath+" may not import "+i+": levels 0 to 4 touch no files, network, flags or logs")
			case i == "C":
				bad = append(bad, p.ImportPath+" imports C")
			case place.level <= pureTop && !all[i].Standard && !under(i, pureThirdParty) && !under(i, granted[p.ImportPath]):
				bad = append(bad, p.ImportPath+" may not import "+i+": levels 0 to 4 need no third party but "+strings.Join(pureThirdParty, " and "))
			}
		}
	}
	slices.Sort(bad)
	return bad
}

func TestArrows(t *testing.T) {
	for _, on := range [][2]string{{"linux", "amd64"}, {"js", "wasm"}} {
		all := list(t, on[0], on[1])
		if _, ok := all[full("flow")]; !ok {
			t.Fatal("go list found no package of the module")
		}
		for _, v := range violations(all) {
			t.Errorf("%s/%s: %s", on[0], on[1], v)
		}
	}
}

// TestTable: every arrow of the table goes to a package of it, down a level
// unless it is listed as an exception.
func TestTable(t *testing.T) {
	level := map[string]int{}
	for i, p := range table {
		if _, twice := level[full(p.path)]; twice {
			t.Errorf("%s twice", full(p.path))
		}
		level[full(p.path)] = table[i].level
	}
	used := map[string]bool{}
	for _, p := range table {
		for _, m := range strings.Fields(p.may) {
			to, ok := level[full(m)]
			if !ok {
				t.Errorf("%s may import %s, which has no place", full(p.path), m)
			}
			if to < p.level {
				continue
			}
			arrow := p.path + " -> " + m
			used[arrow] = true
			if !slices.Contains(sameLevel, arrow) {
				t.Errorf("%s does not go down: level %d to %d", arrow, p.level, to)
			}
		}
	}
	for _, a := range sameLevel {
		if !used[a] {
			t.Errorf("exception %s is not needed", a)
		}
	}
}

// TestViolations: each rule is able to fail.
func TestViolations(t *testing.T) {
	std := listed{Standard: true}
	good := map[string]listed{
		"laminar/tensor": {ImportPath: "laminar/tensor", Imports: []string{"fmt"}},
		"laminar/flow":   {ImportPath: "laminar/flow", Imports: []string{"fmt", "laminar/tensor"}},
		"laminar/solve":  {ImportPath: "laminar/solve", Imports: []string{"laminar/flow", "gonum.org/v1/gonum/stat"}},
		"laminar/run":    {ImportPath: "laminar/run", Imports: []string{"os", "example.com/x"}},
		"fmt":            std, "os": std, "net/http": std,
		"gonum.org/v1/gonum/stat": {ImportPath: "gonum.org/v1/gonum/stat"},
		"example.com/x":           {ImportPath: "example.com/x"},
	}
	if v := violations(good); len(v) != 0 {
		t.Errorf("good packages: %q", v)
	}
	for _, c := range []struct {
		p    listed
		want string
	}{
		{listed{ImportPath: "laminar/tensor", Imports: []string{"laminar/flow"}}, "tensor may not import laminar/flow"},
		{listed{ImportPath: "laminar/path", Imports: []string{"laminar/solve"}}, "path may not import laminar/solve"},
		{listed{ImportPath: "laminar/utils"}, "utils has no place"},
		{listed{ImportPath: "laminar/path", Imports: []string{"os"}}, "path may not import os"},
		{listed{ImportPath: "laminar/path", Imports: []string{"net/http"}}, "path may not import net/http"},
		{listed{ImportPath: "laminar/path", Imports: []string{"log/slog"}}, "path may not import log/slog"},
		{listed{ImportPath: "laminar/path", Imports: []string{"golang.org/x/image/font"}}, "path may not import golang.org/x/image/font"},
		{listed{ImportPath: "laminar/path", Imports: []string{"example.com/x"}}, "path may not import example.com/x"},
		{listed{ImportPath: "laminar/run", CgoFiles: []string{"x.go"}}, "run needs cgo"},
		{listed{ImportPath: "laminar/run", Imports: []string{"C"}}, "run imports C"},
	} {
		all := map[string]listed{}
		for k, v := range good {
			all[k] = v
		}
		all[c.p.ImportPath] = c.p
		v := violations(all)
		if !slices.ContainsFunc(v, func(s string) bool { return strings.Contains(s, c.want) }) {
			t.Errorf("%s: got %q", c.want, v)
		}
	}
}
