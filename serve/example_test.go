package serve_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"laminar/serve"
)

// A run is started by its recipe and tells its story as server-sent events.
func Example() {
	s := serve.New(serve.Defaults())
	defer s.Close()
	site := httptest.NewServer(s)
	defer site.Close()

	body := `{"recipe":{"preset":"fast","data":{"name":"moons"},"train":{"steps":50}}}`
	w, err := http.Post(site.URL+"/api/runs", "application/json", strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Body.Close()
	var run struct{ ID string }
	if err := json.NewDecoder(w.Body).Decode(&run); err != nil {
		fmt.Println(err)
		return
	}
	events, err := http.Get(site.URL + "/api/runs/" + run.ID + "/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer events.Body.Close()
	last := ""
	for in := bufio.NewScanner(events.Body); in.Scan(); {
		if kind, ok := strings.CutPrefix(in.Text(), "event: "); ok {
			last = kind
		}
	}
	fmt.Println("the last event:", last)
	// Output: the last event: end
}
