package serve

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// policy lets the page load from where it came only.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
	"connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// cookieName names the cookie of a client that has shown the token. Its value is
// the client's number and the proof that this server gave it.
const cookieName = "laminar"

// guarded puts before h all that decides whether a request is answered at all.
func (s *Server) guarded(h http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	clients := newClients(s.cfg.Token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				writeFault(w, faultf(http.StatusInternalServerError, "a fault in the server: %v", v))
			}
		}()
		err := s.admitted(r, origins)
		if err == nil && s.cfg.Token != "" {
			if clients.welcome(w, r) {
				return
			}
			r, err = clients.known(r)
		}
		if err == nil && s.ctx.Err() != nil {
			err = faultf(http.StatusServiceUnavailable, "the server is stopping")
		}
		if err != nil {
			writeFault(w, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// admitted returns an error for requests that come by way of another site: under
// a foreign name for this address (DNS rebinding), from its scripts and forms, or
// as parts of its pages.
func (s *Server) admitted(r *http.Request, origins *http.CrossOriginProtection) error {
	if s.cfg.Token == "" && !loopbackName(r.Host) {
		return faultf(http.StatusForbidden, "the host %q is not this machine; open http://127.0.0.1 or http://localhost with the port", r.Host)
	}
	if err := origins.Check(r); err != nil {
		return faultf(http.StatusForbidden, "requests of another site are refused")
	}
	if o := r.Header.Get("Origin"); o != "" {
		if u, err := url.Parse(o); err != nil || u.Host != r.Host {
			return faultf(http.StatusForbidden, "requests of another site are refused")
		}
	}
	site, mode := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode")
	if site == "cross-site" || site == "same-site" {
		if strings.HasPrefix(r.URL.Path, "/api/") || mode != "navigate" {
			return faultf(http.StatusForbidden, "requests of another site are refused")
		}
	}
	return nil
}

// loopbackName reports whether a Host header names this machine to itself.
func loopbackName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(name, "localhost") || strings.EqualFold(name, "localhost.") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// clients knows who has shown the token.
type clients struct {
	token  string
	secret string // of this process
}

func newClients(token string) *clients { return &clients{token, rand.Text()} }

// welcome gives a client that shows the token its cookie, and sends it on.
func (c *clients) welcome(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	shown := q.Get("token")
	if r.Method != http.MethodGet || shown == "" || subtle.ConstantTimeCompare([]byte(shown), []byte(c.token)) != 1 {
		return false
	}
	if _, err := c.known(r); err != nil {
		id := rand.Text()
		// Lax: Strict would be withheld from the redirect after a link on another
		// site, in a chat say, which is how a class gets the address.
		http.SetCookie(w, &http.Cookie{
			Name: cookieName, Value: id + "." + c.proof(id), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
			MaxAge: int((30 * 24 * time.Hour).Seconds()),
		})
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return true
}

// known returns r with its client's number in the context, or a 401.
func (c *clients) known(r *http.Request) (*http.Request, error) {
	if k, err := r.Cookie(cookieName); err == nil {
		id, proof, _ := strings.Cut(k.Value, ".")
		if subtle.ConstantTimeCompare([]byte(proof), []byte(c.proof(id))) == 1 {
			return withClient(r, id), nil
		}
	}
	return r, faultf(http.StatusUnauthorized, "open the address with its token: http://%s/?token=TOKEN, as the server printed it", r.Host)
}

// proof is what nobody but this process can compute for a client's number.
func (c *clients) proof(id string) string { return hex.EncodeToString(mac(c.secret+c.token, id)) }
