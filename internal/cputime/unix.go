//go:build unix

// Package cputime tells how much processor time this process has used, which is
// what work costs on a machine that others use too.
package cputime

import (
	"syscall"
	"time"
)

// Used is the processor time of this process on all cores so far; 0 where it is
// not known.
func Used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
