// Package arch holds the test of which package may import which; it has no code
// of its own.
//
// The packages stand on levels. A package imports lower levels only, and of
// those only what the table in arch_test.go lists: a new arrow is a decision, and
// is added there. Levels 0 to 4 neither open files or connections nor read flags
// nor log, and need no third party but golang.org/x/sys and gonum.org, except
// where the test grants one package another by name. Nothing needs cgo.
package arch
