//go:build !race

package sample_test

// racing reports that the race detector is on.
const racing = false
