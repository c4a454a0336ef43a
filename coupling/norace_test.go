//go:build !race

package coupling_test

const racing = false
