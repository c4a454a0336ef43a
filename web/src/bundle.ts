// What an exported page carries with it, so that it moves without a server.

import type { Progress, Quality, Run } from "./api.ts";

export interface Offline {
  hash: string;
  /** What trains the same models in a terminal. */
  commands: string[];
  worker: string;
  sides: {
    a: OfflineSide;
    b?: OfflineSide;
  };
  solvers: { name: string; about: string; order: number; c: number[]; a: number[][]; b: number[]; stages: number; adaptive: boolean; fsal: boolean }[];
}

export interface OfflineSide {
  run: Run | null;
  params: string;
  exact: { points: string; std: number; schedule: string } | null;
  data: string; // points of the data in the network's space
  start: string; // where particles start, if that is no Gaussian noise
  box: [number, number, number, number];
  quality: Quality | null;
  progress: Progress | null;
  losses: [number, number][];
}

const el = typeof document === "undefined" ? null : document.getElementById("laminar-bundle");

export const bundle: Offline | null = el?.textContent ? (JSON.parse(el.textContent) as Offline) : null;
