// A network as the Go side writes it: package graph's Program in JSON. Nothing
// here knows a particular network; whatever the trainer builds from the same
// operations runs.

export type Kind = 0 | 1 | 2; // static, row, reduced

export interface Node {
  op: string;
  in?: number[];
  kind?: Kind;
  dtype?: number;
  shape: number[] | null;
  group?: string;
  name?: string;
  ints?: number[];
  transA?: boolean;
  transB?: boolean;
  const?: number[];
}

export interface Param {
  group: string;
  name: string;
  shape: number[] | null;
  node: number;
}

export interface Program {
  nodes: Node[];
  params: Param[] | null;
  rows: { name: string; dtype?: number; shape: number[] | null; node: number }[] | null;
  outputs: { name: string; value: number; gradOf: number }[] | null;
}

export class ProgramError extends Error {
  override name = "ProgramError";
}

export const size = (shape: readonly number[] | null | undefined): number => (shape ?? []).reduce((a, b) => a * b, 1);

/** The number of parameters of a group: the length of its arena. */
export function parameterCount(p: Program, group = "net"): number {
  let n = 0;
  for (const q of p.params ?? []) if (q.group === group) n += size(q.shape);
  return n;
}
