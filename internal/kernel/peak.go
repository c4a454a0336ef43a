package kernel

// PeakFMA runs about n multiply-adds on registers alone, in enough independent
// chains to keep every unit busy, and returns the number of floating-point
// operations done, two for each multiply-add. Who times it has the peak of one
// core that products can be held against; a millisecond is enough.
func (s *Set) PeakFMA(n int) (flops int) {
	per := s.lanes * s.accs
	for turns := (n + per - 1) / per; turns > 0; {
		t := min(turns, 10_000)
		s.peak(t)
		flops += 2 * per * t
		turns -= t
	}
	return flops
}
