//go:build !race

package run_test

// racing reports that the race detector is on.
const racing = false
