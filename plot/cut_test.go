package plot

import (
	"math"
	"testing"
)

func area(p []pt) (a float64) {
	for i, q := range p {
		o := p[(i+len(p)-1)%len(p)]
		a += (o.x*q.y - q.x*o.y) / 2
	}
	return math.Abs(a)
}

func TestCut(t *testing.T) {
	b := rect{0, 0, 10, 4}
	for _, c := range []struct {
		name string
		p    []pt
		area float64
	}{
		{"within", []pt{{1, 1}, {3, 1}, {3, 2}}, 1},
		{"around", []pt{{-1e9, -1e9}, {1e9, -1e9}, {1e9, 1e9}, {-1e9, 1e9}}, 40},
		{"over one side", []pt{{8, 1}, {12, 1}, {12, 3}, {8, 3}}, 4},
		{"corner cut off", []pt{{-2, 0}, {0, -2}, {4, 2}, {2, 4}}, 10},
		{"outside", []pt{{11, 1}, {12, 1}, {12, 3}}, 0},
		{"not finite", []pt{{1, 1}, {math.Inf(1), 1}, {3, 2}}, 0},
	} {
		got := b.cut(c.p)
		if a := area(got); math.Abs(a-c.area) > 1e-5 {
			t.Errorf("%s: area %v, want %v: %v", c.name, a, c.area, got)
		}
		for _, q := range got {
			if q.x < -1e-6 || q.x > 10+1e-6 || q.y < -1e-6 || q.y > 4+1e-6 {
				t.Errorf("%s: %v is outside", c.name, q)
			}
		}
	}
}

// A long line drawn in tiles is the line drawn at once.
func TestTilesDoNotShow(t *testing.T) {
	line, tiled, whole := []pt{{100 - 1e4, 75 - 6.5e3}, {100 + 1e4, 75 + 6.5e3}}, newRaster(400, 300, 2), newRaster(400, 300, 2)
	tiled.strokes([][]pt{line}, 3, rgba{A: 200})
	// Two polygons are never tiled; the second one is out of sight.
	ps := append(outline(line, 1.5, 2, false), []pt{{-9, -9}, {-8, -9}, {-8, -8}})
	whole.polygons(ps, rgba{A: 200})
	drawn := 0
	for i, v := range whole.img.Pix {
		if d := int(v) - int(tiled.img.Pix[i]); d > 2 || d < -2 {
			t.Fatalf("byte %d: %d in tiles, %d at once", i, tiled.img.Pix[i], v)
		}
		if v > 0 {
			drawn++
		}
	}
	if drawn == 0 {
		t.Error("nothing was drawn")
	}
}
