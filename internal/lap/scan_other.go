//go:build !amd64 || purego

package lap

func bestTwo32(c, p []float32) (m1, m2 float32, at int) { return bestTwo32Go(c, p) }

func bestTwo64(c []float32, v []float64) (m1, m2 float64, at int) { return bestTwo64Go(c, v) }

func relax64(c []float32, v, key []float64, pred []int64, h float64, row int64) (least float64, at int) {
	return relax64Go(c, v, key, pred, h, row)
}

func rangeOf(c []float32) (lo, hi, nan float32) { return rangeGo(c) }

func distRow(dst, yt, x []float32, stride int, root bool) { distRowGo(dst, yt, x, stride, root) }
