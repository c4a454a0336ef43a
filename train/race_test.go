//go:build race

package train_test

// Under the race detector sync.Pool forgets at random, so that allocations
// cannot be counted.
const racing = true
