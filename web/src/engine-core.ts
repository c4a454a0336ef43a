// What a worker does, without the worker: so that it can also run on the page's
// thread where there is none.

import { Mixture, schedules } from "./flow/mixture.ts";
import { type Field, Network } from "./flow/network.ts";
import type { Program } from "./flow/program.ts";
import { type Tableau, type Trajectory, solve } from "./flow/solve.ts";

export type Task =
  | { do: "network"; program: Program }
  | { do: "load"; params: Float32Array }
  | { do: "mixture"; points: Float32Array; std: number; schedule: string }
  | { do: "solve"; x: Float32Array; method: Tableau; steps: number; t0: number; t1: number }
  | { do: "velocity"; x: Float32Array; t: number };

export type Answer = { trajectory?: Trajectory; v?: Float32Array; error?: string; ms: number };

export function serve(): (m: { id: number; task: Task }) => { reply: { id: number } & Answer; transfer: Transferable[] } {
  let field: Field | null = null, network: Network | null = null;
  const run = (t: Task): Partial<Answer> => {
    switch (t.do) {
      case "network":
        network = new Network(t.program);
        field = null;
        return {};
      case "load":
        network?.load(t.params);
        field = network;
        return {};
      case "mixture":
        field = new Mixture(t.points, t.std, schedules[t.schedule] ?? schedules.linear);
        return {};
      case "solve":
        if (!field) throw new Error("there is no field yet");
        return { trajectory: solve(field, t.x, t.method, t.steps, t.t0, t.t1) };
      case "velocity": {
        if (!field) throw new Error("there is no field yet");
        const v = new Float32Array(t.x.length);
        field.velocity(v, t.x, t.t, t.x.length / field.dim);
        return { v };
      }
    }
  };
  return ({ id, task }) => {
    const from = performance.now();
    try {
      const a = run(task), transfer: Transferable[] = [];
      if (a.trajectory) transfer.push(a.trajectory.frames.buffer as ArrayBuffer);
      if (a.v) transfer.push(a.v.buffer as ArrayBuffer);
      return { reply: { id, ...a, ms: performance.now() - from }, transfer };
    } catch (e) {
      return { reply: { id, error: e instanceof Error ? e.message : String(e), ms: performance.now() - from }, transfer: [] };
    }
  };
}
