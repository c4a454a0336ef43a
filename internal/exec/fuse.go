package exec

// fuse rewrites groups of operations to kernels that do them at once.
func (c *compiler) fuse() {}
