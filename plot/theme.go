package plot

import "image/color"

type rgba = color.NRGBA

func hex(v uint32) rgba { return rgba{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 255} }

// alpha returns c with opacity a.
func alpha(c rgba, a float64) rgba {
	c.A = uint8(a*255 + 0.5)
	return c
}

// mix returns the colour a share s of the way from a to b.
func mix(a, b rgba, s float64) rgba {
	m := func(x, y uint8) uint8 { return uint8(float64(x) + s*(float64(y)-float64(x)) + 0.5) }
	return rgba{R: m(a.R, b.R), G: m(a.G, b.G), B: m(a.B, b.B), A: m(a.A, b.A)}
}

// theme is the one set of colours that all figures use.
type theme struct {
	page, ink, muted, grid, data rgba
	noise, way, sample, held     rgba
	series                       []rgba // of charts with several lines
	heat                         []rgba // of densities, from none to most
}

func themeOf(dark bool) theme {
	if dark {
		t := theme{
			page: hex(0x11151F), ink: hex(0xE8EBF2), muted: hex(0x98A2B5), grid: hex(0x262D3D), data: hex(0x5B667C),
			noise: hex(0xF0B23E), way: hex(0xD98AA5), sample: hex(0x4FB0EA), held: hex(0x2FC796),
			heat: []rgba{hex(0x11151F), hex(0x16335A), hex(0x1F6CA8), hex(0x56B4E9), hex(0xF4D58A), hex(0xFFF6DC)},
		}
		t.series = []rgba{t.sample, t.noise, t.held, hex(0xF07F3C), hex(0xDD92BC), hex(0x98A2B5), hex(0xC9A77C), hex(0xE8EBF2)}
		return t
	}
	t := theme{
		page: hex(0xFFFFFF), ink: hex(0x1D2330), muted: hex(0x667085), grid: hex(0xE9ECF1), data: hex(0xB4BBC7),
		noise: hex(0xE69F00), way: hex(0xC2607F), sample: hex(0x0072B2), held: hex(0x009E73),
		heat: []rgba{hex(0xFFFFFF), hex(0xDCE9F5), hex(0x94C1E1), hex(0x3E8AC4), hex(0x0B5394), hex(0x072A52)},
	}
	t.series = []rgba{t.sample, t.noise, t.held, hex(0xD55E00), hex(0xCC79A7), hex(0x56B4E9), hex(0x7A5C2E), hex(0x1D2330)}
	return t
}

// time is the colour of time t in [0, 1], from amber by rose to blue.
func (th theme) time(t float64) rgba { return ramp([]rgba{th.noise, th.way, th.sample}, t) }

// ramp reads a list of evenly spaced colours at s in [0, 1].
func ramp(stops []rgba, s float64) rgba {
	s = min(max(s, 0), 1) * float64(len(stops)-1)
	i := min(int(s), len(stops)-2)
	return mix(stops[i], stops[i+1], s-float64(i))
}
