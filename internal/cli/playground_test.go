package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPlayground: the verb prints its address, serves the page and the API there,
// and ends in order with its context.
func TestPlayground(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out, in := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, []string{"playground", "--json", "--no-browser", "--addr", "127.0.0.1:0"}, strings.NewReader(""), in, &stderr)
	}()
	var at playgroundAt
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		t.Fatal(err)
	}
	w, err := http.Post(at.Address+"api/command", "application/json", strings.NewReader(`{"recipe":{"data":{"name":"moons"},"train":{"seed":3}}}`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(w.Body)
	w.Body.Close()
	if err != nil || !strings.Contains(string(b), "laminar train moons --seed 3") {
		t.Errorf("command: %s %v", b, err)
	}
	if w, err = http.Get(at.Address); err != nil || w.StatusCode != 200 {
		t.Errorf("the page: %v %v", w, err)
	} else {
		w.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	select {
	case c := <-code:
		if c != exitOK {
			t.Errorf("exit code %d: %s", c, stderr.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("the verb does not end")
	}
}

// TestPlaygroundRefuses: what would open this machine to others by accident is
// an error of use.
func TestPlaygroundRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"--addr", "0.0.0.0:0"},
		{"--addr", ":0"},
		{"--addr", "example.com:80"},
		{"--addr", "127.0.0.1"},
		{"--token", "open-sesame"},
		{"--allow-remote", "--addr", "127.0.0.1:0", "--token", "short"},
		{"--allow-remote", "--addr", "127.0.0.1:0", "--token", "with a space"},
	} {
		var out, errs bytes.Buffer
		args = append([]string{"playground", "--no-browser"}, args...)
		if code := Main(context.Background(), args, strings.NewReader(""), &out, &errs); code != exitUsage {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
	}
}
