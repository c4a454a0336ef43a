//go:build race

package coupling_test

// Under the race detector sync.Pool forgets at random, so that allocations
// cannot be counted.
const racing = true
