package run

import (
	"context"

	"laminar/sample"
	"laminar/solve"
	"laminar/tensor"
)

// tableChunk is the number of rows of a table that are drawn at a time.
const tableChunk = 1 << 14

// DrawTable draws rows of a model of tables in the numbers of its schema and hands
// them to emit, chunk by chunk, so that any number of them takes no more memory
// than a few. Row i depends on c.Seed and on c.First + i only.
func (s *Saved) DrawTable(ctx context.Context, c sample.Config, emit func(rows tensor.Matrix[float64], first int) error) (solve.Stats, error) {
	var total solve.Stats
	for lo := 0; lo < c.N; lo += tableChunk {
		part := c
		part.N, part.First = min(tableChunk, c.N-lo), c.First+lo
		z, stats, err := sample.Latent(ctx, s.Model, part)
		if err != nil {
			return total, err
		}
		rows, err := s.cells(z)
		if err != nil {
			return total, err
		}
		if err := emit(rows, part.First); err != nil {
			return total, err
		}
		total.NFE += stats.NFE * float64(part.N) / float64(c.N)
		total.MaxNFE = max(total.MaxNFE, stats.MaxNFE)
	}
	return total, nil
}
