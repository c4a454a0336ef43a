// All that a picture depends on, in one table that drives the URL: each entry
// says its name in the hash, how it is written and read, and what it is when
// absent. What is at its default is left out, so that links stay short.

import type { Value } from "./recipe.ts";

export type View = "flow" | "steps" | "crossing";
export const views: readonly { name: View; label: string; about: string }[] = [
  { name: "flow", label: "Flow", about: "noise carried to data" },
  { name: "steps", label: "Fewer steps", about: "what a solver really does" },
  { name: "crossing", label: "Crossing", about: "which noise goes with which data" },
];

export const layers = ["trails", "arrows", "density", "grid", "data"] as const;
export type Layer = (typeof layers)[number];

/** One model's settings. */
export interface Settings {
  /** Fields of the recipe, by path, as far as they differ from the preset. */
  recipe: Record<string, Value>;
  /** Own points, packed by ink.ts; empty for a built-in set. */
  ink: string;
  sourceInk: string;
  /** The closed-form field of the points instead of a trained network. */
  exact: boolean;
}

/** What the right-hand side has of its own; what is not there is a's. An ink of
 * "" says none, though a has one. */
export type Own = Pick<Settings, "recipe"> & Partial<Settings>;

export interface State {
  view: View;
  ab: boolean;
  a: Settings;
  b: Own;
  solver: string;
  nfe: number;
  t: number;
  n: number;
  seed: number;
  show: Layer[];
  drops: [number, number][];
  /** Training was asked for: a link to a trained model trains it again, which
   * gives the same parameters. */
  trained: boolean;
  scene: number; // 0 for none, else 1..
  theme: "" | "light" | "dark";
}


export const defaults = (): State => ({
  view: "flow", ab: false,
  a: { ink: "", sourceInk: "", exact: false, recipe: { preset: "fast", "data.name": "moons", "coupling.name": "ot", "train.steps": 6000 } },
  b: { recipe: {} },
  solver: "euler", nfe: 8, t: 1, n: 2000, seed: 0, show: ["trails", "data"], drops: [], trained: false, scene: 0, theme: "",
});

const clampInt = (s: string, lo: number, hi: number): number | undefined => {
  const v = Number(s);
  return s !== "" && Number.isFinite(v) ? Math.min(hi, Math.max(lo, Math.round(v))) : undefined;
};
const within = (s: string, lo: number, hi: number): number | undefined => {
  const v = Number(s);
  return s !== "" && Number.isFinite(v) ? Math.min(hi, Math.max(lo, v)) : undefined;
};
const oneOf = <T extends string>(s: string, list: readonly T[]): T | undefined => list.find((v) => v === s);

interface Entry<K extends keyof State> {
  key: K;
  name: string;
  write(v: State[K]): string;
  read(s: string): State[K] | undefined; // undefined for nonsense, which is passed over
}
const entry = <K extends keyof State>(key: K, name: string, write: Entry<K>["write"], read: Entry<K>["read"]): Entry<K> => ({ key, name, write, read });

const flag = (v: boolean): string => (v ? "1" : "0");
const readFlag = (s: string): boolean | undefined => (s === "1" ? true : s === "0" ? false : undefined);

const table: Entry<any>[] = [
  entry("view", "view", (v) => v, (s) => oneOf(s, views.map((v) => v.name))),
  entry("ab", "ab", flag, readFlag),
  entry("solver", "solver", (v) => v, (s) => (/^[a-z0-9-]{1,20}$/.test(s) ? s : undefined)),
  entry("nfe", "nfe", String, (s) => clampInt(s, 1, 100)),
  entry("t", "t", (v) => String(Math.round(v * 1000) / 1000), (s) => within(s, 0, 1)),
  entry("n", "n", String, (s) => clampInt(s, 10, 5000)),
  entry("seed", "seed", String, (s) => clampInt(s, 0, Number.MAX_SAFE_INTEGER)),
  entry("show", "show", (v) => v.join("."), (s) => layers.filter((l) => s.split(".").includes(l))),
  entry("drops", "drops", (v) => v.map((p) => p.map((x) => x.toFixed(3)).join(",")).join(";"), (s) => {
    const out: [number, number][] = [];
    for (const p of s.split(";").slice(0, 20)) {
      const [x, y] = p.split(",").map(Number);
      if (p && Math.abs(x) < 1e4 && Math.abs(y) < 1e4) out.push([x, y]);
    }
    return out;
  }),
  entry("trained", "trained", flag, readFlag),
  entry("scene", "scene", String, (s) => clampInt(s, 0, 99)),
  entry("theme", "theme", (v) => v, (s) => oneOf(s, ["light", "dark"] as const)),
];

/** What a setting is written as; the path of a recipe's field is its name. */
function settingsTo(out: URLSearchParams, prefix: string, s: Own, base: Own): void {
  for (const [path, v] of Object.entries(s.recipe).sort(([x], [y]) => (x < y ? -1 : 1))) {
    if (base.recipe[path] !== v) out.set(prefix + path, String(v));
  }
  // What the defaults hold and this does not.
  for (const path of Object.keys(base.recipe)) if (!(path in s.recipe)) out.set(prefix + path, "");
  if (s.ink !== base.ink) out.set(`${prefix}ink`, s.ink ?? "");
  if (s.sourceInk !== base.sourceInk) out.set(`${prefix}source-ink`, s.sourceInk ?? "");
  if (s.exact !== base.exact) out.set(`${prefix}exact`, flag(s.exact ?? false));
}

export function toHash(s: State): string {
  const out = new URLSearchParams(), d = defaults();
  settingsTo(out, "", s.a, d.a);
  settingsTo(out, "b.", s.b, d.b);
  for (const e of table) {
    const key = e.key as keyof State, v = e.write(s[key]);
    if (v !== e.write(d[key])) out.set(e.name, v);
  }
  return `#${out.toString().replaceAll("%2C", ",").replaceAll("%3B", ";")}`;
}

/** Reads a hash. Whatever it holds, the answer is a state. */
export function fromHash(hash: string): State {
  const s = defaults();
  if (hash.length > 200_000) return s;
  const names = new Map(table.map((e) => [e.name, e]));
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    const e = names.get(name);
    if (e) {
      const v = e.read(value);
      if (v !== undefined) (s as unknown as Record<string, unknown>)[e.key as string] = v;
      continue;
    }
    const own = name.startsWith("b.") ? s.b : s.a, path = name.replace(/^b\./, "");
    if (path === "ink" || path === "source-ink") {
      if (/^[\w.,:+-]*$/.test(value)) own[path === "ink" ? "ink" : "sourceInk"] = value;
    } else if (path === "exact") {
      own.exact = readFlag(value) ?? own.exact;
    } else if (/^[a-z_]+(\.[a-z_]+){0,3}$/.test(path) && value.length < 100 && !/(^|\.)(__proto__|constructor|prototype)/.test(path)) {
      if (value === "") delete own.recipe[path];
      else own.recipe[path] = parse(value);
    }
  }
  return s;
}

function parse(s: string): Value {
  if (s === "true" || s === "false") return s === "true";
  return /^-?\d+(\.\d+)?(e-?\d+)?$/.test(s) ? Number(s) : s;
}

/** The settings of a side: those of a, for the right-hand side with b's own. */
export const settingsOf = (s: State, side: "a" | "b"): Settings =>
  side === "a" ? s.a : { ...s.a, ...s.b, recipe: { ...s.a.recipe, ...s.b.recipe } };

type Listener = () => void;

/** The one state of the page. */
export class Store {
  private listeners = new Set<Listener>();
  private writing = 0;

  constructor(public state: State, private readonly write: (hash: string) => void = () => {}) {}

  set(patch: Partial<State>): void {
    this.state = { ...this.state, ...patch };
    for (const f of [...this.listeners]) f();
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.write(toHash(this.state)), 250) as unknown as number;
  }

  /** Changes a side's settings, and fields of its recipe. */
  setSide(side: "a" | "b", fields: Record<string, Value>, own: Partial<Settings> = {}): void {
    const s = this.state[side];
    this.set({ [side]: { ...s, ...own, recipe: { ...(own.recipe ?? s.recipe), ...fields } } } as Partial<State>);
  }

  on(f: Listener): () => void {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  }
}
