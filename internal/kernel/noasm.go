//go:build !amd64 || purego

package kernel

// accelerated returns no set: there is no assembly for this build.
func accelerated() []*Set { return nil }
