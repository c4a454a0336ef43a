// The server's API (docs/playground-api.md), typed. Nothing else in the page
// speaks HTTP.

import type { Program } from "./flow/program.ts";
import type { Tree } from "./recipe.ts";

export interface Named {
  name: string;
  about: string;
}

export interface Catalogue {
  version: string;
  data: { name: string; about: string; modes: number; box: number[]; thumb: string }[];
  choices: Record<string, Named[]>;
  presets: Record<string, Tree>;
  solvers: (Named & { order: number; adaptive: boolean; c: number[]; a: number[][]; b: number[]; stages: number; fsal: boolean })[];
  limits: { width: number; depth: number; batch: number; steps: number; points: number; upload_bytes: number };
}

export interface Transform {
  kind: string;
  mean?: number[];
  std?: number[];
}

export interface Run {
  id: string;
  recipe: Tree;
  notes?: string[] | null;
  program: Program;
  params: number;
  transform: Transform;
  source: string;
  /** One Euler step is the network's only use. */
  once: boolean;
  box: [number, number, number, number];
}

export interface Progress {
  step: number;
  steps: number;
  loss: number | null;
  held_out: number | null;
  rate: number;
  seconds: number;
}

export interface Quality {
  step: number;
  seconds: number;
  solver: string;
  n: number;
  floor: number;
  rows: { nfe: number; w2: number | null; ratio: number | null }[];
  loss_floor: number | null;
  final: boolean;
}

export interface Pairs {
  n: number;
  x0_f32: string;
  x1_f32: string;
  schedule: { t: number[]; alpha: number[]; sigma: number[]; dalpha: number[]; dsigma: number[] };
  crossings: [number, number, number, number, number, number][];
  crossing: number | null;
  cost: number;
  transform: Transform;
  notes: string[] | null;
}

export interface Table {
  rows: number;
  columns: { name: string; number: boolean }[];
  x: string;
  y: string;
  n: number;
  points_f64: string;
  notes?: string[] | null;
}

export interface Density {
  n: number;
  box: [number, number, number, number];
  p_f32: string;
  from: string;
}

export interface Subject {
  recipe: Tree;
  data?: { points_f64: string };
  source?: { points_f64: string };
}

export class Fault extends Error {
  constructor(message: string, readonly status: number, readonly said: Said = {}) {
    super(message);
  }
}

/** What a fault's body holds besides. */
interface Said extends Partial<Pick<Table, "columns" | "x" | "y">> {
  error?: string;
}

async function answer(r: Response): Promise<Response> {
  if (r.ok) return r;
  let said: Said = {};
  try {
    said = await r.json();
  } catch {
    // not the server's own answer
  }
  throw new Fault(said.error ?? `the server answers ${r.status}`, r.status, said);
}

async function call(path: string, init?: RequestInit): Promise<Response> {
  let r: Response;
  try {
    r = await fetch(path, init);
  } catch (e) {
    if (init?.signal?.aborted) throw e;
    throw new Fault("the server does not answer; is `laminar playground` still running?", 0);
  }
  return answer(r);
}

const get = async <T>(path: string, signal?: AbortSignal): Promise<T> => (await call(path, { signal })).json() as Promise<T>;
const post = async <T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> => {
  const r = await call(path, {
    method: "POST",
    signal,
    ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  return (r.status === 204 ? {} : await r.json()) as T;
};

export const api = {
  catalogue: () => get<Catalogue>("/api/catalogue"),
  points: async (name: string, n: number, noise = 0, seed = 0) =>
    f32((await get<{ x_f32: string }>(`/api/points?name=${encodeURIComponent(name)}&n=${n}&noise=${noise}&seed=${seed}`)).x_f32),
  table: async (file: Blob, x = "", y = "") => {
    const q = x && y ? `?x=${encodeURIComponent(x)}&y=${encodeURIComponent(y)}` : "";
    return (await call(`/api/table${q}`, { method: "POST", body: file, headers: { "Content-Type": "text/csv" } })).json() as Promise<Table>;
  },
  command: (s: Subject) => post<{ command: string; complete: boolean; recipe: Tree; params: number }>("/api/command", s),
  pairs: (s: Subject, n: number, signal?: AbortSignal) => post<Pairs>("/api/pairs", { ...s, n }, signal),
  start: (s: Subject, options: { paused?: boolean; beside?: string }) => post<Run>("/api/runs", { ...s, ...options }),
  act: (id: string, action: string, signal: AbortSignal) => post<{ state: string; step: number }>(`/api/runs/${id}/${action}`, undefined, signal),
  forget: (id: string) => call(`/api/runs/${id}`, { method: "DELETE", keepalive: true }).catch(() => undefined),
  params: async (id: string, signal: AbortSignal) => {
    const r = await call(`/api/runs/${id}/params`, { signal });
    return { step: Number(r.headers.get("Laminar-Step")), params: new Float32Array(await r.arrayBuffer()) };
  },
  runPoints: async (id: string, of: "source" | "data", n: number, seed: number, signal: AbortSignal) =>
    f32((await get<{ x_f32: string }>(`/api/runs/${id}/points?of=${of}&n=${n}&seed=${seed}`, signal)).x_f32),
  density: (id: string, n: number, signal: AbortSignal) => get<Density>(`/api/runs/${id}/density?n=${n}`, signal),
  quality: (id: string, solver: string, nfe: number, signal: AbortSignal) =>
    get<{ step: number; nfe: number; w2: number | null; ratio: number | null; floor: number }>(`/api/runs/${id}/quality?solver=${solver}&nfe=${nfe}`, signal),
};

const bytesOf = (s: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
export const f32 = (s: string): Float32Array => new Float32Array(bytesOf(s).buffer);
export const f64 = (s: string): Float64Array => new Float64Array(bytesOf(s).buffer);
export const thumbBytes = bytesOf;

export function base64(a: ArrayBufferView): string {
  const b = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  let s = "";
  for (let i = 0; i < b.length; i += 8192) s += String.fromCharCode(...b.subarray(i, i + 8192));
  return btoa(s);
}
