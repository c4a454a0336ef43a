package serve

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"laminar/flow"
)

// handler answers a request or returns why it cannot.
type handler func(w http.ResponseWriter, r *http.Request) error

// fault is an error with its HTTP status.
type fault struct {
	status int
	err    error
	after  time.Duration // when to try again
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func faultf(status int, format string, a ...any) *fault {
	return &fault{status: status, err: fmt.Errorf(format, a...)}
}

// answered makes an http.Handler of h: faults become answers. Each write of the
// answer has a deadline, so that a client that reads nothing does not stay.
func (s *Server) answered(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		// The error only says that this writer has no deadlines (a test's).
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * time.Minute))
		if err := h(w, r); err != nil && r.Context().Err() == nil {
			writeFault(w, err)
		} else if err != nil && s.ctx.Err() != nil {
			writeFault(w, faultf(http.StatusServiceUnavailable, "the server is stopping"))
		}
	})
}

// problem is the body of an answer that is a fault.
type problem struct {
	Error  string  `json:"error"`
	Fields []field `json:"fields,omitempty"`
}

type field struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

func writeFault(w http.ResponseWriter, err error) {
	p := problem{Error: strings.ReplaceAll(err.Error(), "\n", "; "), Fields: fieldsOf(err)}
	status := http.StatusInternalServerError
	var f *fault
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		status = f.status
		if f.after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.after.Seconds())))
		}
	case errors.As(err, &long):
		status = http.StatusRequestEntityTooLarge
		p.Error = fmt.Sprintf("the body is longer than %d bytes", long.Limit)
		w.Header().Set("Connection", "close")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		status = http.StatusServiceUnavailable
	case errors.Is(err, flow.ErrFormat):
		status = http.StatusBadRequest
	case errors.Is(err, flow.ErrConfig), errors.Is(err, flow.ErrShape), errors.Is(err, flow.ErrDiverged):
		status = http.StatusUnprocessableEntity
	}
	w.Header().Del("Content-Disposition")
	// A failure to write means that nobody is there to be told.
	_ = writeJSONStatus(w, status, p)
}

// fieldsOf lists the settings at fault in an error that may be several joined.
func fieldsOf(err error) []field {
	switch e := err.(type) {
	case *flow.FieldError:
		return []field{{e.Path, e.Msg}}
	case interface{ Unwrap() []error }:
		var out []field
		for _, one := range e.Unwrap() {
			out = append(out, fieldsOf(one)...)
		}
		return out
	case interface{ Unwrap() error }:
		return fieldsOf(e.Unwrap())
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) error { return writeJSONStatus(w, http.StatusOK, v) }

func writeJSONStatus(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(b, '\n'))
	return err
}

// clientKey is the context key of a client's number.
type clientKey struct{}

func withClient(r *http.Request, id string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), clientKey{}, id))
}

// clientOf returns the number of the client that asks, "" on loopback, where all
// are one.
func clientOf(r *http.Request) string {
	id, _ := r.Context().Value(clientKey{}).(string)
	return id
}

func mac(secret, text string) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}
