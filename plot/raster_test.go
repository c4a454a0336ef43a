package plot

import (
	"image"
	"testing"
)

// Particles that do not move are as common as constant columns: their lines
// must not be drawn over the whole picture.
func TestLineWithoutLengthIsNotDrawn(t *testing.T) {
	r := newRaster(40, 40, 1)
	r.strokes([][]pt{{{x: 20, y: 20}, {x: 20, y: 20}}}, 2, rgba{A: 255})
	if size := r.shape.Size(); size != (image.Point{}) {
		t.Errorf("a raster of %v pixels was filled for nothing", size)
	}
}
