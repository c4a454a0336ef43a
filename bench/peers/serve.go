package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"laminar/internal/kernel"
)

// serve is the Go side of the named work; the protocol is that of peers.py.
func serve(name string, in io.Reader, out io.Writer) error {
	w, err := find(name)
	if err != nil {
		return err
	}
	reply := json.NewEncoder(out)
	before, _ := memory()
	job, err := w.Go()
	if err != nil {
		return err
	}
	debug.FreeOSMemory()
	forgetMemory()
	if err := reply.Encode(map[string]any{"ready": map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go"), "kernels": kernel.Best().Name()}}); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var reps, round int
		if _, err := fmt.Sscan(lines.Text(), &reps, &round); err != nil || reps < 1 || round < 0 {
			return fmt.Errorf("%q is not a number of repetitions and a round", lines.Text())
		}
		if job.Prepare != nil {
			if err := job.Prepare(round); err != nil {
				return err
			}
		}
		cpu, wall := cpuTime(), time.Now()
		for range reps {
			if err := job.Step(); err != nil {
				return err
			}
		}
		r := Round{Reps: reps, CPU: (cpuTime() - cpu).Seconds(), Wall: time.Since(wall).Seconds()}
		r.Answer = job.Answer()
		if w.Flops > 0 {
			r.Peak = peak()
		}
		if _, most := memory(); most > before {
			r.Memory = most - before
		}
		if err := reply.Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

func find(name string) (Work, error) {
	for _, w := range works {
		if w.Name == name {
			if w.Go == nil {
				return w, fmt.Errorf("%s has no Go side yet", name)
			}
			return w, nil
		}
	}
	return Work{}, fmt.Errorf("no work is called %q", name)
}
