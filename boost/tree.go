package boost

// node is a question about one input, or a leaf.
type node struct {
	feature     int32 // -1 for a leaf
	left, right int32
	bin         uint8      // a number goes left if its bin is at most this
	missing     bool       // a missing number goes left
	set         *[4]uint64 // of a category: the bins that go left
	value       float64    // the answer of a leaf
	gain        float64    // the worth of a split
}

// next is the child that a row goes to whose input is in bin b.
func (d *node) next(b uint8) int32 {
	left := b <= d.bin
	switch {
	case d.set != nil:
		left = d.set[b>>6]>>(b&63)&1 == 1
	case b == 0:
		left = d.missing
	}
	if left {
		return d.left
	}
	return d.right
}

// tree is its nodes, the root first.
type tree []node
