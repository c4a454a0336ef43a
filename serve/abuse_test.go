package serve

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestForeign: requests that come by way of another site are refused.
func TestForeign(t *testing.T) {
	s := open(t, nil)
	body := `{"recipe":{"data":{"name":"moons"}}}`
	own := strings.TrimPrefix(s.URL, "http://")
	for _, c := range []struct {
		status             int
		method, path, body string
		headers            []string
	}{
		{200, "GET", "/", "", nil},
		{200, "GET", "/", "", []string{"Host", "localhost:8787"}},
		{200, "GET", "/", "", []string{"Host", "[::1]:8787"}},
		{403, "GET", "/", "", []string{"Host", "evil.example"}},           // DNS rebinding
		{403, "GET", "/", "", []string{"Host", "localhost.evil.example"}}, // likewise
		{403, "GET", "/api/catalogue", "", []string{"Host", "192.168.1.7:8787"}},
		{200, "POST", "/api/command", body, []string{"Origin", "http://" + own}},
		{403, "POST", "/api/command", body, []string{"Origin", "http://evil.example"}},
		{403, "POST", "/api/command", body, []string{"Origin", "null"}},
		{403, "POST", "/api/command", body, []string{"Sec-Fetch-Site", "cross-site"}},
		{403, "POST", "/api/command", body, []string{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:1"}},
		{200, "POST", "/api/command", body, []string{"Sec-Fetch-Site", "same-origin"}},
		{403, "GET", "/api/catalogue", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}},
		{403, "GET", "/api/catalogue", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}},
		{200, "GET", "/", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}}, // a link
		{403, "GET", "/", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}},
		{403, "GET", "/api/catalogue", "", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}}, // another port of this machine
		{405, "PUT", "/api/runs", body, nil},
		{405, "GET", "/api/runs", "", nil},
		{404, "GET", "/api/nothing", "", nil},
		{415, "POST", "/api/command", body, []string{"Content-Type", "text/plain"}}, // what a form can send
	} {
		w, b := s.call(c.method, c.path, c.body, c.headers...)
		if w.StatusCode != c.status {
			t.Errorf("%s %s %v: %s, want %d: %.100s", c.method, c.path, c.headers, w.Status, c.status, b)
		}
		if w.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("another site may read this")
		}
	}
}

// TestRefused: what is wrong, or too much, is answered by a fault that names it.
func TestRefused(t *testing.T) {
	s := open(t, nil)
	points := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, 16*n)) }
	for _, c := range []struct {
		status     int
		body, path string // of the field at fault
	}{
		{400, `{{{`, ""},
		{400, `[]`, ""},
		{400, `{}`, ""},
		{400, `{"recipe":7}`, ""},
		{400, `{"recipe":{"data":{"name":"moons"}},"colour":1}`, ""},
		{400, `{"recipe":{"data":{"name":"moons"}}} {}`, ""},
		{400, `{"recipe":{"version":99,"data":{"name":"moons"}}}`, ""},
		{400, strings.Repeat(`[`, 100000), ""},
		{422, `{"recipe":{"data":{"name":"moons"},"network":{"width":1000000}}}`, "network.width"},
		{422, `{"recipe":{"data":{"name":"moons"},"network":{"width":512,"depth":8}}}`, "network.width"},
		{422, `{"recipe":{"data":{"name":"moons"},"network":{"depth":9}}}`, "network.depth"},
		{422, `{"recipe":{"data":{"name":"moons"},"network":{"time_features":1024}}}`, "network.time_features"},
		{422, `{"recipe":{"data":{"name":"moons"},"network":{"kind":"unet","shape":[1,1,2],"levels":[1]}}}`, "network.kind"},
		{422, `{"recipe":{"data":{"name":"moons"},"family":"gan","loss":{"critic":{"width":16384,"depth":8}}}}`, "loss.critic.width"},
		{422, `{"recipe":{"data":{"name":"moons"},"family":"gan","loss":{"critic":{"depth":256}}}}`, "loss.critic.depth"},
		{422, `{"recipe":{"data":{"name":"moons"},"family":"gan","loss":{"critic":{"width":512,"depth":8}}}}`, "loss.critic.width"},
		{422, `{"recipe":{"data":{"name":"moons"},"family":"gan","loss":{"critic":{"kind":"resmlp","time_features":1024}}}}`, "loss.critic.time_features"},
		{422, `{"recipe":{"data":{"name":"moons"},"coupling":{"name":"sinkhorn","epsilon":1e-9}}}`, "coupling.epsilon"},
		{422, `{"recipe":{"data":{"name":"moons"},"distill":{"method":"distill","teacher":"/etc/passwd","round":1,"pool":1024,"nfe":8}}}`, "distill"},
		{422, `{"recipe":{"data":{"name":"moons"},"train":{"batch":100000}}}`, "train.batch"},
		{422, `{"recipe":{"data":{"name":"moons"},"train":{"steps":100000000}}}`, "train.steps"},
		{422, `{"recipe":{"data":{"name":"moons"},"coupling":{"name":"magic"}}}`, "coupling.name"},
		{422, `{"recipe":{"data":{"name":"moons"},"coupling":{"name":"ot","block":1000}}}`, "coupling.block"},
		{422, `{"recipe":{"data":{"name":"moons"},"coupling":{"name":"semidiscrete","points":1000000}}}`, "coupling.points"},
		{422, `{"recipe":{"data":{"name":"/etc/passwd"}}}`, "data.name"},
		{422, `{"recipe":{"data":{"name":"moons"},"source":"/etc/passwd"}}`, "source"},
		{422, `{"recipe":{"data":{"name":"digits"}}}`, "data.name"},
		{422, `{"recipe":{"data":{"name":"moons","label":"class"}}}`, "data.label"},
		{422, `{"recipe":{"data":{"name":"moons"}},"data":{"points_f64":"` + points(100) + `"}}`, "data.name"},
		{422, `{"recipe":{"data":{"name":"a.csv"}},"data":{"points_f64":"` + points(3) + `"}}`, "data.name"},
		{422, `{"recipe":{"data":{"name":"a.csv"}},"data":{"points_f64":"` + points(20001) + `"}}`, "data.name"},
		{422, `{"recipe":{"data":{"name":"a.csv"}},"data":{"points_f64":"AAAA"}}`, "data.name"},
		{422, `{"recipe":{"data":{"name":"a.csv"}},"data":{"points_f64":"?"}}`, "data.name"},
		{422, `{"recipe":{"data":{"name":"a.csv"}},"data":{"points_f64":"` + strings.Repeat("/////////+9/", 40) + `"}}`, "data.name"},
		{404, `{"recipe":{"data":{"name":"moons"}},"beside":"nobody"}`, ""},
	} {
		w, b := s.call("POST", "/api/runs", c.body)
		var p problem
		if err := json.Unmarshal(b, &p); err != nil || p.Error == "" || strings.Contains(p.Error, "\n") {
			t.Errorf("%.90s: answer %.100s", c.body, b)
		}
		at := ""
		if len(p.Fields) > 0 {
			at = p.Fields[0].Path
		}
		if w.StatusCode != c.status || at != c.path {
			t.Errorf("%.90s: %s at %q, want %d at %q: %.120s", c.body, w.Status, at, c.status, c.path, b)
		}
	}
	// Equal points have no spread to standardise by: an answer, whatever it is, no crash.
	if w, b := s.call("POST", "/api/runs", `{"recipe":{"data":{"name":"a.csv"}},"data":{"points_f64":"`+points(100)+`"}}`); w.StatusCode >= 500 {
		t.Errorf("equal points: %s %s", w.Status, b)
	}
	if n := len(s.s.registry.all()); n > 1 {
		t.Errorf("%d runs came of it", n)
	}
}

// TestRoom: however many ask at once, no client gets more room than its budget,
// not even while a run moves into the room that was reserved for it.
func TestRoom(t *testing.T) {
	for range 100 {
		var g registry
		g.init(100, 1)
		if err := g.reserve("a"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var more, asked atomic.Int64
		over := make(chan struct{})
		for range 8 {
			wg.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					if g.reserve("a") == nil {
						more.Add(1)
					}
					asked.Add(1)
				}
			})
		}
		for asked.Load() < 100 {
			runtime.Gosched()
		}
		g.add(&job{id: "one", client: "a", state: running})
		close(over)
		wg.Wait()
		if n := more.Load(); n > 0 {
			t.Fatalf("%d more runs of a client that may have one", n)
		}
		if len(g.reserved) != 0 || g.reserve("b") != nil {
			t.Fatalf("%v stays reserved", g.reserved)
		}
	}
}

// TestOldestMakesRoom: of the runs that ended, the one that was asked for longest
// ago makes room.
func TestOldestMakesRoom(t *testing.T) {
	now := time.Now()
	for range 20 { // maps are read in any order
		var g registry
		g.init(4, 4)
		for id, j := range map[string]*job{
			"running": {state: running, seen: now.Add(-time.Hour)},
			"watched": {state: done, seen: now.Add(-time.Hour), listeners: 1},
			"old":     {state: done, seen: now.Add(-time.Minute)},
			"recent":  {state: stopped, seen: now.Add(-time.Second)},
		} {
			j.id = id
			g.jobs[id] = j
		}
		if err := g.reserve(""); err != nil {
			t.Fatal(err)
		}
		if len(g.jobs) != 3 || g.find("old", "") != nil {
			t.Fatalf("the run that made room is not the oldest: %d are left", len(g.jobs))
		}
	}
}

// TestUploads: of the tables that are received at the same time, a bounded number
// is held in memory; what else is asked is answered meanwhile.
func TestUploads(t *testing.T) {
	s := open(t, nil)
	for range maxUploads {
		if err := s.s.uploads.take(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	table := "x,y\n" + strings.Repeat("1,2\n3,4\n", 10)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/api/table", strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	if w, err := s.Client().Do(r); err == nil {
		w.Body.Close()
		t.Errorf("one more table is read: %s", w.Status)
	}
	s.ask(200, "GET", "/api/catalogue", "", nil)
	s.s.uploads.give()
	s.ask(200, "POST", "/api/table", table, nil)
}

// endlessBody is a body of as many zeros as are read.
type endlessBody struct {
	left int64
	read atomic.Int64
}

func (b *endlessBody) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), b.left))
	if n == 0 {
		return 0, io.EOF
	}
	for i := range p[:n] {
		p[i] = '1'
	}
	b.left -= int64(n)
	b.read.Add(int64(n))
	return n, nil
}

// TestHugeBody: a body of a gigabyte is refused after its first megabytes.
func TestHugeBody(t *testing.T) {
	s := open(t, nil)
	for path, most := range map[string]int64{"/api/runs": maxBody, "/api/table": s.s.cfg.Limits.UploadBytes} {
		body := &endlessBody{left: 1 << 30}
		r, err := http.NewRequest("POST", s.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 1 << 30
		r.Header.Set("Content-Type", "application/json")
		w, err := s.Client().Do(r)
		if err == nil {
			if w.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %s", path, w.Status)
			}
			w.Body.Close()
		} // else the connection was closed while the client still wrote
		if n := body.read.Load(); n > most+32<<20 {
			t.Errorf("%s took %d bytes", path, n)
		}
	}
	s.ask(200, "GET", "/api/catalogue", "", nil)
}

// TestZippedBomb: a small table that unzips to a large one is refused, soon.
func TestZippedBomb(t *testing.T) {
	s := open(t, func(c *Config) { c.Limits.UploadBytes = 1 << 20 })
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	row := []byte("1,2," + strings.Repeat("a", 1<<20) + "\n")
	for range 20 { // each row costs two numbers to keep, and a megabyte to read
		if _, err := z.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w, answer := s.call("POST", "/api/table?x=1&y=2", b.String())
	if w.StatusCode != 400 && w.StatusCode != 422 || !strings.Contains(string(answer), "unpacked") {
		t.Errorf("%d bytes of a bomb: %s %.200s", b.Len(), w.Status, answer)
	}
}

// TestManyRuns: of a hundred runs at once the budget's number is started and the
// others are told to come back; the server answers meanwhile, and a run that has
// ended makes room.
func TestManyRuns(t *testing.T) {
	s := open(t, nil)
	var mu sync.Mutex
	count := map[int]int{}
	var ids []string
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			w, err := s.Client().Post(s.URL+"/api/runs", "application/json", strings.NewReader(`{"recipe":`+endless+`}`))
			if err != nil {
				t.Error(err)
				return
			}
			defer w.Body.Close()
			var r startedRun
			_ = json.NewDecoder(w.Body).Decode(&r)
			mu.Lock()
			defer mu.Unlock()
			count[w.StatusCode]++
			if w.StatusCode == 201 {
				ids = append(ids, r.ID)
			} else if w.Header.Get("Retry-After") == "" {
				t.Errorf("%s does not say when to come back", w.Status)
			}
		})
	}
	wg.Wait()
	if want := s.s.cfg.ClientRuns; count[201] != want || count[429] != 100-want {
		t.Fatalf("answers %v, want %d runs", count, want)
	}
	s.ask(200, "GET", "/api/catalogue", "", nil)
	// All of them get their turns.
	for _, id := range ids {
		j := s.s.registry.find(id, "")
		for n := 0; j.step.Load() == 0; n++ {
			if n > 6000 {
				t.Fatal("a run never has its turn")
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	s.ask(200, "POST", "/api/runs/"+ids[0]+"/stop", "", nil)
	s.begin(quick, "")
	s.ask(404, "GET", "/api/runs/"+ids[0], "", nil)
}

// TestAbandoned: a run that nobody listens to any more is stopped, and later
// forgotten; one with a listener goes on.
func TestAbandoned(t *testing.T) {
	s := open(t, func(c *Config) { c.Grace, c.Keep = 200*time.Millisecond, 200*time.Millisecond })
	kept := s.begin(endless, "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/api/runs/"+kept.ID+"/events", nil)
	w, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	go func() { _, _ = io.Copy(io.Discard, w.Body) }()
	lost := s.begin(endless, "")
	j := s.s.registry.find(lost.ID, "")
	select {
	case <-j.over:
	case <-time.After(time.Minute):
		t.Fatal("an abandoned run goes on")
	}
	for n := 0; s.s.registry.find(lost.ID, "") != nil; n++ {
		if n > 6000 {
			t.Fatal("an ended run is kept for ever")
		}
		time.Sleep(5 * time.Millisecond)
	}
	j = s.s.registry.find(kept.ID, "")
	if j == nil || j.ended() {
		t.Fatal("a run that is listened to has ended")
	}
	cancel() // the tab is closed
	select {
	case <-j.over:
	case <-time.After(time.Minute):
		t.Fatal("a run goes on after its tab was closed")
	}
}

// TestSlowListener: a listener that reads nothing does not hold training up.
func TestSlowListener(t *testing.T) {
	s := open(t, nil)
	r := s.begin(strings.Replace(quick, `"steps":60`, `"steps":3000`, 1), "")
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /api/runs/%s/events HTTP/1.1\r\nHost: localhost\r\n\r\n", r.ID)
	s.listen(r.ID, "", nil)
	if j := s.s.registry.find(r.ID, ""); j.status() != done {
		t.Errorf("the run is %s", j.status())
	}
}

// TestToken: beyond loopback nothing is answered without the token, clients do not
// see each other's runs, and each has its own budget.
func TestToken(t *testing.T) {
	s := open(t, func(c *Config) { c.Token, c.ClientRuns = "open sesame", 2 })
	for _, path := range []string{"/", "/api/catalogue", "/?token=wrong", "/api/catalogue?token=open"} {
		if w, b := s.call("GET", path, "", "Host", "10.0.0.7:8787"); w.StatusCode != 401 {
			t.Errorf("%s: %s %.80s", path, w.Status, b)
		}
	}
	if w, _ := s.call("GET", "/", "", "Cookie", cookieName+"=AAAA.BBBB"); w.StatusCode != 401 {
		t.Errorf("a forged cookie: %s", w.Status)
	}
	if w, _ := s.call("GET", "/", "", "Cookie", cookieName+"=."); w.StatusCode != 401 {
		t.Errorf("an empty cookie: %s", w.Status)
	}
	visit := func() visitor {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar}
		w, err := client.Get(s.URL + "/?token=open+sesame")
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		if w.StatusCode != 200 || w.Request.URL.RawQuery != "" {
			t.Fatalf("the token opens: %s at %s", w.Status, w.Request.URL)
		}
		// A link in another site's page must open it: no Strict cookie survives that.
		if c := w.Request.Response.Cookies()[0]; c.SameSite != http.SameSiteLaxMode || !c.HttpOnly {
			t.Errorf("the cookie is %v", c)
		}
		cookies := jar.Cookies(w.Request.URL)
		if len(cookies) != 1 {
			t.Fatalf("cookies %v", cookies)
		}
		return s.with(client)
	}
	a, b := visit(), visit()
	body := `{"recipe":` + endless + `}`
	var mine startedRun
	if status := a.post("/api/runs", body, &mine); status != 201 {
		t.Fatalf("a run: %d", status)
	}
	if status := b.get("/api/runs/" + mine.ID); status != 404 {
		t.Errorf("another client's run: %d", status)
	}
	if status := a.get("/api/runs/" + mine.ID); status != 200 {
		t.Errorf("one's own run: %d", status)
	}
	if status := a.post("/api/runs", body, nil); status != 201 {
		t.Errorf("the second run: %d", status)
	}
	if status := a.post("/api/runs", body, nil); status != 429 {
		t.Errorf("the third run: %d", status)
	}
	if status := b.post("/api/runs", body, nil); status != 201 {
		t.Errorf("another client's run: %d", status)
	}
}

// visitor is a client with a cookie.
type visitor struct {
	client *http.Client
	url    string
	t      *testing.T
}

func (s site) with(c *http.Client) visitor { return visitor{c, s.URL, s.t} }

func (v visitor) get(path string) int {
	w, err := v.client.Get(v.url + path)
	if err != nil {
		v.t.Fatal(err)
	}
	w.Body.Close()
	return w.StatusCode
}

func (v visitor) post(path, body string, into any) int {
	w, err := v.client.Post(v.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	defer w.Body.Close()
	if into != nil {
		if err := json.NewDecoder(w.Body).Decode(into); err != nil {
			v.t.Fatal(err)
		}
	}
	return w.StatusCode
}

// TestClassroom: thirty clients train at the same time, and all come to an end.
func TestClassroom(t *testing.T) {
	if testing.Short() {
		t.Skip("thirty runs")
	}
	s := open(t, func(c *Config) { c.Token, c.ClientRuns = "open sesame", 4 })
	var wg sync.WaitGroup
	for range 30 {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar, Transport: &http.Transport{}}
		wg.Go(func() {
			defer client.CloseIdleConnections()
			w, err := client.Get(s.URL + "/?token=open+sesame")
			if err != nil {
				t.Error(err)
				return
			}
			w.Body.Close()
			w, err = client.Post(s.URL+"/api/runs", "application/json", strings.NewReader(`{"recipe":`+quick+`}`))
			if err != nil {
				t.Error(err)
				return
			}
			var r startedRun
			err = json.NewDecoder(w.Body).Decode(&r)
			w.Body.Close()
			if err != nil || w.StatusCode != 201 {
				t.Errorf("%s %v", w.Status, err)
				return
			}
			w, err = client.Get(s.URL + "/api/runs/" + r.ID + "/events")
			if err != nil {
				t.Error(err)
				return
			}
			b, err := io.ReadAll(w.Body)
			w.Body.Close()
			if err != nil || !strings.Contains(string(b), `"state":"done"`) {
				t.Errorf("a run ended with %v, %.100q", err, b[max(0, len(b)-100):])
			}
		})
	}
	wg.Wait()
}

// TestPanic: a fault in a part of a run fails the run, one in a handler is
// answered; the server lives on.
func TestPanic(t *testing.T) {
	s := open(t, nil)
	h := s.s.guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://localhost/", nil)
	h.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), "oh") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	started := s.begin(endless, `,"paused":true`)
	j := s.s.registry.find(started.ID, "")
	j.guard(func() error { panic("dear") })
	<-j.over
	events := s.listen(started.ID, "", nil)
	if e := events[len(events)-1]; e.data["state"] != failed || !strings.Contains(fmt.Sprint(e.data["error"]), "dear") {
		t.Errorf("the end: %v", e)
	}
}

// TestDiverged: a run whose loss is not finite ends with advice.
func TestDiverged(t *testing.T) {
	s := open(t, nil)
	r := s.begin(`{"data":{"name":"moons"},"optim":{"method":"sgd","rate":1000000,"clip":0,"warmup":0},"train":{"steps":500}}`, "")
	events := s.listen(r.ID, "", nil)
	e := events[len(events)-1]
	if e.data["state"] != failed || !strings.Contains(fmt.Sprint(e.data["error"]), "learning rate") {
		t.Errorf("the end: %v", e)
	}
}

// TestStory: a story stays short and keeps its newest events, its states and the
// last frame.
func TestStory(t *testing.T) {
	s := newStory()
	s.add(tellState, "begin")
	for i := range 50_000 {
		s.add(tellProgress, i)
		s.add(tellFrame, i)
	}
	s.add(tellEnd, "end")
	all, _ := s.after(0)
	if len(all) > storyLength+1 || len(all) < storyLength/2 {
		t.Errorf("%d events are kept", len(all))
	}
	kinds := map[string]int{}
	for i, e := range all {
		kinds[e.kind]++
		if i > 0 && e.id <= all[i-1].id {
			t.Fatal("out of order")
		}
	}
	if kinds[tellState] != 1 || kinds[tellFrame] != 1 || kinds[tellEnd] != 1 {
		t.Errorf("kinds %v", kinds)
	}
	if e := all[len(all)-3]; e.kind != tellProgress || string(e.data) != "49999" {
		t.Errorf("the newest step is gone: %s", e.data)
	}
	if first := all[1]; string(first.data) != "0" {
		t.Errorf("the first step is gone: %s", first.data)
	}
	for range 10_000 {
		s.add(tellState, "pause")
	}
	if all, _ := s.after(0); len(all) > storyLength+1 {
		t.Errorf("%d events of pauses", len(all))
	}
}

// TestTurns: those who wait are served in their order.
func TestTurns(t *testing.T) {
	u := newTurns(1)
	if err := u.take(context.Background()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			if err := u.take(context.Background()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			u.give()
		})
		for n := runtime.NumGoroutine(); ; {
			time.Sleep(20 * time.Millisecond) // until it waits
			if runtime.NumGoroutine() == n {
				break
			}
			n = runtime.NumGoroutine()
		}
	}
	u.give()
	wg.Wait()
	for i, v := range order {
		if i != v {
			t.Fatalf("order %v", order)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = u.take(context.Background())
	if u.take(ctx) == nil {
		t.Error("a turn is taken after the end")
	}
}

// TestLongStream: the time that a request may take to arrive does not bound how
// long its answer may take.
func TestLongStream(t *testing.T) {
	c := Defaults()
	c.Heartbeat = 50 * time.Millisecond
	s := New(c)
	h := httptest.NewUnstartedServer(s)
	h.Config.ReadTimeout = 200 * time.Millisecond
	h.Start()
	defer s.Close()
	defer h.Close()
	r := site{h, t, s}.begin(endless, `,"paused":true`)
	w, err := h.Client().Get(h.URL + "/api/runs/" + r.ID + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	begin, b := time.Now(), make([]byte, 1024)
	for time.Since(begin) < time.Second {
		if _, err := w.Body.Read(b); err != nil {
			t.Fatalf("the stream ended after %v: %v", time.Since(begin), err)
		}
	}
}

// TestStalledRequest: a request that does not arrive is dropped, and the others
// are served meanwhile.
func TestStalledRequest(t *testing.T) {
	s := New(Defaults())
	h := httptest.NewUnstartedServer(s)
	h.Config.ReadTimeout, h.Config.ReadHeaderTimeout = 300*time.Millisecond, 300*time.Millisecond
	h.Start()
	defer s.Close()
	defer h.Close()
	for _, begun := range []string{
		"GET /api/cat",
		"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	} {
		c, err := net.Dial("tcp", h.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, begun)
		site{h, t, s}.ask(200, "GET", "/api/catalogue", "", nil)
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%q: the connection stays: %v", begun, err)
		}
		c.Close()
	}
}
