package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time that this process's threads have used.
func cpuTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err) // the clock is part of every Linux
	}
	return time.Duration(t.Nano())
}

// memory is what this process holds and has held at most, in MiB.
func memory() (now, most float64) {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		var kib float64
		switch field, rest, _ := strings.Cut(line, ":"); field {
		case "VmRSS":
			_, _ = fmt.Sscan(rest, &kib)
			now = kib / 1024
		case "VmHWM":
			_, _ = fmt.Sscan(rest, &kib)
			most = kib / 1024
		}
	}
	return now, most
}

// forgetMemory has memory tell the most that was held from here on.
func forgetMemory() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// startOn starts cmd on the last cores of those that this process may use; the
// first one is where interrupts usually go. A child inherits the affinity of
// the thread that starts it.
func startOn(cmd *exec.Cmd, cores int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, some unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("reading the affinity: %w", err)
	}
	if all.Count() < cores {
		return fmt.Errorf("%d cores are needed, %d are here", cores, all.Count())
	}
	for cpu := len(all)*64 - 1; cpu >= 0 && some.Count() < cores; cpu-- {
		if all.IsSet(cpu) {
			some.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &some); err != nil {
		return fmt.Errorf("pinning to %d cores: %w", cores, err)
	}
	err := cmd.Start()
	if back := unix.SchedSetaffinity(0, &all); err == nil {
		err = back
	}
	return err
}
