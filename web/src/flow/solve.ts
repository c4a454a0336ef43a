// Explicit Runge-Kutta methods with fixed steps, as package solve has them: a
// tableau is data, a step is x + h sum b_i k_i. Sums are rounded to float32
// where Go rounds them, so that both end within rounding of each other.

import type { Field } from "./network.ts";

export interface Tableau {
  name: string;
  about: string;
  order: number;
  c: number[];
  a: number[][];
  b: number[];
  /** Follows the average velocity of each step, not that at its start: for
   * networks that were trained to tell it. */
  long?: boolean;
}

export const jump: Tableau = { name: "jump", about: "one evaluation for a step of any length: what MeanFlow and shortcut models learn", order: 1, c: [0], a: [[]], b: [1], long: true };

export const tableaux: Tableau[] = [
  { name: "euler", about: "Euler, order 1", order: 1, c: [0], a: [[]], b: [1] },
  { name: "midpoint", about: "midpoint, order 2", order: 2, c: [0, 0.5], a: [[], [0.5]], b: [0, 1] },
  { name: "heun", about: "Heun, order 2", order: 2, c: [0, 1], a: [[], [1]], b: [0.5, 0.5] },
  { name: "rk4", about: "Runge-Kutta, order 4", order: 4, c: [0, 0.5, 0.5, 1], a: [[], [0.5], [0, 0.5], [0, 0, 1]], b: [1 / 6, 1 / 3, 1 / 3, 1 / 6] },
];

export function tableau(name: string): Tableau {
  return [...tableaux, jump].find((m) => m.name === name) ?? tableaux[0];
}

/** Whole steps that nfe evaluations pay for; at least one. */
export const stepsFor = (m: Tableau, nfe: number): number => Math.max(1, Math.floor(nfe / m.c.length));

export interface Trajectory {
  /** steps + 1 snapshots of rows x dim numbers, from t0 to t1. */
  frames: Float32Array;
  rows: number;
  dim: number;
  steps: number;
  t0: number;
  t1: number;
}

/** Follows the field from t0 to t1 in equal steps and keeps every point on the
 * way. x is not changed. */
export function solve(f: Field, x: Float32Array, m: Tableau, steps: number, t0 = 0, t1 = 1): Trajectory {
  const dim = f.dim, len = x.length, rows = len / dim;
  const frames = new Float32Array(len * (steps + 1));
  frames.set(x);
  const k = m.c.map(() => new Float32Array(len)), stage = new Float32Array(len);
  for (let s = 0; s < steps; s++) {
    const from = t0 + ((t1 - t0) * s) / steps, h = t0 + ((t1 - t0) * (s + 1)) / steps - from;
    const here = frames.subarray(s * len, (s + 1) * len), next = frames.subarray((s + 1) * len, (s + 2) * len);
    for (let i = 0; i < m.c.length; i++) {
      let at = here;
      if (i > 0) {
        stage.set(here);
        combine(stage, k, m.a[i], h);
        at = stage;
      }
      f.velocity(k[i], at, from + m.c[i] * h, rows, m.long ? h : 0);
    }
    next.set(here);
    combine(next, k, m.b, h);
  }
  return { frames, rows, dim, steps, t0, t1 };
}

function combine(dst: Float32Array, k: Float32Array[], coef: number[], h: number): void {
  for (let j = 0; j < coef.length; j++) {
    const c = Math.fround(coef[j] * h), kj = k[j];
    if (c !== 0) for (let i = 0; i < dst.length; i++) dst[i] += c * kj[i];
  }
}

/** Writes the points at time t, straight between the snapshots beside it. */
export function at(tr: Trajectory, t: number, dst: Float32Array): Float32Array {
  const len = tr.rows * tr.dim;
  const u = Math.min(1, Math.max(0, (t - tr.t0) / (tr.t1 - tr.t0))) * tr.steps;
  const s = Math.min(tr.steps - 1, Math.floor(u)), w = u - s;
  const a = s * len, b = a + len;
  for (let i = 0; i < len; i++) dst[i] = tr.frames[a + i] * (1 - w) + tr.frames[b + i] * w;
  return dst;
}
