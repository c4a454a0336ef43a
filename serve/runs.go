package serve

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"laminar/metric"
	"laminar/recipe"
	"laminar/rng"
)

// start begins a run.
func (s *Server) start(w http.ResponseWriter, r *http.Request) error {
	sub, err := s.readSubject(w, r)
	if err != nil {
		return err
	}
	client := clientOf(r)
	if err := s.registry.reserve(client); err != nil {
		return err
	}
	j, err := s.prepare(r, sub, client)
	if err != nil {
		s.registry.release(client)
		return err
	}
	if s.ctx.Err() != nil {
		s.registry.release(client)
		return faultf(http.StatusServiceUnavailable, "the server is stopping")
	}
	j.start(s.ctx, sub.Paused)
	s.registry.add(j)
	return writeJSONStatus(w, http.StatusCreated, j.about)
}

// prepare makes the run that a subject describes.
func (s *Server) prepare(r *http.Request, sub subject, client string) (*job, error) {
	var other *job
	if sub.Beside != "" {
		if other = s.registry.find(sub.Beside, client); other == nil {
			return nil, faultf(http.StatusNotFound, "beside: there is no run %.40q", sub.Beside)
		}
	}
	plan, err := s.planned(r.Context(), sub)
	if err != nil {
		return nil, err
	}
	if err := s.heavy.take(r.Context()); err != nil {
		return nil, err
	}
	defer s.heavy.give()
	j, err := s.newJob(plan, newID(), client)
	if err != nil {
		return nil, err
	}
	if other != nil {
		j.beside.Store(other)
		other.beside.Store(j)
	}
	return j, nil
}

// jobOf returns the run that a request names.
func (s *Server) jobOf(r *http.Request) (*job, error) {
	id := r.PathValue("id")
	j := s.registry.find(id, clientOf(r))
	if j == nil {
		return nil, faultf(http.StatusNotFound, "there is no run %.40q; it may have been forgotten", id)
	}
	j.listen(0)
	return j, nil
}

func (s *Server) described(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	j.trainer.Lock()
	loss := metric.Number(j.t.Loss(100))
	j.trainer.Unlock()
	j.mu.Lock()
	state, seconds := j.state, j.seconds
	j.mu.Unlock()
	return writeJSON(w, struct {
		about
		State   string        `json:"state"`
		Step    int64         `json:"step"`
		Steps   int           `json:"steps"`
		Seconds float64       `json:"seconds"`
		Loss    metric.Number `json:"loss"`
	}{j.about, state, j.step.Load(), j.plan.Recipe.Train.Steps, seconds, loss})
}

// act pauses, resumes, steps or stops a run.
func (s *Server) act(w http.ResponseWriter, r *http.Request) error {
	action := r.PathValue("action")
	switch action {
	case "pause", "resume", "step", "stop":
	default:
		return faultf(http.StatusNotFound, "a run can pause, resume, step and stop, not %.40q", action)
	}
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	n, err := number(r, "n", 1, 1, 1000)
	if err != nil {
		return err
	}
	if err := j.act(action, n); err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"state": j.status(), "step": j.step.Load()})
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	s.registry.remove(j.id)
	j.cancel()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// events streams the story of a run.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	known := 0
	if text := r.Header.Get("Last-Event-ID"); text != "" {
		if known, err = strconv.Atoi(text); err != nil {
			return faultf(http.StatusBadRequest, "Last-Event-ID: %.40q is no number", text)
		}
	}
	j.listen(1)
	defer j.listen(-1)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	alive := time.NewTicker(s.cfg.Heartbeat)
	defer alive.Stop()
	for {
		events, grew := j.story.after(known)
		// Errors only say that this writer has no deadlines (a test's).
		_ = flush.SetWriteDeadline(time.Now().Add(10 * time.Second))
		for _, e := range events {
			if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.id, e.kind, e.data); err != nil {
				return nil // the listener is gone
			}
			known = e.id
			if e.kind == tellEnd {
				_ = flush.Flush()
				return nil
			}
		}
		if err := flush.Flush(); err != nil {
			return nil
		}
		select {
		case <-grew:
		case <-alive.C:
			if _, err := fmt.Fprint(w, ": alive\n\n"); err != nil {
				return nil
			}
		case <-r.Context().Done():
			return nil
		case <-s.ctx.Done():
			return nil
		}
	}
}

// params answers the parameters of the last frame.
func (s *Server) params(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	f := j.latest.Load()
	f.fetched.Store(true)
	h := w.Header()
	tag := fmt.Sprintf(`"%s-%d"`, j.id[:8], f.seq)
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Laminar-Step", strconv.Itoa(f.step))
	h.Set("Laminar-Seq", strconv.Itoa(f.seq))
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b := make([]byte, 0, 4*len(f.params))
	for _, v := range f.params {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, err = w.Write(b)
	return err
}

// runPoints answers rows of a run's source or data, in the network's space.
func (s *Server) runPoints(w http.ResponseWriter, r *http.Request) error {
	j, err := s.jobOf(r)
	if err != nil {
		return err
	}
	n, seed, err := s.drawing(r)
	if err != nil {
		return err
	}
	src := j.plan.Train
	switch of := r.URL.Query().Get("of"); of {
	case "data":
	case "source", "":
		src = j.plan.Source
	default:
		return faultf(http.StatusUnprocessableEntity, "of: %.40q is neither source nor data", of)
	}
	x, err := drawRows(src, n, rng.New(seed))
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"n": n, "x_f32": f32(x.Data)})
}

// command answers the command line that trains a recipe, and so validates it.
func (s *Server) command(w http.ResponseWriter, r *http.Request) error {
	sub, err := s.readSubject(w, r)
	if err != nil {
		return err
	}
	if err := s.heavy.take(r.Context()); err != nil {
		return err
	}
	defer s.heavy.give()
	plan, err := s.compose(sub)
	if err != nil {
		return err
	}
	size, err := s.size(plan)
	if err != nil {
		return err
	}
	line, complete := "", false
	if s.cfg.Command != nil {
		line, complete = s.cfg.Command(asGiven(sub, plan))
	}
	return writeJSON(w, map[string]any{"command": line, "complete": complete, "recipe": plan.Recipe, "params": size})
}

// asGiven is the recipe with the coupling that the request named: one that was
// left open needs no flag.
func asGiven(sub subject, plan *recipe.Plan) recipe.Recipe {
	given, err := recipe.Decode(sub.Recipe)
	if err != nil {
		return plan.Recipe
	}
	return given
}
