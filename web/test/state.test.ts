import assert from "node:assert/strict";
import test from "node:test";
import { MAX_INK, pack, unpack } from "../src/ink.ts";
import { lookup, nest } from "../src/recipe.ts";
import { type State, defaults, fromHash, settingsOf, toHash } from "../src/state.ts";
import { enter, scenes } from "../src/story.ts";

test("the defaults need no hash", () => {
  assert.equal(toHash(defaults()), "#");
  assert.deepEqual(fromHash(""), defaults());
});

test("every part of the state comes back from its link", () => {
  const s: State = {
    view: "steps", ab: true,
    a: { recipe: { preset: "default", "data.name": "8gaussians", "network.width": 96, "optim.rate": 0.0005, "data.standardise": false }, ink: pack(Float32Array.from([0, 1, 2, 3, -1, 5])), sourceInk: "", exact: false },
    b: { recipe: { "coupling.name": "independent" }, ink: "", sourceInk: pack(Float32Array.from([1, 1, 2, 2])), exact: true },
    solver: "heun", nfe: 13, t: 0.375, n: 500, seed: 41, show: ["arrows", "grid"], drops: [[0.5, -1.25], [2, 0]], trained: true, scene: 3, theme: "dark",
  };
  assert.deepEqual(fromHash(toHash(s)), s);
  for (let k = 1; k <= scenes.length; k++) assert.deepEqual(fromHash(toHash(enter(k, s))), enter(k, s));
});

test("nonsense in a hash is passed over", () => {
  for (const hash of ["#%%%", "#view=evil&nfe=banana&t=NaN", `#drops=${"9".repeat(5000)}`, "#__proto__.x=1&constructor=2&show=<script>", `#${"a=".repeat(300_000)}`, "#scene=-4&n=1e99&seed=-1&exact=maybe&ink=%00%00"]) {
    const s = fromHash(hash);
    assert.ok(["flow", "steps", "crossing"].includes(s.view) && s.nfe >= 1 && s.nfe <= 100 && s.t >= 0 && s.t <= 1 && s.n <= 5000 && s.seed >= 0);
    assert.equal(({} as Record<string, unknown>).x, undefined);
  }
  assert.equal(fromHash("#nfe=1000").nfe, 100);
  assert.deepEqual(fromHash("#drops=1,2;x,y;3").drops, [[1, 2]]);
});

test("the right-hand side can be without what the left-hand side has", () => {
  const ink = pack(Float32Array.from([0, 0, 1, 1]));
  for (const [mine, wants] of [[{}, { ink, sourceInk: ink, exact: true }], [{ ink: "", sourceInk: "", exact: false }, { ink: "", sourceInk: "", exact: false }]] as const) {
    const s = { ...defaults(), ab: true, a: { recipe: { "data.noise": 0.2 }, ink, sourceInk: ink, exact: true }, b: { recipe: { "data.noise": 0 }, ...mine } };
    assert.deepEqual(settingsOf(fromHash(toHash(s)), "b"), { recipe: { "data.noise": 0 }, ...wants });
  }
});

test("the right-hand side is the left-hand side but for what it changes", () => {
  const s = fromHash("#ab=1&data.name=circles&network.width=32&b.network.width=64");
  assert.equal(settingsOf(s, "b").recipe["data.name"], "circles");
  assert.equal(settingsOf(s, "b").recipe["network.width"], 64);
  assert.equal(settingsOf(s, "a").recipe["network.width"], 32);
});

test("points survive their packing to a 4096th of their spread", () => {
  const p = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i * i) * (i % 2 ? 3 : 1000));
  const q = unpack(pack(p));
  assert.equal(q.length, p.length);
  p.forEach((v, i) => assert.ok(Math.abs(v - q[i]) < (i % 2 ? 6 : 2000) / 4095));
  assert.equal(pack(unpack(pack(p))), pack(p), "packing again changes nothing");
  assert.equal(unpack(pack(new Float32Array(20_000).map(Math.random))).length, 2 * MAX_INK);
  for (const s of ["", "x", "1,2:AAAA", "0,0,1,1:A", "0,0,1,1:é!!!"]) assert.equal(unpack(s).length, 0);
});

test("fields by path become a recipe and are found in one", () => {
  const r = nest({ preset: "fast", "data.name": "moons", "data.noise": 0.1 });
  assert.deepEqual(r, { preset: "fast", data: { name: "moons", noise: 0.1 } });
  assert.equal(lookup(r, "data.noise"), 0.1);
  assert.equal(lookup(r, "data.toString"), undefined);
  assert.equal(lookup(r, "data"), undefined);
});
