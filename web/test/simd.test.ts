import assert from "node:assert/strict";
import test from "node:test";
import { kernels } from "../src/flow/simd.ts";

const memory = new WebAssembly.Memory({ initial: 16 }), f = new Float32Array(memory.buffer);

test("the logistic kernel is right to the last digits of float32, also far out", () => {
  const k = kernels(memory);
  assert.ok(k);
  const n = 4000, x = f.subarray(0, n), y = f.subarray(8192, 8192 + n);
  x.forEach((_, i) => (x[i] = (i - n / 2) / 20));
  k.sigmoid(0, 8192 * 4, n);
  for (let i = 0; i < n; i++) {
    const want = 1 / (1 + Math.exp(-x[i]));
    assert.ok(Math.abs(y[i] - want) <= 4e-7 * want + 1e-37, `sigmoid(${x[i]}) = ${y[i]}, not ${want}`);
  }
  assert.equal(f[8192 + n], 0, "it writes beyond its end");
});

test("the product kernel is the product, for any inner size, and writes nowhere else", () => {
  const k = kernels(memory);
  assert.ok(k);
  for (const [rows, inner, cols] of [[4, 1, 8], [8, 7, 8], [4, 33, 24], [64, 3, 16]]) {
    f.fill(0);
    const X = 16, W = 20_000, Y = 60_000, w = (p: number, j: number) => Math.sin(p * 7 + j * 3);
    for (let i = 0; i < rows * inner; i++) f[X + i] = Math.cos(i * 5);
    for (let j = 0; j < cols; j++) for (let p = 0; p < inner; p++) f[W + ((j >> 3) * inner + p) * 8 + (j & 7)] = w(p, j);
    f[Y - 1] = f[Y + rows * cols] = 42;
    k.linear(X * 4, W * 4, Y * 4, rows, inner, cols);
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < cols; j++) {
        let want = 0;
        for (let p = 0; p < inner; p++) want += f[X + r * inner + p] * Math.fround(w(p, j));
        assert.ok(Math.abs(f[Y + r * cols + j] - want) < 1e-5, `${rows}x${inner}x${cols} at ${r}, ${j}`);
      }
    }
    assert.deepEqual([f[Y - 1], f[Y + rows * cols]], [42, 42]);
  }
});
