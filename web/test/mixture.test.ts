import assert from "node:assert/strict";
import test from "node:test";
import { Mixture, schedules } from "../src/flow/mixture.ts";
import { noise } from "../src/flow/rng.ts";
import { at, solve, stepsFor, tableau } from "../src/flow/solve.ts";

const one = Float32Array.from([1.5, -0.5]), s = 0.3;

test("to one blurred point the exact flow is affine", () => {
  const x0 = noise(5, 40), tr = solve(new Mixture(one, s, schedules.linear), x0, tableau("rk4"), 60);
  for (let i = 0; i < x0.length; i++) assert.ok(Math.abs(tr.frames[60 * x0.length + i] - (one[i % 2] + s * x0[i])) < 1e-4);
});

test("so it is along the variance-preserving path, up to the noise left in its beginning", () => {
  const x0 = noise(5, 40), tr = solve(new Mixture(one, s, schedules.vp), x0, tableau("rk4"), 400);
  for (let i = 0; i < x0.length; i++) assert.ok(Math.abs(tr.frames[400 * x0.length + i] - (one[i % 2] + s * x0[i])) < 0.02);
});

test("schedules tell their own derivatives", () => {
  for (const f of Object.values(schedules)) {
    for (const t of [0.1, 0.5, 0.9]) {
      const h = 1e-5, a = f(t - h), b = f(t + h), m = f(t);
      assert.ok(Math.abs((b.alpha - a.alpha) / (2 * h) - m.dalpha) < 1e-5);
      assert.ok(Math.abs((b.sigma - a.sigma) / (2 * h) - m.dsigma) < 1e-5);
    }
  }
});

test("the velocity is the mean of the pairs' velocities", () => {
  // Simulated: x_t = (1-t) x0 + t (mu_k + s z), averaged where x_t is near a place.
  const mu = Float32Array.from([1, 0, -1, 0.4]), t = 0.6, h = 0.05, rows = 300_000;
  const z = noise(11, rows, 4), place = [0.1, 0.2];
  let w = 0, ux = 0, uy = 0;
  for (let i = 0; i < rows; i++) {
    const k = 2 * (i % 2), x1 = mu[k] + s * z[4 * i + 2], y1 = mu[k + 1] + s * z[4 * i + 3], x0 = z[4 * i], y0 = z[4 * i + 1];
    const dx = (1 - t) * x0 + t * x1 - place[0], dy = (1 - t) * y0 + t * y1 - place[1], g = Math.exp(-(dx * dx + dy * dy) / (2 * h * h));
    w += g;
    ux += g * (x1 - x0);
    uy += g * (y1 - y0);
  }
  const v = new Float32Array(2);
  new Mixture(mu, s, schedules.linear).velocity(v, Float32Array.from(place), t, 1);
  assert.ok(Math.hypot(v[0] - ux / w, v[1] - uy / w) < 0.08, `${v} against ${ux / w}, ${uy / w}`);
});

test("solvers have their orders, and points between steps lie between", () => {
  const x0 = noise(1, 4), f = new Mixture(Float32Array.from([1, 0, -1, 0.4]), 0.5, schedules.linear);
  const end = (name: string, steps: number) => solve(f, x0, tableau(name), steps).frames.slice(-8);
  const exact = end("rk4", 80), err = (name: string, n: number) => Math.max(...end(name, n).map((v, i) => Math.abs(v - exact[i])));
  assert.ok(err("euler", 10) / err("euler", 20) > 1.7);
  assert.ok(err("heun", 8) / err("heun", 16) > 3, `${err("heun", 8)}, ${err("heun", 16)}`);
  assert.ok(err("midpoint", 8) / err("midpoint", 16) > 3);
  assert.ok(err("rk4", 8) < err("heun", 16) / 5, `${err("rk4", 8)}`);
  assert.equal(stepsFor(tableau("rk4"), 10), 2);
  assert.equal(stepsFor(tableau("heun"), 1), 1);
  const tr = solve(f, x0, tableau("euler"), 2), mid = at(tr, 0.25, new Float32Array(8));
  mid.forEach((v, i) => assert.ok(Math.abs(v - (tr.frames[i] + tr.frames[8 + i]) / 2) < 1e-6));
});
