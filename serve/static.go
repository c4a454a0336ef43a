package serve

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// page serves the built files of the page from memory, gzipped once.
type page struct{ files map[string]asset }

type asset struct {
	plain, zipped []byte // zipped is nil where it would be longer
	kind, tag     string
}

// newPage reads all files; those that cannot be read are missing.
func newPage(files fs.FS) *page {
	p := &page{map[string]asset{}}
	if files == nil {
		return p
	}
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if b, err := fs.ReadFile(files, name); err == nil {
			p.files["/"+name] = newAsset(name, b)
		}
		return nil
	})
	return p
}

func newAsset(name string, b []byte) asset {
	sum := sha256.Sum256(b)
	a := asset{plain: b, kind: mime.TypeByExtension(path.Ext(name)), tag: hex.EncodeToString(sum[:12])}
	if k, ok := kinds[path.Ext(name)]; ok {
		a.kind = k
	}
	if a.kind == "" {
		a.kind = "application/octet-stream"
	}
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err != nil {
		return a
	}
	if _, err = w.Write(b); err == nil && w.Close() == nil && z.Len() < len(b) {
		a.zipped = z.Bytes()
	}
	return a
}

// kinds are the types that a machine's own table may have wrong.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".json": "application/json", ".woff2": "font/woff2", ".wasm": "application/wasm",
	".webmanifest": "application/manifest+json",
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeFault(w, faultf(http.StatusMethodNotAllowed, "%s does not take %s", r.URL.Path, r.Method))
		return
	}
	name := r.URL.Path
	if name == "/" {
		name = "/index.html"
	}
	a, ok := p.files[name]
	if !ok {
		writeFault(w, faultf(http.StatusNotFound, "there is no %s", r.URL.Path))
		return
	}
	// An error only says that this writer has no deadlines (a test's).
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute))
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "/assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, tag := a.plain, a.tag
	if a.zipped != nil && takesGzip(r) {
		body, tag = a.zipped, a.tag+"z"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// takesGzip reports whether the client's Accept-Encoding lists gzip.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			w := strings.ReplaceAll(weight, " ", "")
			return w != "q=0" && w != "q=0.0" && w != "q=0.00" && w != "q=0.000"
		}
	}
	return false
}
