//go:build !linux

package main

import (
	"errors"
	"os/exec"
	"time"
)

func cpuTime() time.Duration { return 0 }

func startOn(*exec.Cmd, int) error {
	return errors.New("pinning a process to a core is written for Linux only")
}
