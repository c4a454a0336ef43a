//go:build !race

package field_test

const racing = false
