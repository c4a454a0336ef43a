import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Network } from "../src/flow/network.ts";
import { ProgramError, type Program } from "../src/flow/program.ts";
import { noise } from "../src/flow/rng.ts";
import { solve, tableau } from "../src/flow/solve.ts";

interface Fixture {
  name: string;
  program: Program;
  params: string;
  seed: number;
  noise: string;
  runs: { method: string; steps: number; end: string }[];
}

const floats = (s: string): Float32Array => {
  const b = Buffer.from(s, "base64");
  return Float32Array.from({ length: b.length / 4 }, (_, i) => b.readFloatLE(4 * i));
};
const fixtures = JSON.parse(readFileSync("test/fixtures/networks.json", "utf8")) as Fixture[];

function furthest(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length);
  let d = 0;
  for (let i = 0; i < a.length; i++) d = Math.max(d, Number.isFinite(a[i]) ? Math.abs(a[i] - b[i]) : Infinity);
  return d;
}

for (const plain of [false, true]) {
  for (const f of fixtures) {
    test(`${f.name} ends where Go ends${plain ? ", without vector kernels" : ""}`, (t) => {
      const net = new Network(f.program, { plain });
      assert.equal(net.fast, !plain);
      net.load(floats(f.params));
      const x0 = floats(f.noise);
      for (const r of f.runs) {
        const tr = solve(net, x0, tableau(r.method), r.steps);
        const d = furthest(tr.frames.subarray(r.steps * x0.length), floats(r.end));
        t.diagnostic(`${r.method}, ${r.steps} steps: ${d.toExponential(1)}`);
        assert.ok(d < 1e-4, `${r.method}: ${d}`);
      }
    });
  }
}

test("the page's noise is Go's, bit for bit", () => {
  for (const f of fixtures) {
    const want = floats(f.noise);
    assert.deepEqual(noise(f.seed, want.length / 2), want);
  }
});

test("a program that the page cannot run is refused with the operation's name", () => {
  const p = structuredClone(fixtures[0].program);
  p.nodes.find((n) => n.op === "relu")!.op = "bessel";
  assert.throws(() => new Network(p), (e) => e instanceof ProgramError && /bessel/.test(e.message));
});

test("parameters of another network are refused", () => {
  assert.throws(() => new Network(fixtures[0].program).load(new Float32Array(3)), ProgramError);
});
