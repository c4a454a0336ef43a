// What is drawn on a canvas. Everything is in the network's numbers, mapped to
// the square by a Plot.

import { at, type Trajectory } from "./flow/solve.ts";
import { MESH, POINTS, type Side } from "./side.ts";
import type { State } from "./state.ts";

export interface Palette {
  ground: string;
  ink: string;
  faint: string;
  noise: string;
  mid: string;
  data: string;
  exact: string;
  dark: boolean;
}

export function palette(): Palette {
  const css = getComputedStyle(document.documentElement), v = (n: string) => css.getPropertyValue(n).trim();
  return {
    ground: v("--plate"), ink: v("--ink"), faint: v("--faint"), noise: v("--noise"), mid: v("--mid"), data: v("--data"), exact: v("--exact"),
    dark: v("--scheme") === "dark",
  };
}

const rgb = (c: string): [number, number, number] =>
  (c.startsWith("#") ? [1, 3, 5].map((i) => Number.parseInt(c.slice(i, i + 2), 16)) : (c.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number)) as [number, number, number];
export function mix(a: string, b: string, w: number, alpha = 1): string {
  const x = rgb(a), y = rgb(b);
  return `rgba(${x.map((v, i) => Math.round(v + (y[i] - v) * w)).join(",")},${alpha})`;
}

/** The colour of time: noise, then neither, then data. */
export function hue(p: Palette, t: number, alpha = 1): string {
  return t < 0.5 ? mix(p.noise, p.mid, 2 * t, alpha) : mix(p.mid, p.data, 2 * t - 1, alpha);
}

/** A square canvas with its scale. */
export class Plot {
  readonly g: CanvasRenderingContext2D;
  size = 0;
  ratio = 1;
  private box: readonly number[] = [-3, -3, 3, 3];

  constructor(readonly canvas: HTMLCanvasElement) {
    this.g = canvas.getContext("2d") as CanvasRenderingContext2D;
  }

  begin(box: readonly number[], p: Palette): void {
    const size = this.canvas.clientWidth || 400, ratio = Math.min(2, window.devicePixelRatio || 1);
    const px = Math.round(size * ratio);
    if (this.canvas.width !== px || this.canvas.height !== px) {
      this.canvas.width = px;
      this.canvas.height = px;
    }
    this.size = size;
    this.ratio = ratio;
    this.box = box;
    this.g.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.g.fillStyle = p.ground;
    this.g.fillRect(0, 0, size, size);
    this.g.lineJoin = this.g.lineCap = "round";
  }

  x(v: number): number {
    return ((v - this.box[0]) / (this.box[2] - this.box[0])) * this.size;
  }
  y(v: number): number {
    return this.size - ((v - this.box[1]) / (this.box[3] - this.box[1])) * this.size;
  }
  /** The point under a pixel. */
  unmap(px: number, py: number): [number, number] {
    const b = this.box;
    return [b[0] + (px / this.size) * (b[2] - b[0]), b[1] + (1 - py / this.size) * (b[3] - b[1])];
  }

  dots(p: Float32Array, n: number, side: number, colour: string): void {
    const g = this.g, h = side / 2, b = this.box, k = this.size / (b[2] - b[0]);
    g.fillStyle = colour;
    for (let i = 0; i < 2 * n; i += 2) g.fillRect((p[i] - b[0]) * k - h, this.size - (p[i + 1] - b[1]) * k - h, side, side);
  }

  disc(x: number, y: number, r: number, fill: string, stroke = ""): void {
    const g = this.g;
    g.beginPath();
    g.arc(this.x(x), this.y(y), r, 0, 2 * Math.PI);
    g.fillStyle = fill;
    g.fill();
    if (stroke) {
      g.strokeStyle = stroke;
      g.lineWidth = 1.5;
      g.stroke();
    }
  }

  /** The path of row i of a trajectory between two times. */
  trace(tr: Trajectory, i: number, from: number, to: number): void {
    const g = this.g, len = 2 * tr.rows, k = 2 * i;
    const point = (u: number): [number, number] => {
      const s = Math.min(tr.steps - 1, Math.floor(u * tr.steps)), w = u * tr.steps - s, a = s * len + k, f = tr.frames;
      return [f[a] * (1 - w) + f[a + len] * w, f[a + 1] * (1 - w) + f[a + len + 1] * w];
    };
    const [x, y] = point(from);
    g.moveTo(this.x(x), this.y(y));
    for (let s = Math.floor(from * tr.steps) + 1; s < to * tr.steps; s++) g.lineTo(this.x(tr.frames[s * len + k]), this.y(tr.frames[s * len + k + 1]));
    const [u, v] = point(to);
    g.lineTo(this.x(u), this.y(v));
  }

  /** An arrow from a point along (dx, dy) pixels. */
  arrow(x: number, y: number, dx: number, dy: number): void {
    const g = this.g, l = Math.hypot(dx, dy);
    if (l < 0.8) return;
    const px = this.x(x) - dx / 2, py = this.y(y) + dy / 2, ex = px + dx, ey = py - dy, a = Math.min(4.2, l * 0.42), c = dx / l, s = -dy / l;
    g.moveTo(px, py);
    g.lineTo(ex, ey);
    g.moveTo(ex - a * (c + 0.5 * s), ey - a * (s - 0.5 * c));
    g.lineTo(ex, ey);
    g.lineTo(ex - a * (c - 0.5 * s), ey - a * (s + 0.5 * c));
  }
}

let scratch = new Float32Array();
const room = (n: number): Float32Array => (scratch.length < n ? (scratch = new Float32Array(n)) : scratch);

/** Where particles are, on a grid over the box, from above as pictures are. */
function bin(p: Float32Array, n: number, box: readonly number[], m: number): Float32Array {
  const bins = new Float32Array(m * m), k = m / (box[2] - box[0]);
  for (let i = 0; i < 2 * n; i += 2) {
    const u = (p[i] - box[0]) * k - 0.5, v = (box[3] - p[i + 1]) * k - 0.5, a = Math.floor(u), b = Math.floor(v);
    if (a < 0 || b < 0 || a >= m - 1 || b >= m - 1) continue;
    const fu = u - a, fv = v - b, o = b * m + a;
    bins[o] += (1 - fu) * (1 - fv);
    bins[o + 1] += fu * (1 - fv);
    bins[o + m] += (1 - fu) * fv;
    bins[o + m + 1] += fu * fv;
  }
  let from = bins, to = new Float32Array(m * m);
  for (const d of [1, m, 1, m]) {
    for (let i = 0; i < m * m; i++) to[i] = 0.25 * (from[i - d] ?? 0) + 0.5 * from[i] + 0.25 * (from[i + d] ?? 0);
    [from, to] = [to, from];
  }
  return from;
}

const fromAbove = (v: Float32Array, n: number): Float32Array => v.map((_, i) => v[(n - 1 - Math.floor(i / n)) * n + (i % n)]);

/** Paints a grid of densities, m x m from above, over a box. */
function heat(plot: Plot, v: Float32Array, m: number, box: readonly number[], colour: string, dark: boolean): void {
  let top = 0;
  for (const p of v) if (p > top) top = p;
  const img = new ImageData(m, m), [r, g, b] = rgb(colour);
  for (let i = 0; i < m * m; i++) img.data.set([r, g, b, Math.round(255 * (dark ? 0.75 : 0.62) * Math.sqrt(Math.max(0, v[i]) / (top || 1)))], 4 * i);
  const c = (heatCanvas ??= document.createElement("canvas"));
  c.width = c.height = m;
  (c.getContext("2d") as CanvasRenderingContext2D).putImageData(img, 0, 0);
  plot.g.imageSmoothingEnabled = true;
  plot.g.imageSmoothingQuality = "high";
  const x = plot.x(box[0]), y = plot.y(box[3]);
  plot.g.drawImage(c, x, y, plot.x(box[2]) - x, plot.y(box[1]) - y);
}
let heatCanvas: HTMLCanvasElement | null = null;

/** The flow of a side at time t, with the layers that the state asks for. */
export function drawFlow(plot: Plot, side: Side, s: State, t: number, p: Palette): void {
  plot.begin(side.box, p);
  const g = plot.g, tr = side.flow, small = plot.size < 360;
  cross(plot, p);
  if (s.show.includes("data")) plot.dots(side.data, Math.min(side.data.length / 2, 1200), small ? 1.4 : 1.8, mix(p.data, p.ground, 0, p.dark ? 0.32 : 0.3));
  const rows = tr ? tr.rows : Math.min(s.n, 1500);
  const x = tr ? at(tr, t, room(2 * rows)) : side.start(rows, s.seed);
  if (s.show.includes("density") && tr) {
    // At its end the model's own density, once it rests; else that of the particles.
    if (t > 0.995) side.weigh();
    const own = t > 0.995 ? side.density : null;
    if (own) heat(plot, fromAbove(own.p, own.n), own.n, own.box, hue(p, 1), p.dark);
    else heat(plot, bin(x, rows, side.box, 72), 72, side.box, hue(p, t), p.dark);
  }
  if (s.show.includes("grid") && side.grid) {
    const gr = side.grid;
    const y = at(gr, t, new Float32Array(2 * gr.rows));
    g.beginPath();
    for (let l = 0; l < 2 * MESH; l++) {
      for (let j = 0; j < POINTS; j++) {
        const k = 2 * (l * POINTS + j);
        if (j === 0) g.moveTo(plot.x(y[k]), plot.y(y[k + 1]));
        else g.lineTo(plot.x(y[k]), plot.y(y[k + 1]));
      }
    }
    g.strokeStyle = mix(p.ink, p.ground, 0.2, 0.38);
    g.lineWidth = 1;
    g.stroke();
  }
  if (s.show.includes("arrows")) {
    side.arrowsAt(t);
    const a = side.arrows;
    if (a) {
      let top = 0;
      for (let i = 0; i < a.v.length; i += 2) top = Math.max(top, Math.hypot(a.v[i], a.v[i + 1]));
      const k = (plot.size / 19 / (top || 1)) * 1.35;
      g.beginPath();
      for (let i = 0; i < a.x.length; i += 2) {
        const l = Math.hypot(a.v[i], a.v[i + 1]) || 1, m = Math.min(k, (plot.size / 19 / l) * 0.95);
        plot.arrow(a.x[i], a.x[i + 1], a.v[i] * m, a.v[i + 1] * m);
      }
      g.strokeStyle = mix(p.ink, p.ground, 0.1, 0.62);
      g.lineWidth = 1.1;
      g.stroke();
    }
  }
  if (tr && s.show.includes("trails") && s.view === "flow" && t > 0) {
    const count = Math.min(rows, small ? 160 : 320);
    for (const [from, alpha] of [[Math.max(0, t - 0.55), 0.14], [Math.max(0, t - 0.22), 0.24]] as const) {
      g.beginPath();
      for (let i = 0; i < count; i++) plot.trace(tr, i, from, t);
      g.strokeStyle = hue(p, t, p.dark ? alpha * 1.3 : alpha);
      g.lineWidth = 1;
      g.stroke();
    }
  }
  const side2 = (small ? 1.8 : 2.6) * (rows > 3000 ? 0.8 : 1);
  plot.dots(x, rows, side2, hue(p, tr ? t : 0, s.view === "steps" ? 0.35 : p.dark ? 0.85 : 0.75));

  if (s.view === "steps" && tr && side.fine) {
    const count = Math.min(small ? 12 : 28, side.fine.rows, rows), dot = small ? 0.65 : 1;
    g.lineWidth = 1.6;
    g.beginPath();
    for (let i = 0; i < count; i++) plot.trace(side.fine, i, 0, 1);
    g.strokeStyle = mix(p.exact, p.ground, 0, 0.85);
    g.stroke();
    g.beginPath();
    for (let i = 0; i < count; i++) plot.trace(tr, i, 0, 1);
    g.strokeStyle = mix(p.ink, p.ground, 0, 0.75);
    g.lineWidth = 1.15;
    g.stroke();
    if (tr.steps <= 24) {
      for (let i = 0; i < count; i++) {
        for (let k = 0; k <= tr.steps; k++) {
          const o = 2 * (k * tr.rows + i);
          plot.disc(tr.frames[o], tr.frames[o + 1], dot * (k === 0 || k === tr.steps ? 3 : 1.9), k === 0 ? p.noise : k === tr.steps ? p.data : p.ink);
        }
      }
    }
    for (let i = 0; i < count; i++) plot.disc(x[2 * i], x[2 * i + 1], 3.4 * dot, hue(p, t), p.ground);
  }
  if (side.drops) {
    const { coarse, fine } = side.drops;
    g.beginPath();
    for (let i = 0; i < fine.rows; i++) plot.trace(fine, i, 0, 1);
    g.strokeStyle = p.exact;
    g.lineWidth = 2.2;
    g.stroke();
    g.beginPath();
    for (let i = 0; i < coarse.rows; i++) plot.trace(coarse, i, 0, 1);
    g.strokeStyle = p.ink;
    g.setLineDash([4, 4]);
    g.lineWidth = 1.4;
    g.stroke();
    g.setLineDash([]);
    const y = at(coarse, t, new Float32Array(2 * coarse.rows));
    for (let i = 0; i < coarse.rows; i++) {
      plot.disc(coarse.frames[2 * i], coarse.frames[2 * i + 1], 3.5, p.ground, p.noise);
      plot.disc(y[2 * i], y[2 * i + 1], 5.5, hue(p, t), p.ink);
    }
  }
}

/** Faint axes through the origin, with ticks. */
export function cross(plot: Plot, p: Palette): void {
  const g = plot.g;
  g.strokeStyle = p.faint;
  g.lineWidth = 1;
  g.beginPath();
  const ox = Math.round(plot.x(0)) + 0.5, oy = Math.round(plot.y(0)) + 0.5;
  g.moveTo(ox, 0);
  g.lineTo(ox, plot.size);
  g.moveTo(0, oy);
  g.lineTo(plot.size, oy);
  for (let k = -9; k <= 9; k++) {
    if (!k) continue;
    g.moveTo(Math.round(plot.x(k)) + 0.5, oy - 3);
    g.lineTo(Math.round(plot.x(k)) + 0.5, oy + 3);
    g.moveTo(ox - 3, Math.round(plot.y(k)) + 0.5);
    g.lineTo(ox + 3, Math.round(plot.y(k)) + 0.5);
  }
  g.stroke();
}
