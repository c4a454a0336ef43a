// One model as the page shows it: its settings, its run on the server or its
// closed-form field, and the paths of its particles.

import { type Progress, type Quality, type Run, type Subject, Fault, api, base64, f32 } from "./api.ts";
import { type Offline, type OfflineSide, bundle } from "./bundle.ts";
import { Engine } from "./engine.ts";
import { schedules } from "./flow/mixture.ts";
import { noise } from "./flow/rng.ts";
import { type Tableau, type Trajectory, jump, stepsFor, tableau, tableaux } from "./flow/solve.ts";
import { unpack } from "./ink.ts";
import { nest } from "./recipe.ts";
import type { Settings, State } from "./state.ts";

export type Status = "idle" | "waiting" | "running" | "paused" | "finishing" | "done" | "stopped" | "failed" | "exact";

export const EXACT_STD = 0.08;
const LATTICE = 19;

/** Points of the plane to the network's numbers and back. */
export interface Frame {
  mean: [number, number];
  std: [number, number];
}

const identity: Frame = { mean: [0, 0], std: [1, 1] };

export function toNetwork(p: Float32Array, f: Frame): Float32Array {
  return p.map((v, i) => (v - f.mean[i % 2]) / (f.std[i % 2] || 1));
}

function fit(p: Float32Array): Frame {
  const n = p.length / 2 || 1, mean: [number, number] = [0, 0], std: [number, number] = [0, 0];
  p.forEach((v, i) => (mean[i % 2] += v / n));
  p.forEach((v, i) => (std[i % 2] += (v - mean[i % 2]) ** 2 / n));
  return { mean, std: [Math.sqrt(std[0]) || 1, Math.sqrt(std[1]) || 1] };
}

/** The path of the closed form: the recipe's, if there is one along it. */
export const exactPath = (r: Settings["recipe"]): string =>
  String(r["path.name"]) in schedules ? String(r["path.name"]) : r.family && r.family !== "flow" ? "vp" : "linear";

export function subject(s: Settings): Subject {
  const own: Subject = { recipe: {} }, recipe = { ...s.recipe };
  const put = (ink: string) => ({ points_f64: base64(Float64Array.from(unpack(ink))) });
  if (s.ink) {
    recipe["data.name"] = "drawing.csv";
    own.data = put(s.ink);
  }
  if (s.sourceInk) {
    recipe.source = "source.csv";
    own.source = put(s.sourceInk);
  }
  own.recipe = nest(recipe);
  return own;
}

export class Side {
  readonly engine = new Engine();
  status: Status = "idle";
  error = "";
  /** The server does not answer just now. */
  lost = false;
  notes: string[] = [];
  run: Run | null = null;
  progress: Progress | null = null;
  losses: [number, number][] = [];
  quality: Quality | null = null;
  frame: Frame = identity;
  box: [number, number, number, number] = [-3, -3, 3, 3];
  data: Float32Array = new Float32Array();
  /** Where particles start when that is no Gaussian noise. */
  private sourcePoints: Float32Array | null = null;
  private starts: { key: string; x: Float32Array } = { key: "", x: new Float32Array() };
  private params: Float32Array | null = null;
  private exactPoints: { points: Float32Array; schedule: string } | null = null;

  /** What the canvas shows; replaced as a whole. */
  flow: Trajectory | null = null;
  fine: Trajectory | null = null;
  grid: Trajectory | null = null;
  drops: { coarse: Trajectory; fine: Trajectory } | null = null;
  arrows: { t: number; x: Float32Array; v: Float32Array } | null = null;
  /** The model's own density at t = 1, row by row from below. */
  density: { n: number; box: readonly number[]; p: Float32Array } | null = null;
  /** Counts what was drawn from; the canvas looks at it. */
  version = 0;
  /** Milliseconds of the last solution, for the readout. */
  took = 0;

  private key = "";
  private events: EventSource | null = null;
  private hasField = false;
  private busy = false;
  private dirty = false;
  private fetching = false;
  private again = false;
  private costPerRow = 2e-3;
  private token = 0;
  private stop = new AbortController();

  constructor(readonly name: "a" | "b", private readonly state: () => State, private readonly changed: () => void) {}

  get live(): boolean {
    return this.status === "running" || this.status === "waiting" || this.status === "finishing";
  }

  /** Takes settings: when they differ from those at work, everything begins
   * anew. Answers whether they did. */
  take(s: Settings): boolean {
    const key = JSON.stringify(s);
    if (key === this.key) return false;
    this.key = key;
    this.settings = s;
    this.reset();
    return true;
  }

  settings!: Settings;

  /** Forgets the run, and shows the data and the noise again. */
  reset(): void {
    this.token++;
    this.drop();
    this.status = "idle";
    this.error = "";
    this.lost = false;
    this.notes = [];
    this.progress = this.quality = this.params = null;
    this.losses = [];
    this.hasField = false;
    this.flow = this.fine = this.grid = this.drops = this.arrows = this.density = null;
    void this.preview();
    this.tell();
  }

  /** Ends with the run: what is still being asked of it is of no use then. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  private drop(): void {
    this.stop.abort();
    this.stop = new AbortController();
    this.events?.close();
    this.events = null;
    if (this.run) void api.forget(this.run.id);
    this.run = null;
  }

  close(): void {
    this.drop();
    this.token++;
  }

  private tell(): void {
    this.version++;
    this.changed();
  }

  /** Points of the data before there is a run, and the closed-form field. */
  private async preview(): Promise<void> {
    const token = this.token, s = this.settings;
    try {
      const name = String(s.recipe["data.name"] ?? "moons");
      const own = unpack(s.ink);
      const points = own.length ? own : await api.points(name, 2000, Number(s.recipe["data.noise"] ?? 0));
      const source = String(s.recipe.source ?? "gaussian");
      const from = s.sourceInk ? unpack(s.sourceInk) : source !== "gaussian" ? await api.points(source, 5000, 0, this.state().seed) : null;
      if (token !== this.token || this.run) return;
      this.frame = s.recipe["data.standardise"] === false ? identity : fit(points);
      this.data = toNetwork(points, this.frame);
      this.sourcePoints = from ? toNetwork(from, this.frame) : null;
      this.starts.key = "";
      this.box = around([this.data, this.sourcePoints ?? new Float32Array()], !from);
      if (s.exact) {
        const schedule = exactPath(s.recipe);
        this.exactPoints = { points: this.data.slice(0, 2 * 300), schedule };
        this.status = "exact";
        await this.engine.ask({ do: "mixture", points: this.exactPoints.points, std: EXACT_STD, schedule });
        if (token !== this.token) return;
        this.hasField = true;
        this.refresh();
      }
      this.tell();
    } catch (e) {
      if (token === this.token) this.fail(e);
    }
  }

  private lose(lost: boolean): void {
    this.lost = lost;
    this.tell();
  }

  private fail(e: unknown): void {
    this.lost = false;
    this.status = "failed";
    this.error = e instanceof Error ? e.message : String(e);
    this.tell();
  }

  /** Starts training, or goes on with it. */
  async train(options: { paused?: boolean; beside?: Side } = {}): Promise<void> {
    if (!this.settings || this.settings.exact || bundle) return;
    if (this.run && this.status === "paused") return this.act("resume");
    if (this.live) return;
    if (this.status === "done" || this.status === "stopped") this.reset();
    const token = ++this.token;
    this.status = "waiting";
    this.error = "";
    this.tell();
    try {
      const run = await api.start(subject(this.settings), { paused: options.paused, beside: options.beside?.run?.id });
      if (token !== this.token) return void api.forget(run.id);
      this.run = run;
      this.notes = run.notes ?? [];
      this.take2(run);
      const dealt = await this.engine.ask({ do: "network", program: run.program });
      if (dealt.error) throw new Error(dealt.error);
      this.listen(run.id, token);
      const [data, from] = await Promise.all([
        api.runPoints(run.id, "data", 2000, 0, this.signal),
        run.source === "gaussian" ? null : api.runPoints(run.id, "source", 5000, this.state().seed, this.signal),
      ]);
      if (token !== this.token) return;
      this.data = data;
      this.sourcePoints = from;
      this.box = around([data, from ?? new Float32Array()], !from);
      this.starts.key = "";
      this.refresh();
    } catch (e) {
      if (token === this.token) this.fail(e);
    }
  }

  private take2(run: Run): void {
    const { mean, std } = run.transform;
    this.frame = mean && std ? { mean: [mean[0], mean[1]], std: [std[0], std[1]] } : identity;
  }

  private listen(id: string, token: number): void {
    const es = new EventSource(`/api/runs/${id}/events`);
    this.events = es;
    es.onopen = () => {
      if (token === this.token && this.lost) this.lose(false);
    };
    es.onerror = () => {
      if (token !== this.token) return;
      // It asks again by itself, unless the server has answered that there is no
      // such run.
      if (es.readyState === EventSource.CLOSED) this.fail(new Error("the server has forgotten this model; train it again"));
      else this.lose(true);
    };
    const on = <T>(kind: string, f: (v: T) => void) =>
      es.addEventListener(kind, (e) => {
        if (token === this.token) f(JSON.parse((e as MessageEvent<string>).data) as T);
      });
    on<{ state: Status }>("state", (v) => {
      this.status = v.state;
      this.tell();
    });
    on<Progress>("progress", (v) => {
      this.progress = v;
      if (v.loss !== null) this.losses.push([v.step, v.loss]);
      this.tell();
    });
    on<{ step: number }>("frame", () => void this.fetch(id, token));
    on<Quality>("quality", (v) => {
      this.quality = v;
      this.tell();
    });
    on<{ state: Status; error?: string }>("end", (v) => {
      es.close();
      this.status = v.state;
      this.error = v.error ?? "";
      void this.fetch(id, token);
      this.tell();
    });
  }

  /** Fetches the parameters of the last frame, one request at a time. */
  private async fetch(id: string, token: number): Promise<void> {
    if (this.fetching) {
      this.again = true;
      return;
    }
    if (token !== this.token) return;
    this.fetching = true;
    try {
      const { params } = await api.params(id, this.signal);
      if (token === this.token) {
        this.params = params.slice();
        this.density = null;
        const a = await this.engine.ask({ do: "load", params });
        if (a.error) throw new Error(a.error);
        this.hasField = true;
        this.refresh();
      }
    } catch (e) {
      if (token === this.token && !this.signal.aborted && !(e instanceof Fault && (e.status === 404 || e.status === 409))) this.fail(e);
    }
    this.fetching = false;
    if (this.again) {
      this.again = false;
      void this.fetch(this.run?.id ?? id, this.run ? this.token : token);
    }
  }

  async act(action: "pause" | "resume" | "stop" | "step"): Promise<void> {
    if (!this.run) return;
    try {
      // The state comes with the events: the answer may be older than the last of them.
      await api.act(this.run.id, action, this.signal);
    } catch (e) {
      const gone = (e as Error).name === "AbortError" || (e instanceof Fault && e.status === 409);
      if (!gone) this.fail(e);
    }
  }

  /** Solves again with what is now asked for; at most one solution is under way. */
  refresh(): void {
    if (!this.hasField) return;
    if (this.busy) {
      this.dirty = true;
      return;
    }
    void this.solve();
  }

  private async solve(): Promise<void> {
    this.busy = true;
    const s = this.state(), token = this.token;
    const { method: m, steps, nfe } = this.stepping(s);
    // While parameters change, fewer particles keep the picture fluent.
    const rows = this.live ? Math.max(300, Math.min(s.n, Math.round(90 / (this.costPerRow * nfe)))) : s.n;
    const x = this.start(rows, s.seed);
    const r = await this.engine.ask({ do: "solve", x, method: m, steps, t0: 0, t1: 1 });
    if (token !== this.token) return this.rest();
    if (r.error) {
      this.error = r.error;
      this.busy = false;
      return this.tell();
    }
    this.costPerRow = 0.7 * this.costPerRow + 0.3 * (r.ms / (rows * nfe));
    this.took = r.ms;
    this.flow = r.trajectory ?? null;
    this.tell();
    // The path that the field means; a network of one step means none.
    const [fineMethod, fineSteps] = this.run?.once ? [m, 1] as const : [tableau("rk4"), 25] as const;
    const ask = async (x: Float32Array, m: Tableau, steps: number) => (await this.engine.ask({ do: "solve", x, method: m, steps, t0: 0, t1: 1 })).trajectory ?? null;
    if (s.view === "steps") this.fine = await ask(x.slice(0, 2 * Math.min(28, rows)), fineMethod, fineSteps);
    this.grid = s.show.includes("grid") && !this.live ? await ask(mesh(), m, steps) : s.show.includes("grid") ? this.grid : null;
    if (s.drops.length) {
      const at = Float32Array.from(s.drops.flat());
      const coarse = await ask(at, m, steps), fine = await ask(at, fineMethod, fineSteps);
      if (token === this.token) this.drops = coarse && fine ? { coarse, fine } : null;
    } else this.drops = null;
    if (token === this.token) {
      this.arrows = null;
      this.tell();
    }
    this.rest();
  }

  private rest(): void {
    this.busy = false;
    if (this.dirty) {
      this.dirty = false;
      this.refresh();
    }
  }

  private asking = false;
  private weighing = false;

  /** Asks once for the density of a model that rests. */
  weigh(): void {
    if (this.density || this.weighing || !this.run || this.live || bundle) return;
    this.weighing = true;
    const token = this.token, params = this.params;
    void api.density(this.run.id, 64, this.signal).then((d) => {
      if (token !== this.token || params !== this.params) return;
      this.density = { n: d.n, box: d.box, p: f32(d.p_f32) };
      this.version++;
    }, () => undefined).finally(() => (this.weighing = false));
  }

  /** Asks for the arrows at a time; the answer comes with a new version. */
  arrowsAt(t: number): void {
    if (!this.hasField || this.run?.once || this.asking || (this.arrows && Math.abs(this.arrows.t - t) < 0.02)) return;
    this.asking = true;
    const x = lattice(this.box), token = this.token;
    // At the very end the closed form divides by the width of the noise.
    void this.engine.ask({ do: "velocity", x: x.slice(), t: Math.min(t, this.status === "exact" ? 0.98 : 1) }).then((r) => {
      this.asking = false;
      if (token !== this.token || !r.v) return;
      this.arrows = { t, x, v: r.v };
      this.version++;
    });
  }

  /** Whether the network tells average velocities over a step. */
  get long(): boolean {
    return this.run?.program.rows?.some((r) => r.name === "span") ?? false;
  }

  /** How particles go by the state's solver and evaluations, as far as this
   * side's network allows. */
  stepping(s: State): { method: Tableau; steps: number; nfe: number } {
    if (this.run?.once) return { method: tableau("euler"), steps: 1, nfe: 1 };
    const asked = s.solver === jump.name && !this.long ? "euler" : s.solver;
    const method = solvers.find((m) => m.name === asked) ?? tableau(asked);
    const steps = stepsFor(method, s.nfe);
    return { method, steps, nfe: steps * method.c.length };
  }

  /** The first rows of where particles start. */
  start(rows: number, seed: number): Float32Array {
    if (this.sourcePoints) {
      const p = this.sourcePoints, x = new Float32Array(2 * rows);
      for (let i = 0; i < x.length; i++) x[i] = p[i % p.length];
      return x;
    }
    const key = `${seed}`;
    if (this.starts.key !== key || this.starts.x.length < 2 * rows) this.starts = { key, x: noise(seed, Math.max(rows, 2000)) };
    return this.starts.x.slice(0, 2 * rows);
  }

  /** Draws anew where particles start, if that is no Gaussian noise. */
  async reseed(): Promise<void> {
    const token = this.token, seed = this.state().seed;
    if (!this.sourcePoints || !this.run || bundle) return;
    try {
      const x = await api.runPoints(this.run.id, "source", 5000, seed, this.signal);
      if (token !== this.token || seed !== this.state().seed) return;
      this.sourcePoints = x;
      this.refresh();
    } catch {
      // The run is gone, or the server: the points stay.
    }
  }

  /** What an exported page needs of this side. */
  pack(): OfflineSide {
    return {
      run: this.run, params: this.params ? base64(this.params) : "",
      exact: this.exactPoints ? { points: base64(this.exactPoints.points), std: EXACT_STD, schedule: this.exactPoints.schedule } : null,
      data: base64(this.data.slice(0, 2 * 1000)), start: this.sourcePoints ? base64(this.sourcePoints.slice(0, 2 * 2000)) : "",
      box: this.box, quality: this.quality, progress: this.progress, losses: this.losses,
    };
  }

  /** Takes what an exported page carries. */
  async restore(o: OfflineSide): Promise<void> {
    this.run = o.run;
    this.data = f32(o.data);
    this.sourcePoints = o.start ? f32(o.start) : null;
    this.box = o.box;
    this.quality = o.quality;
    this.progress = o.progress;
    this.losses = o.losses;
    if (o.run) this.take2(o.run);
    if (o.exact) {
      this.status = "exact";
      await this.engine.ask({ do: "mixture", points: f32(o.exact.points), std: o.exact.std, schedule: o.exact.schedule });
      this.hasField = true;
    } else if (o.run && o.params) {
      this.status = "done";
      await this.engine.ask({ do: "network", program: o.run.program });
      const a = await this.engine.ask({ do: "load", params: f32(o.params) });
      if (a.error) this.error = a.error;
      this.hasField = !a.error;
    }
    this.refresh();
    this.tell();
  }
}

/** The fixed-step methods on offer: the server's, else the page's own. */
export let solvers: Tableau[] = tableaux;

export function offer(list: Offline["solvers"]): void {
  const fixed = list.filter((s) => Array.isArray(s.c) && s.c.length > 0);
  if (fixed.length === 0) return;
  solvers = fixed.map((s) => {
    // A stage that only serves the next step's start is not evaluated.
    const k = s.stages;
    return { name: s.name, about: s.about, order: s.order, c: s.c.slice(0, k), a: s.a.slice(0, k), b: s.b.slice(0, k) };
  });
}

function square(b: readonly number[]): [number, number, number, number] {
  const cx = (b[0] + b[2]) / 2, cy = (b[1] + b[3]) / 2, r = (Math.max(b[2] - b[0], b[3] - b[1]) / 2) * 1.06 || 3;
  return [cx - r, cy - r, cx + r, cy + r];
}

function around(clouds: Float32Array[], gaussian: boolean): [number, number, number, number] {
  const b = gaussian ? [-2.7, -2.7, 2.7, 2.7] : [Infinity, Infinity, -Infinity, -Infinity];
  for (const c of clouds) {
    for (let i = 0; i < c.length; i += 2) {
      b[0] = Math.min(b[0], c[i]);
      b[1] = Math.min(b[1], c[i + 1]);
      b[2] = Math.max(b[2], c[i]);
      b[3] = Math.max(b[3], c[i + 1]);
    }
  }
  return square(b);
}

export function lattice(b: readonly number[], n = LATTICE): Float32Array {
  const x = new Float32Array(2 * n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      x[2 * (i * n + j)] = b[0] + ((j + 0.5) / n) * (b[2] - b[0]);
      x[2 * (i * n + j) + 1] = b[1] + ((i + 0.5) / n) * (b[3] - b[1]);
    }
  }
  return x;
}

/** A square mesh over the noise: MESH lines each way of POINTS points. */
export const MESH = 13;
export const POINTS = 49;
function mesh(): Float32Array {
  const x = new Float32Array(2 * 2 * MESH * POINTS);
  let k = 0;
  for (const turn of [false, true]) {
    for (let i = 0; i < MESH; i++) {
      for (let j = 0; j < POINTS; j++) {
        const u = -2.4 + (4.8 * i) / (MESH - 1), v = -2.4 + (4.8 * j) / (POINTS - 1);
        x[k++] = turn ? v : u;
        x[k++] = turn ? u : v;
      }
    }
  }
  return x;
}
