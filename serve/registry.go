package serve

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// registry holds the runs. It is bounded: a new run takes the place of the one
// that ended and was asked for longest ago.
type registry struct {
	mu         sync.Mutex
	jobs       map[string]*job
	reserved   map[string]int // by client, of runs being made
	most, each int
}

func (g *registry) init(most, each int) {
	g.jobs, g.reserved, g.most, g.each = map[string]*job{}, map[string]int{}, most, each
}

// retry is when a client that has no room should ask again.
const retry = 5 * time.Second

// reserve makes room for a run of a client, or says that there is none. The room
// is taken by add or given back by release.
func (g *registry) reserve(client string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		all, mine := len(g.jobs), g.reserved[client]
		for _, n := range g.reserved {
			all += n
		}
		for _, j := range g.jobs {
			if j.client == client {
				mine++
			}
		}
		switch {
		case mine >= g.each:
			if !g.evict(func(j *job) bool { return j.client == client }) {
				return &fault{http.StatusTooManyRequests, errMine(g.each), retry}
			}
		case all >= g.most:
			if !g.evict(func(*job) bool { return true }) {
				return &fault{http.StatusTooManyRequests, errAll(g.most), retry}
			}
		default:
			g.reserved[client]++
			return nil
		}
	}
}

func errMine(n int) error {
	return faultf(0, "%d runs are under way, which is all that one client may have; stop one, or wait", n)
}

func errAll(n int) error {
	return faultf(0, "%d runs are under way, which is all that this server holds; wait a moment", n)
}

// evict forgets the ended run that was asked for longest ago among those that ok
// accepts; it reports whether there was one.
func (g *registry) evict(ok func(*job) bool) bool {
	var oldest *job
	now, longest := time.Now(), time.Duration(-1)
	for _, j := range g.jobs {
		if !ok(j) || !j.ended() {
			continue
		}
		if d := j.lonely(now); d > longest {
			oldest, longest = j, d
		}
	}
	if oldest == nil {
		return false
	}
	delete(g.jobs, oldest.id)
	return true
}

// release gives back what was reserved for a client.
func (g *registry) release(client string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(client)
}

func (g *registry) leave(client string) {
	if g.reserved[client]--; g.reserved[client] == 0 {
		delete(g.reserved, client)
	}
}

// add registers a run in the room that was reserved for it; nobody can take the
// room between the two.
func (g *registry) add(j *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(j.client)
	g.jobs[j.id] = j
}

// find returns the run of that id if it is the client's, else nil.
func (g *registry) find(id, client string) *job {
	g.mu.Lock()
	defer g.mu.Unlock()
	if j := g.jobs[id]; j != nil && j.client == client {
		return j
	}
	return nil
}

func (g *registry) remove(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.jobs, id)
}

func (g *registry) all() []*job {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]*job, 0, len(g.jobs))
	for _, j := range g.jobs {
		out = append(out, j)
	}
	return out
}

// newID returns a name that cannot be guessed.
func newID() string { return rand.Text() }

// reap stops runs that nobody listens to, and forgets those that nobody asks for,
// until the server closes.
func (s *Server) reap() {
	tick := time.NewTicker(max(time.Millisecond, min(time.Second, s.cfg.Grace/4, s.cfg.Keep/4)))
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-tick.C:
			for _, j := range s.registry.all() {
				alone := j.lonely(now)
				switch {
				case alone > s.cfg.Grace && !j.ended():
					j.cancel()
				case alone > s.cfg.Keep && j.ended():
					s.registry.remove(j.id)
				}
			}
		}
	}
}
