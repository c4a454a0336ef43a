package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Round is what one side reports for a number of repetitions.
type Round struct {
	Reps   int     `json:"reps"`
	CPU    float64 `json:"cpu_s"`
	Wall   float64 `json:"wall_s"`
	Answer float64 `json:"answer"`
	// Peak is the core's float32 peak in GFLOP/s, measured right after the
	// round; 0 when the side cannot tell.
	Peak float64 `json:"peak_gflops,omitempty"`
	// Memory is the most that was held since the set-up beyond what the process
	// held before it, in MiB; 0 when the side cannot tell.
	Memory float64 `json:"memory_mib,omitempty"`
}

// seconds is the time of one repetition.
func (r Round) seconds(wall bool) float64 {
	if wall {
		return r.Wall / float64(r.Reps)
	}
	return r.CPU / float64(r.Reps)
}

// Side is a running process that does one work, round by round.
type Side struct {
	Versions map[string]string
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Scanner
	stderr   strings.Builder
}

// start runs a command on the given number of cores and waits until it is
// ready. A package that it lacks is the error's text.
func start(cores int, name string, args ...string) (*Side, error) {
	s := &Side{cmd: exec.Command(name, args...)}
	s.cmd.Stderr = &s.stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.in, s.out = in, bufio.NewScanner(out)
	if err := startOn(s.cmd, cores); err != nil {
		return nil, err
	}
	var hello struct {
		Ready   map[string]string `json:"ready"`
		Missing string            `json:"missing"`
	}
	if err := s.read(&hello); err != nil {
		return nil, err
	}
	if hello.Missing != "" {
		s.stop()
		return nil, errors.New(hello.Missing)
	}
	s.Versions = hello.Ready
	return s, nil
}

// round asks for reps repetitions of the round's work and waits for them.
func (s *Side) round(reps, round int) (Round, error) {
	var r Round
	if _, err := fmt.Fprintln(s.in, reps, round); err != nil {
		return r, s.fail(err)
	}
	if err := s.read(&r); err != nil {
		return r, err
	}
	if r.Reps != reps || r.CPU < 0 || r.Wall <= 0 {
		return r, fmt.Errorf("%s answered %d repetitions in %g s, asked for %d", s.cmd.Path, r.Reps, r.Wall, reps)
	}
	return r, nil
}

func (s *Side) read(v any) error {
	if !s.out.Scan() {
		err := s.out.Err()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return s.fail(err)
	}
	if err := json.Unmarshal(s.out.Bytes(), v); err != nil {
		return s.fail(fmt.Errorf("unreadable line %q: %w", s.out.Text(), err))
	}
	return nil
}

// fail ends the process and says why, in the last line that it wrote to
// standard error if there is one.
func (s *Side) fail(err error) error {
	s.stop()
	lines := strings.Split(strings.TrimSpace(s.stderr.String()), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return fmt.Errorf("%s: %s", s.cmd.Path, last)
	}
	return fmt.Errorf("%s: %w", s.cmd.Path, err)
}

// stop ends the process by closing its input.
func (s *Side) stop() {
	s.in.Close()
	_ = s.cmd.Wait()
}
