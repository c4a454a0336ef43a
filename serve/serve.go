// Package serve is the playground's server: one page, and over HTTP the same
// recipes, trainer and model files that the command line has. Training goes
// through recipe.Compose and train.Trainer; there is no second implementation.
//
//	s := serve.New(serve.Defaults())
//	l, err := net.Listen("tcp", "127.0.0.1:8787")
//	err = s.Serve(ctx, l) // until ctx ends
//
// docs/playground-api.md describes every endpoint. What the package promises:
//
//   - A run is a job of its own goroutine, bounded in size, that shares the cores
//     in turns with the others. Its events are a story that any number of
//     listeners read at their own pace; a slow one skips, none holds training up.
//   - A run to which nobody listens is stopped; one that ended is forgotten after
//     a while, or when room is needed.
//   - No request opens a file: data are the built-in sets and the points that come
//     with a request.
//   - Requests of other sites are refused. Beyond loopback every request needs a
//     token (Config.Token), and each client has a budget of runs.
//
// The package holds no state outside a Server and writes no logs.
package serve

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"laminar/recipe"
	"laminar/web"
)

// Config is how to serve. Start from Defaults.
type Config struct {
	// Version is what the catalogue says of the program.
	Version string
	// Command returns the command line that trains a recipe, and whether its flags
	// say all of it; nil answers that no line does.
	Command func(recipe.Recipe) (line string, complete bool)
	// Token, if not empty, must be shown before anything is served; see Server.
	// Without one only hosts of the loopback interface are answered.
	Token string
	// Files is the page.
	Files fs.FS
	// Limits bound what a recipe may ask for.
	Limits Limits
	// Runs bounds the runs that are kept; ClientRuns those of one client.
	Runs, ClientRuns int
	// Slots is the number of runs that train at the same moment, the others wait
	// for their turn; 0 is one for every two cores.
	Slots int
	// Grace is how long a run trains with nobody listening; Keep how long one that
	// ended is kept after the last request for it.
	Grace, Keep time.Duration
	// Heartbeat is the time between signs of life on an idle stream of events.
	Heartbeat time.Duration
}

// Limits bound a recipe and what comes with it.
type Limits struct {
	Width  int `json:"width"`
	Depth  int `json:"depth"`
	Params int `json:"params"`
	Batch  int `json:"batch"`
	Steps  int `json:"steps"`
	// Points is the most rows of own data, and of any answer.
	Points int `json:"points"`
	// UploadBytes is the longest table that is read.
	UploadBytes int64 `json:"upload_bytes"`
	// Runs is the most runs of one client.
	Runs int `json:"runs"`
}

// Defaults serves the embedded page on loopback.
func Defaults() Config {
	return Config{
		Files:  web.Files(),
		Limits: Limits{Width: 512, Depth: 8, Params: 1_000_000, Batch: 1024, Steps: 200_000, Points: 20_000, UploadBytes: 16 << 20},
		Runs:   64, ClientRuns: 8,
		Grace: 30 * time.Second, Keep: 10 * time.Minute, Heartbeat: 10 * time.Second,
	}
}

// maxBody is the longest JSON body that is read.
const maxBody = 2 << 20

// maxConns is the number of connections served at a time, maxUploads that of
// tables held in memory.
const maxConns, maxUploads = 512, 8

// Server serves the playground. It is safe for concurrent use. Close it, or let
// Serve do so.
//
// With a Token, a request to any path with the query token=TOKEN sets a cookie
// and is sent on to the path without it; every other request needs the cookie.
type Server struct {
	cfg     Config
	handler http.Handler
	// ctx ends when the server closes; running jobs and streams end with it.
	ctx  context.Context
	stop context.CancelFunc
	jobs sync.WaitGroup

	training  *turns // of runs
	measuring *turns // of measurements, which take a core beside them
	heavy     *turns // of requests that compute
	learning  *turns // of couplings that learn from all the data, for seconds
	uploads   *turns // of tables that are being received

	registry registry
	catalog  func() ([]byte, error)
	page     *page
}

// New returns a server. It starts a goroutine that forgets old runs; Close ends
// it.
func New(c Config) *Server {
	if c.Slots <= 0 {
		c.Slots = max(1, runtime.GOMAXPROCS(0)/2)
	}
	c.Limits.Runs = c.ClientRuns
	s := &Server{
		cfg: c, training: newTurns(c.Slots), measuring: newTurns(max(1, runtime.GOMAXPROCS(0)/4)),
		heavy: newTurns(2), learning: newTurns(1), uploads: newTurns(maxUploads), page: newPage(c.Files),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.registry.init(c.Runs, c.ClientRuns)
	s.catalog = sync.OnceValues(s.makeCatalogue)
	s.handler = s.guarded(s.routes())
	s.jobs.Go(s.reap)
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() http.Handler {
	m := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /api/catalogue":           s.catalogue,
		"GET /api/points":              s.points,
		"POST /api/table":              s.table,
		"POST /api/command":            s.command,
		"POST /api/pairs":              s.pairs,
		"POST /api/runs":               s.start,
		"GET /api/runs/{id}":           s.described,
		"DELETE /api/runs/{id}":        s.remove,
		"POST /api/runs/{id}/{action}": s.act,
		"GET /api/runs/{id}/events":    s.events,
		"GET /api/runs/{id}/params":    s.params,
		"GET /api/runs/{id}/points":    s.runPoints,
		"GET /api/runs/{id}/quality":   s.quality,
		"GET /api/runs/{id}/density":   s.density,
		"GET /api/runs/{id}/model":     s.model,
		"GET /api/runs/{id}/film.gif":  s.film,
		"GET /api/runs/{id}/recipe":    s.recipe,
	} {
		m.Handle(pattern, s.answered(h))
	}
	m.Handle("/api/", s.answered(func(w http.ResponseWriter, r *http.Request) error {
		return s.unknownPath(m, r)
	}))
	m.Handle("/", s.page)
	return m
}

// unknownPath tells a wrong method from a path that does not exist.
func (s *Server) unknownPath(m *http.ServeMux, r *http.Request) error {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		try := r.Clone(r.Context())
		try.Method = method
		if _, pattern := m.Handler(try); pattern != "/api/" {
			return faultf(http.StatusMethodNotAllowed, "%s does not take %s; use %s", r.URL.Path, r.Method, method)
		}
	}
	return faultf(http.StatusNotFound, "there is no %s", r.URL.Path)
}

// Serve answers the connections of l until ctx ends, then stops the runs, closes
// l, and gives requests under way a moment to end.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second, // until the body is read; answers have deadlines of their own
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ErrorLog:          silent,
	}
	done := make(chan error, 1)
	go func() { done <- h.Serve(newLimited(l, maxConns)) }()
	select {
	case err := <-done:
		s.Close()
		return err
	case <-ctx.Done():
	}
	s.stop()
	end, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	err := h.Shutdown(end)
	if errors.Is(err, context.DeadlineExceeded) {
		err = h.Close()
	}
	<-done
	s.Close()
	return err
}

// Close stops all runs and waits for them.
func (s *Server) Close() {
	s.stop()
	s.jobs.Wait()
}
