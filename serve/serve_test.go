package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"laminar/recipe"
	"laminar/run"
)

// quick is a recipe that trains in a moment.
const quick = `{"preset":"fast","data":{"name":"moons"},"network":{"kind":"mlp","width":16,"depth":2,"activation":"silu"},"train":{"steps":60,"batch":64}}`

// endless is a recipe that trains until it is stopped.
const endless = `{"preset":"fast","data":{"name":"moons"},"network":{"kind":"mlp","width":8,"depth":1},"coupling":{"name":"independent"},"train":{"steps":200000,"batch":32}}`

type site struct {
	*httptest.Server
	t *testing.T
	s *Server
}

func open(t *testing.T, change func(*Config)) site {
	t.Helper()
	c := Defaults()
	c.Files = fstest.MapFS{
		"index.html":      {Data: []byte("<!doctype html><title>page</title>" + strings.Repeat("<p>flow</p>", 200))},
		"assets/app-1.js": {Data: []byte(strings.Repeat("flow();", 300))},
	}
	if change != nil {
		change(&c)
	}
	s := New(c)
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		s.stop()
		h.Close()
		s.Close()
	})
	return site{h, t, s}
}

// call makes a request and returns the answer with its body read.
func (s site) call(method, path, body string, headers ...string) (*http.Response, []byte) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return w, b
}

// ask makes a request that must be answered with the status, and decodes it.
func (s site) ask(status int, method, path, body string, v any) {
	s.t.Helper()
	w, b := s.call(method, path, body)
	if w.StatusCode != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, w.StatusCode, status, b)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(b, v); err != nil {
		s.t.Fatalf("%s %s: %v in %.200s", method, path, err, b)
	}
}

type startedRun struct {
	ID     string        `json:"id"`
	Recipe recipe.Recipe `json:"recipe"`
	Params int           `json:"params"`
	State  string        `json:"state"`
	Step   int           `json:"step"`
}

func (s site) begin(recipe, more string) startedRun {
	s.t.Helper()
	var r startedRun
	s.ask(201, "POST", "/api/runs", `{"recipe":`+recipe+more+`}`, &r)
	return r
}

type told struct {
	id   int
	kind string
	data map[string]any
}

// listen reads events until stop says so or the stream ends.
func (s site) listen(id, after string, stop func(told) bool) (all []told) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/api/runs/"+id+"/events", nil)
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	w, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != 200 || w.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("events: %s", w.Status)
	}
	in := bufio.NewScanner(w.Body)
	in.Buffer(nil, 1<<20)
	var e told
	for in.Scan() {
		key, value, _ := strings.Cut(in.Text(), ": ")
		switch key {
		case "id":
			e = told{}
			e.id, _ = strconv.Atoi(value)
		case "event":
			e.kind = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				s.t.Fatal(err)
			}
			all = append(all, e)
			if stop != nil && stop(e) {
				return all
			}
		}
	}
	if ctx.Err() != nil {
		s.t.Fatal("the events did not end")
	}
	return all
}

func floats(t *testing.T, text string) []float32 {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return floatsOf(b)
}

func floatsOf(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

func TestCatalogue(t *testing.T) {
	s := open(t, nil)
	var c catalogue
	s.ask(200, "GET", "/api/catalogue", "", &c)
	if len(c.Data) < 10 || len(c.Choices["coupling.name"]) < 3 || c.Presets["post"].Network.Width != 64 {
		t.Errorf("catalogue: %d sets, %v", len(c.Data), c.Choices["coupling.name"])
	}
	for _, d := range c.Data {
		if b, err := base64.StdEncoding.DecodeString(d.Thumb); err != nil || len(b) != 2*thumbPoints || slices.Min(b) != 0 || slices.Max(b) != 255 {
			t.Errorf("thumbnail of %s: %d bytes, %v", d.Name, len(b), err)
		}
	}
	for _, e := range c.Choices["data.name"] {
		if e.Name == "digits" {
			t.Error("digits are not of the plane")
		}
	}
	for _, m := range c.Solvers {
		sum := 0.0
		for _, b := range m.B {
			sum += b
		}
		if len(m.A) != len(m.C) || math.Abs(sum-1) > 1e-12 {
			t.Errorf("tableau of %s: %v", m.Name, m)
		}
	}
}

func TestPoints(t *testing.T) {
	s := open(t, nil)
	var a, b struct {
		N int    `json:"n"`
		X string `json:"x_f32"`
	}
	s.ask(200, "GET", "/api/points?name=moons&n=500&seed=3", "", &a)
	s.ask(200, "GET", "/api/points?name=moons&n=20&seed=3", "", &b)
	all, few := floats(t, a.X), floats(t, b.X)
	if len(all) != 1000 || !slices.Equal(all[:40], few) {
		t.Errorf("rows depend on their number: %d", len(all))
	}
	s.ask(200, "GET", "/api/points?name=moons&n=20&seed=3&noise=0.5", "", &b)
	if slices.Equal(all[:40], floats(t, b.X)) {
		t.Error("noise changes nothing")
	}
	for _, bad := range []string{"name=nothing", "name=digits", "name=moons&n=0", "name=moons&n=99999999", "name=moons&seed=x", "name=moons&noise=-1"} {
		s.ask(422, "GET", "/api/points?"+bad, "", nil)
	}
}

func TestTable(t *testing.T) {
	s := open(t, nil)
	var text strings.Builder
	text.WriteString("kind,width,height,colour\n")
	for i := range 30 {
		fmt.Fprintf(&text, "fern,%d,%g,green\n", i, 0.5*float64(i*i))
	}
	var got struct {
		Rows    int      `json:"rows"`
		Columns []column `json:"columns"`
		X       string   `json:"x"`
		Y       string   `json:"y"`
		N       int      `json:"n"`
		Points  string   `json:"points_f64"`
	}
	s.ask(200, "POST", "/api/table", text.String(), &got)
	want := []column{{"kind", false}, {"width", true}, {"height", true}, {"colour", false}}
	if got.Rows != 30 || !slices.Equal(got.Columns, want) || got.X != "width" || got.Y != "height" {
		t.Errorf("got %+v", got)
	}
	s.ask(200, "POST", "/api/table?x=height&y=2", text.String(), &got)
	x, err := decodePoints(got.Points, 100)
	if err != nil || x.N != 30 || x.Row(4)[0] != 8 || x.Row(4)[1] != 4 {
		t.Errorf("columns the other way round: %v %v", x, err)
	}
	// What it answers can be trained on.
	r := s.begin(strings.Replace(quick, `"moons"`, `"plants.csv"`, 1), `,"data":{"points_f64":"`+got.Points+`"}`)
	events := s.listen(r.ID, "", nil)
	if last := events[len(events)-1]; last.data["state"] != done {
		t.Errorf("a run on own points: %v", last)
	}
	for body, status := range map[string]int{
		"":                                     400,
		"a,b\n1,2\n":                           400, // one row
		"a,b\n1,2\n3,4\n":                      422, // too few rows
		"a,b\nx,y\nz,w\n":                      422, // no numbers
		"a\n1\n2\n3\n":                         422, // one column
		"\x00\x01\x02":                         400,
		"a,b\n1,2\n3\n":                        400, // ragged
		strings.Repeat("1,2\n", 250) + "x,2\n": 400, // not a number, far down
	} {
		w, b := s.call("POST", "/api/table", body)
		if w.StatusCode != status {
			t.Errorf("%q: %s %s", body, w.Status, b)
		}
	}
	s.ask(422, "POST", "/api/table?x=none&y=width", text.String(), nil)
	// A gap in one of the columns that were taken: the others can still be chosen.
	gap := "t,x,y\n" + strings.Repeat("1,2,3\n", 250) + "1,,3\n"
	got.Columns = nil
	s.ask(400, "POST", "/api/table", gap, &got)
	if len(got.Columns) != 3 || got.X != "t" || got.Y != "x" {
		t.Errorf("the answer to a gap: %+v", got)
	}
	s.ask(200, "POST", "/api/table?x=t&y=y", gap, &got)
}

type pairsAnswer struct {
	N         int          `json:"n"`
	X0        string       `json:"x0_f32"`
	X1        string       `json:"x1_f32"`
	Crossings [][6]float64 `json:"crossings"`
	Crossing  float64      `json:"crossing"`
	Cost      float64      `json:"cost"`
	Schedule  schedule     `json:"schedule"`
}

func TestPairs(t *testing.T) {
	s := open(t, nil)
	var ot, free, vp pairsAnswer
	s.ask(200, "POST", "/api/pairs", `{"recipe":{"data":{"name":"8gaussians"},"coupling":{"name":"ot"}},"n":100}`, &ot)
	s.ask(200, "POST", "/api/pairs", `{"recipe":{"data":{"name":"8gaussians"},"coupling":{"name":"independent"}},"n":100}`, &free)
	if !(ot.Crossing < 0.3*free.Crossing) || !(ot.Cost < free.Cost) || !(len(ot.Crossings) < len(free.Crossings)) {
		t.Errorf("transport crosses %v at cost %v (%d meet), chance %v at %v (%d meet)", ot.Crossing, ot.Cost, len(ot.Crossings), free.Crossing, free.Cost, len(free.Crossings))
	}
	x0, x1 := floats(t, free.X0), floats(t, free.X1)
	for _, c := range free.Crossings {
		for _, at := range [][2]float64{{c[0], c[4]}, {c[1], c[5]}} {
			i, u := int(at[0]), at[1]
			for j := range 2 {
				v := (1-u)*float64(x0[2*i+j]) + u*float64(x1[2*i+j])
				if math.Abs(v-c[2+j]) > 1e-5 {
					t.Fatalf("crossing %v: pair %d is at %v then", c, i, v)
				}
			}
		}
	}
	s.ask(200, "POST", "/api/pairs", `{"recipe":{"data":{"name":"moons"},"family":"diffusion"}}`, &vp)
	k := vp.Schedule
	if len(k.T) != 101 || math.Abs(k.Alpha[50]*k.Alpha[50]+k.Sigma[50]*k.Sigma[50]-1) > 1e-9 {
		t.Errorf("the schedule of diffusion preserves variance: %v %v", k.Alpha[50], k.Sigma[50])
	}
	// Every coupling that is offered pairs.
	for _, c := range recipe.Choices()["coupling.name"] {
		var got pairsAnswer
		s.ask(200, "POST", "/api/pairs", `{"recipe":{"data":{"name":"moons"},"coupling":{"name":"`+c.Name+`","points":256},"train":{"batch":64}},"n":64}`, &got)
		if got.N != 64 || !(got.Cost > 0) {
			t.Errorf("%s: %d pairs at cost %v", c.Name, got.N, got.Cost)
		}
	}
	s.ask(422, "POST", "/api/pairs", `{"recipe":{"data":{"name":"moons"}},"n":5000}`, nil)
	s.ask(422, "POST", "/api/pairs", `{"recipe":{"data":{"name":"moons"}},"batch":-1}`, nil)
}

// TestRun: a run tells its story in order, its parameters are those of the same
// recipe trained by package run, and its model file is read by it.
func TestRun(t *testing.T) {
	s := open(t, nil)
	r := s.begin(quick, "")
	events := s.listen(r.ID, "", nil)
	seen := map[string]int{}
	for i, e := range events {
		seen[e.kind]++
		if i > 0 && e.id <= events[i-1].id {
			t.Errorf("event %d follows %d", e.id, events[i-1].id)
		}
	}
	last := events[len(events)-1]
	if last.kind != tellEnd || last.data["state"] != done || last.data["step"] != 60.0 || seen[tellProgress] == 0 || seen[tellFrame] == 0 || seen[tellQuality] == 0 {
		t.Fatalf("the story: %v, ends with %v", seen, last)
	}
	quality := events[slices.IndexFunc(events, func(e told) bool { return e.kind == tellQuality })].data
	if quality["final"] != true || len(quality["rows"].([]any)) != len(finalNFE) || quality["loss_floor"] == nil {
		t.Errorf("the last measurement: %v", quality)
	}
	w, b := s.call("GET", "/api/runs/"+r.ID+"/params", "")
	params := floatsOf(b)
	if len(params) != r.Params || w.Header.Get("Laminar-Step") != "60" {
		t.Errorf("%d parameters at step %s, want %d", len(params), w.Header.Get("Laminar-Step"), r.Params)
	}
	if w, _ := s.call("GET", "/api/runs/"+r.ID+"/params", "", "If-None-Match", w.Header.Get("ETag")); w.StatusCode != 304 {
		t.Errorf("the same frame again: %s", w.Status)
	}

	asked, err := recipe.Decode([]byte(quick))
	if err != nil {
		t.Fatal(err)
	}
	res, err := run.Train(context.Background(), asked, run.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(params, res.Saved.Model.Params) {
		t.Error("the playground trains to other parameters than laminar train")
	}
	w, b = s.call("GET", "/api/runs/"+r.ID+"/model", "")
	path := filepath.Join(t.TempDir(), run.ModelFile)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	saved, err := run.Load(path, "")
	if err != nil || !slices.Equal(saved.Model.Params, params) || saved.Steps != 60 || !saved.Finished {
		t.Errorf("the model file: %v", err)
	}
	if got := w.Header.Get("Content-Disposition"); got != `attachment; filename="moons.safetensors"` {
		t.Errorf("the file is called %s", got)
	}
	if _, b := s.call("GET", "/api/runs/"+r.ID+"/recipe", ""); bytes.Contains(b, []byte("error")) {
		t.Errorf("recipe: %s", b)
	} else if got, err := recipe.Decode(b); err != nil || got.Train.Steps != 60 {
		t.Errorf("recipe: %v", err)
	}
	films := map[string]bool{}
	for _, asked := range []string{"", "&seed=1", "&solver=euler&nfe=1", "&solver=rk4&nfe=8"} {
		_, b := s.call("GET", "/api/runs/"+r.ID+"/film.gif?frames=3"+asked, "")
		if !bytes.HasPrefix(b, []byte("GIF8")) {
			t.Errorf("film%s: %.80q", asked, b)
		}
		films[string(b)] = true
	}
	if len(films) != 4 {
		t.Errorf("of four films that were asked for differently %d differ", len(films))
	}
	s.ask(422, "GET", "/api/runs/"+r.ID+"/film.gif?solver=heun&nfe=3", "", nil)
	s.ask(422, "GET", "/api/runs/"+r.ID+"/film.gif?seed=-1", "", nil)
	var one struct {
		W2, Ratio, Floor float64
		N                int
	}
	s.ask(200, "GET", "/api/runs/"+r.ID+"/quality?solver=heun&nfe=4", "", &one)
	if one.N != finalRows || !(one.W2 > 0) || math.Abs(one.W2/one.Floor-one.Ratio) > 1e-9 {
		t.Errorf("quality: %+v", one)
	}
	// What is asked afterwards lies on the curve that was told last.
	s.ask(200, "GET", "/api/runs/"+r.ID+"/quality?solver=euler&nfe=8", "", &one)
	if row := quality["rows"].([]any)[slices.Index(finalNFE, 8)].(map[string]any); row["w2"] != one.W2 {
		t.Errorf("at 8 evaluations %v was told, %v is answered", row["w2"], one.W2)
	}
	s.ask(422, "GET", "/api/runs/"+r.ID+"/quality?solver=heun&nfe=3", "", nil)
	s.ask(422, "GET", "/api/runs/"+r.ID+"/quality?solver=magic", "", nil)
	var d startedRun
	s.ask(200, "GET", "/api/runs/"+r.ID, "", &d)
	if d.State != done || d.Step != 60 {
		t.Errorf("described: %+v", d)
	}
	s.ask(409, "POST", "/api/runs/"+r.ID+"/pause", "", nil)
	s.ask(204, "DELETE", "/api/runs/"+r.ID, "", nil)
	s.ask(404, "GET", "/api/runs/"+r.ID, "", nil)
}

// TestProgram: the program that the page runs is that of the model file, whatever
// the network is trained to answer.
func TestProgram(t *testing.T) {
	s := open(t, nil)
	for _, more := range []string{`"family":"flow"`, `"family":"diffusion"`, `"predict":"data"`} {
		var r struct {
			ID      string          `json:"id"`
			Program json.RawMessage `json:"program"`
		}
		s.ask(201, "POST", "/api/runs", `{"recipe":`+strings.Replace(quick, `"data"`, more+`,"data"`, 1)+`}`, &r)
		s.listen(r.ID, "", nil)
		_, b := s.call("GET", "/api/runs/"+r.ID+"/model", "")
		path := filepath.Join(t.TempDir(), run.ModelFile)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		saved, err := run.Load(path, "")
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(saved.Model.Program)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.Program, want) {
			t.Errorf("%s: the page runs another program than the model", more)
		}
	}
}

// TestRecognisable: 1000 steps of the default recipe, which two cores take in
// half a second, bring samples of 8 evaluations well below 3 times the floor.
func TestRecognisable(t *testing.T) {
	if testing.Short() {
		t.Skip("1000 steps")
	}
	s := open(t, nil)
	r := s.begin(`{"data":{"name":"moons"},"coupling":{"name":"ot"},"train":{"steps":1000}}`, "")
	events := s.listen(r.ID, "", nil)
	for _, e := range events {
		if e.kind != tellQuality || e.data["final"] != true {
			continue
		}
		for _, row := range e.data["rows"].([]any) {
			if row := row.(map[string]any); row["nfe"] == 8.0 {
				if ratio := row["ratio"].(float64); !(ratio < 2) {
					t.Errorf("W2 at 8 evaluations is %v times the floor", ratio)
				}
				return
			}
		}
	}
	t.Error("no last measurement")
}

// TestDensity: the density integrates to about 1 where the box holds the model,
// from likelihoods and from samples.
func TestDensity(t *testing.T) {
	s := open(t, nil)
	for source, from := range map[string]string{"gaussian": "likelihood", "uniform": "samples"} {
		r := s.begin(strings.Replace(quick, `"data"`, `"source":"`+source+`","data"`, 1), "")
		s.listen(r.ID, "", nil)
		var d struct {
			N    int        `json:"n"`
			Box  [4]float64 `json:"box"`
			P    string     `json:"p_f32"`
			From string     `json:"from"`
		}
		s.ask(200, "GET", "/api/runs/"+r.ID+"/density?n=48", "", &d)
		sum := 0.0
		for _, v := range floats(t, d.P) {
			sum += float64(v) * (d.Box[2] - d.Box[0]) * (d.Box[3] - d.Box[1]) / float64(d.N*d.N)
		}
		if d.From != from || math.Abs(sum-1) > 0.1 {
			t.Errorf("from %s: density of %v from %s", source, sum, d.From)
		}
	}
}

// TestControl: a run that starts paused stands still, takes single steps, goes on,
// and stops; steps taken one by one lead to the same parameters.
func TestControl(t *testing.T) {
	s := open(t, nil)
	r := s.begin(quick, `,"paused":true`)
	state := func() (d startedRun) {
		s.ask(200, "GET", "/api/runs/"+r.ID, "", &d)
		return d
	}
	at := func(want string, step int) {
		t.Helper()
		for range 2000 {
			if d := state(); d.State == want && d.Step >= step {
				if d.Step > step {
					t.Fatalf("%s at step %d, want %d", d.State, d.Step, step)
				}
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("%+v, want %s at step %d", state(), want, step)
	}
	at(paused, 0)
	s.ask(200, "POST", "/api/runs/"+r.ID+"/step", "", nil)
	at(paused, 1)
	s.ask(200, "POST", "/api/runs/"+r.ID+"/step?n=9", "", nil)
	at(paused, 10)
	if w, _ := s.call("GET", "/api/runs/"+r.ID+"/params", ""); w.Header.Get("Laminar-Step") != "10" {
		t.Errorf("a paused run shows step %s", w.Header.Get("Laminar-Step"))
	}
	s.ask(422, "POST", "/api/runs/"+r.ID+"/step?n=0", "", nil)
	s.ask(404, "POST", "/api/runs/"+r.ID+"/jump", "", nil)
	s.ask(200, "POST", "/api/runs/"+r.ID+"/resume", "", nil)
	s.listen(r.ID, "", nil)
	at(done, 60)
	_, stepped := s.call("GET", "/api/runs/"+r.ID+"/params", "")
	straight := s.begin(quick, "")
	s.listen(straight.ID, "", nil)
	if _, b := s.call("GET", "/api/runs/"+straight.ID+"/params", ""); !bytes.Equal(b, stepped) {
		t.Error("a run with pauses ends in other parameters")
	}

	r = s.begin(endless, "")
	s.ask(409, "POST", "/api/runs/"+r.ID+"/step", "", nil)
	var d startedRun
	s.ask(200, "POST", "/api/runs/"+r.ID+"/stop", "", &d)
	if d.State != stopped {
		t.Errorf("stopped: %+v", d)
	}
	events := s.listen(r.ID, "", nil)
	if e := events[len(events)-1]; e.kind != tellEnd || e.data["state"] != stopped {
		t.Errorf("the end: %v", e)
	}
	s.ask(200, "POST", "/api/runs/"+r.ID+"/stop", "", nil) // again
	s.ask(409, "POST", "/api/runs/"+r.ID+"/resume", "", nil)
}

// TestResume: a listener that comes back gets what followed, and nothing twice.
func TestResume(t *testing.T) {
	s := open(t, nil)
	r := s.begin(quick, "")
	first := s.listen(r.ID, "", func(e told) bool { return e.kind == tellProgress })
	known := first[len(first)-1].id
	rest := s.listen(r.ID, strconv.Itoa(known), nil)
	if rest[0].id <= known || rest[len(rest)-1].kind != tellEnd {
		t.Errorf("after %d comes %d; the end is %v", known, rest[0].id, rest[len(rest)-1])
	}
	all := s.listen(r.ID, "", nil)
	if again := s.listen(r.ID, strconv.Itoa(all[len(all)-2].id), nil); len(again) != 1 {
		t.Errorf("after the last event but one come %d", len(again))
	}
	// An id of a server that is no more begins anew.
	if beyond := s.listen(r.ID, "100000", nil); len(beyond) != len(all) {
		t.Errorf("after an unknown id come %d events, want %d", len(beyond), len(all))
	}
	if w, _ := s.call("GET", "/api/runs/"+r.ID+"/events", "", "Last-Event-ID", "x"); w.StatusCode != 400 {
		t.Errorf("an id that is no number: %s", w.Status)
	}
}

// TestBeside: of two runs side by side none gets far ahead.
func TestBeside(t *testing.T) {
	s := open(t, func(c *Config) { c.Slots = 2 })
	a := s.begin(endless, "")
	b := s.begin(strings.Replace(endless, `"width":8`, `"width":256`, 1), `,"beside":"`+a.ID+`"`)
	ja, jb := s.s.registry.find(a.ID, ""), s.s.registry.find(b.ID, "")
	for jb.step.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	caught := false
	for range 400 {
		x, y := ja.step.Load(), jb.step.Load()
		caught = caught || y > x-lead
		if caught && (x > jb.step.Load()+lead || y > ja.step.Load()+lead) {
			t.Fatalf("steps %d and %d", x, y)
		}
		time.Sleep(time.Millisecond)
	}
	if jb.step.Load() < 100 {
		t.Logf("only %d steps were taken", jb.step.Load())
	}
	s.ask(200, "POST", "/api/runs/"+b.ID+"/stop", "", nil)
	x := ja.step.Load()
	for range 1000 {
		if ja.step.Load() > x+2*lead {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("a run waits for one that has ended")
}

func TestCommand(t *testing.T) {
	s := open(t, func(c *Config) {
		c.Command = func(r recipe.Recipe) (string, bool) { return "train " + r.Data.Name + " " + r.Coupling.Name, true }
	})
	var got struct {
		Command  string
		Complete bool
		Params   int
		Recipe   recipe.Recipe
	}
	s.ask(200, "POST", "/api/command", `{"recipe":{"data":{"name":"moons"}}}`, &got)
	if got.Command != "train moons auto" || !got.Complete || got.Params < 1000 || got.Recipe.Coupling.Name != "ot" {
		t.Errorf("got %+v", got)
	}
}

func TestStatic(t *testing.T) {
	s := open(t, nil)
	w, b := s.call("GET", "/", "")
	if w.StatusCode != 200 || !bytes.Contains(b, []byte("<title>page</title>")) || !strings.HasPrefix(w.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%s %s", w.Status, b)
	}
	// The page's sampler is WebAssembly; text is never run as script.
	p := w.Header.Get("Content-Security-Policy")
	if !strings.Contains(p, "default-src 'none'") || strings.Contains(strings.Replace(p, "script-src 'self' 'wasm-unsafe-eval';", "", 1), "unsafe") {
		t.Errorf("policy: %s", p)
	}
	w, z := s.call("GET", "/", "", "Accept-Encoding", "gzip")
	if w.Header.Get("Content-Encoding") != "gzip" || len(z) >= len(b) {
		t.Errorf("gzip: %v", w.Header)
	}
	if w, _ := s.call("GET", "/", "", "Accept-Encoding", "gzip", "If-None-Match", w.Header.Get("ETag")); w.StatusCode != 304 {
		t.Errorf("known page: %s", w.Status)
	}
	w, _ = s.call("GET", "/assets/app-1.js", "")
	if !strings.Contains(w.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(w.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("asset: %v", w.Header)
	}
	for _, path := range []string{"/nothing", "/assets/", "/../serve.go", "/assets/..%2f..%2fgo.mod"} {
		if w, _ := s.call("GET", path, ""); w.StatusCode != 404 {
			t.Errorf("%s: %s", path, w.Status)
		}
	}
	if w, _ := s.call("POST", "/", "{}"); w.StatusCode != 405 {
		t.Errorf("POST to the page: %s", w.Status)
	}
}

// TestShutdown: a server that stops ends its runs and streams at once and leaves
// no goroutine behind.
func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Defaults())
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	h := site{&httptest.Server{URL: "http://" + l.Addr().String()}, t, s}
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	var r startedRun
	for range 3 {
		w, err := client.Post(h.URL+"/api/runs", "application/json", strings.NewReader(`{"recipe":`+endless+`}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(w.Body).Decode(&r); err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		w, err = client.Get(h.URL + "/api/runs/" + r.ID + "/events")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(io.Discard, w.Body) // until the server ends it
			w.Body.Close()
		}()
	}
	cancel()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the server does not stop")
	}
	transport.CloseIdleConnections()
	for range 400 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}
