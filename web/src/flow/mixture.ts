// The exact field from N(0, I) to a cloud of points, each blurred a little: what
// a perfect network would answer under independent pairs. With the path
// x_t = alpha x1 + sigma x0, given point k, x_t is N(alpha mu_k, v) with
// v = (alpha s)^2 + sigma^2, and
//
//   u_t(x) = sum_k p(k | x) [alpha' mu_k + (alpha alpha' s^2 + sigma sigma') / v (x - alpha mu_k)]

import type { Field } from "./network.ts";

export type Schedule = (t: number) => { alpha: number; sigma: number; dalpha: number; dsigma: number };

export const schedules: Record<string, Schedule> = {
  linear: (t) => ({ alpha: t, sigma: 1 - t, dalpha: 1, dsigma: -1 }),
  /** Variance preserving, noise rates 0.1 to 20 (Song et al. 2021), with time
   * from noise to data. */
  vp: (t) => {
    const u = Math.max(1 - t, 1e-6), e = (u * u * 19.9) / 2 + u * 0.1, rate = -u * 19.9 - 0.1;
    const alpha = Math.exp(-e / 2), sigma = Math.sqrt(-Math.expm1(-e));
    return { alpha, sigma, dalpha: (-rate / 2) * alpha, dsigma: ((rate / 2) * Math.exp(-e)) / sigma };
  },
};

export class Mixture implements Field {
  readonly dim = 2;

  constructor(private readonly mean: Float32Array, private readonly std: number, private readonly schedule: Schedule) {}

  velocity(out: Float32Array, x: Float32Array, t: number, rows: number): void {
    const { alpha, sigma, dalpha, dsigma } = this.schedule(t), s2 = this.std * this.std;
    const v = alpha * alpha * s2 + sigma * sigma, rate = (alpha * dalpha * s2 + sigma * dsigma) / v, n = this.mean.length;
    for (let r = 0; r < 2 * rows; r += 2) {
      let best = Infinity;
      const px = x[r], py = x[r + 1];
      for (let k = 0; k < n; k += 2) {
        const dx = px - alpha * this.mean[k], dy = py - alpha * this.mean[k + 1], d = dx * dx + dy * dy;
        if (d < best) best = d;
      }
      let sum = 0, mx = 0, my = 0;
      for (let k = 0; k < n; k += 2) {
        const dx = px - alpha * this.mean[k], dy = py - alpha * this.mean[k + 1], e = (best - dx * dx - dy * dy) / (2 * v);
        if (e < -18) continue;
        const p = Math.exp(e);
        sum += p;
        mx += p * this.mean[k];
        my += p * this.mean[k + 1];
      }
      mx /= sum;
      my /= sum;
      out[r] = dalpha * mx + rate * (px - alpha * mx);
      out[r + 1] = dalpha * my + rate * (py - alpha * my);
    }
  }
}
