//go:build amd64 && !purego

package kernel

func accelerated() []*Set { return nil }
