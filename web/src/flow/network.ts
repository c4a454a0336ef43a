// Runs a velocity program over many rows: every operation becomes one closure
// over typed arrays, made once; rows go through them in blocks that stay in the
// processor's cache. Values that no row enters (a transformed parameter) are
// computed once per set of parameters.

import { kernels, type Kernels } from "./simd.ts";
import { type Node, type Program, ProgramError, parameterCount, size } from "./program.ts";

/** A velocity field over rows of dim numbers: out = u_t(x), or its average over
 * the span of time from t on, for a network that knows it. */
export interface Field {
  readonly dim: number;
  velocity(out: Float32Array, x: Float32Array, t: number, rows: number, span?: number): void;
}

const BLOCK = 64;

interface Value {
  data: Float32Array;
  at: number; // byte offset in the memory
  stride: number; // from row to row; 0 for what all rows share
  size: number;
}

type Step = (rows: number) => void;

const unary: Record<string, (x: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: (x) => (x > 0 ? 1 : 0) - (x < 0 ? 1 : 0),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  erf,
  relu: (x) => (x > 0 ? x : x !== x ? x : 0),
  step: (x) => (x > 0 ? 1 : 0),
};

const binary: Record<string, (x: number, y: number) => number> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  max: Math.max,
  min: Math.min,
  greater: (x, y) => (x > y ? 1 : 0),
  equal: (x, y) => (x === y ? 1 : 0),
};

/** The error function; Abramowitz and Stegun 7.1.26, within 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const y = 1 - p * Math.exp(-x * x);
  return x < 0 ? -y : y;
}

export class Network implements Field {
  readonly dim: number;
  readonly parameters: number;
  /** Whether the vector kernels are in use. */
  readonly fast: boolean;
  private readonly values: Value[] = [];
  private readonly once: Step[] = [];
  private readonly each: Step[] = [];
  private readonly buffer: ArrayBuffer;
  private readonly kernels: Kernels | null;
  private top = 16;
  private readonly inputs = new Map<string, Value>();
  private readonly places: { value: Value; offset: number }[] = [];
  private readonly packs: (() => void)[] = [];
  private readonly out: Value;

  /** Throws ProgramError when the program asks for what is not here. */
  constructor(readonly program: Program, options: { plain?: boolean } = {}) {
    const bytes = this.measure(program);
    let memory: WebAssembly.Memory | null = null;
    try {
      if (!options.plain) memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
    } catch {
      memory = null;
    }
    this.kernels = memory ? kernels(memory) : null;
    this.fast = this.kernels !== null;
    this.buffer = memory ? memory.buffer : new ArrayBuffer(Math.ceil(bytes / 16) * 16);
    program.nodes.forEach((n, i) => this.add(n, i));
    const x = this.inputs.get("x"), v = program.outputs?.find((o) => o.name === "v");
    if (!x || !v) throw new ProgramError('the program has no input "x" or no output "v"');
    this.dim = x.size;
    this.out = this.values[v.value];
    if (this.out.size !== this.dim) throw new ProgramError(`the program answers ${this.out.size} numbers to points of ${this.dim}`);
    let offset = 0;
    for (const q of program.params ?? []) {
      if (q.node >= 0) this.places.push({ value: this.values[q.node], offset });
      offset += size(q.shape);
    }
    this.parameters = parameterCount(program);
    if (offset !== this.parameters) throw new ProgramError("the program has parameters of more than one network");
  }

  /** Sets the parameters, an arena in the layout's order. */
  load(arena: Float32Array): void {
    if (arena.length !== this.parameters) {
      throw new ProgramError(`${arena.length} parameters for a network of ${this.parameters}`);
    }
    for (const { value, offset } of this.places) value.data.set(arena.subarray(offset, offset + value.size));
    for (const f of this.once) f(1);
    for (const f of this.packs) f();
  }

  velocity(out: Float32Array, x: Float32Array, t: number, rows: number, span = 0): void {
    const d = this.dim, xs = this.inputs.get("x")!;
    this.inputs.get("t")?.data.fill(t);
    this.inputs.get("span")?.data.fill(span);
    for (let from = 0; from < rows; from += BLOCK) {
      const n = Math.min(BLOCK, rows - from);
      xs.data.set(x.subarray(from * d, (from + n) * d));
      for (const f of this.each) f(n);
      const v = this.out;
      if (v.stride === 0) for (let r = 0; r < n; r++) out.set(v.data.subarray(0, d), (from + r) * d);
      else out.set(v.data.subarray(0, n * d), from * d);
    }
  }

  /** An upper bound of the memory, in bytes. */
  private measure(p: Program): number {
    let floats = 1024;
    for (const n of p.nodes) {
      const s = size(n.shape);
      floats += (n.kind === 1 ? (BLOCK + 4) * s : s) + 16;
      if (n.op === "linear") {
        const wide = Math.ceil((n.shape?.at(-1) ?? 1) / 8) * 8;
        const w = p.nodes[n.in![1]];
        floats += (size(w.shape) / Math.max(1, n.shape?.at(-1) ?? 1)) * wide + 16 + (s / Math.max(1, n.shape?.at(-1) ?? 1)) * (BLOCK + 4) * wide;
      }
    }
    if (floats > 2 ** 28) throw new ProgramError("the network is too large for a page");
    return floats * 4;
  }

  private room(n: number): { data: Float32Array; at: number } {
    const at = this.top;
    this.top += Math.ceil(n / 4) * 16;
    return { data: new Float32Array(this.buffer, at, n), at };
  }

  private add(n: Node, index: number): void {
    const s = size(n.shape), row = n.kind === 1;
    const ins = (n.in ?? []).map((i) => this.values[i]);
    const shapes = (n.in ?? []).map((i) => this.program.nodes[i].shape ?? []);
    const shape = n.shape ?? [], ints = n.ints ?? [];
    if (n.kind === 2) throw new ProgramError(`"${n.op}" mixes rows; a velocity program does not`);
    // Values that are the operand in other clothes cost nothing.
    if (n.op === "torows" || n.op === "stopgradient" || n.op === "reshape") {
      this.values[index] = { ...ins[0], size: s };
      return;
    }
    const width = row ? Math.ceil(BLOCK / 4) * 4 : 1;
    const y: Value = { ...this.room(s * width), stride: row ? s : 0, size: s };
    this.values[index] = y;
    const put = (f: Step): void => {
      (row ? this.each : this.once).push(f);
    };
    const [a, b, c] = ins as [Value, Value, Value];

    switch (n.op) {
      case "param":
        return;
      case "row":
        this.inputs.set(n.name!, y);
        return;
      case "const":
        for (let i = 0; i < s; i++) y.data[i] = n.const![i % n.const!.length];
        return;
      case "convert":
        return put(map1(y, a, n.dtype === 1 ? Math.trunc : (x) => x));
      case "select":
        return put((rows) => {
          for (let r = 0; r < rows; r++) {
            for (let i = 0; i < s; i++) {
              const from = a.data[r * a.stride + i] !== 0 ? b : c;
              y.data[r * s + i] = from.data[r * from.stride + i];
            }
          }
        });
      case "transpose": {
        const xs = strides(shapes[0]);
        return put(move(y, a, indices(shape, (at) => at.reduce((k, v, d) => k + v * xs[ints[d]], 0))));
      }
      case "broadcast": {
        const from = shapes[0], xs = strides(from);
        return put(move(y, a, indices(shape, (at) => at.reduce((k, v, d) => k + (from[d] !== 1 ? v * xs[d] : 0), 0))));
      }
      case "slice": {
        const xs = strides(shapes[0]);
        return put(move(y, a, indices(shape, (at) => at.reduce((k, v, d) => k + (v + (d === ints[0] ? ints[1] : 0)) * xs[d], 0))));
      }
      case "pad": {
        const from = shapes[0], xs = strides(from);
        return put(move(y, a, indices(shape, (at) => {
          const q = at[ints[0]] - ints[1];
          if (q < 0 || q >= from[ints[0]]) return -1;
          return at.reduce((k, v, d) => k + (d === ints[0] ? q : v) * xs[d], 0);
        })));
      }
      case "concat": {
        const axis = ints[0], ys = strides(shape);
        let start = 0;
        ins.forEach((x, j) => {
          const lo = start;
          start += shapes[j][axis];
          const to = indices(shapes[j], (at) => at.reduce((k, v, d) => k + (v + (d === axis ? lo : 0)) * ys[d], 0));
          put(scatterTo(y, x, to));
        });
        return;
      }
      case "sum":
      case "reducemax": {
        const ys = strides(shape);
        const to = indices(shapes[0], (at) => at.reduce((k, v, d) => k + (shape[d] !== 1 ? v * ys[d] : 0), 0));
        const sum = n.op === "sum";
        return put((rows) => {
          y.data.fill(sum ? 0 : -Infinity, 0, rows * s);
          for (let r = 0; r < rows; r++) {
            const o = r * s, p = r * a.stride;
            for (let i = 0; i < to.length; i++) {
              const k = o + to[i], v = a.data[p + i];
              y.data[k] = sum ? y.data[k] + v : Math.max(y.data[k], v);
            }
          }
        });
      }
      case "gather": {
        const w = size(shapes[0].slice(1)), last = shapes[0][0] - 1;
        return put((rows) => {
          for (let r = 0; r < rows; r++) {
            for (let i = 0; i < b.size; i++) {
              const k = Math.min(last, Math.max(0, Math.trunc(b.data[r * b.stride + i]) || 0)), from = r * a.stride + k * w;
              for (let j = 0; j < w; j++) y.data[r * s + i * w + j] = a.data[from + j];
            }
          }
        });
      }
      case "scatter": {
        const w = size(shape.slice(1)), last = shape[0] - 1;
        return put((rows) => {
          y.data.fill(0, 0, rows * s);
          for (let r = 0; r < rows; r++) {
            for (let i = 0; i < a.size; i++) {
              const k = Math.min(last, Math.max(0, Math.trunc(a.data[r * a.stride + i]) || 0));
              for (let j = 0; j < w; j++) y.data[r * s + k * w + j] += b.data[r * b.stride + i * w + j];
            }
          }
        });
      }
      case "unfold":
      case "fold":
        return put(windows(n, y, a, n.op === "unfold" ? shapes[0][2] : shape[2]));
      case "linear":
        return this.linear(n, y, a, b, shapes[1], put);
      case "matmul": {
        const r2 = shape.length, m = shape[r2 - 2], cols = shape[r2 - 1];
        const k = n.transA ? shapes[0][r2 - 2] : shapes[0][r2 - 1], batch = size(shape.slice(0, r2 - 2));
        const [ai, ap] = n.transA ? [1, m] : [k, 1], [bp, bj] = n.transB ? [1, k] : [cols, 1];
        return put((rows) => {
          for (let r = 0; r < rows; r++) {
            for (let q = 0; q < batch; q++) {
              const x0 = r * a.stride + q * m * k, w0 = r * b.stride + q * k * cols, y0 = r * s + q * m * cols;
              for (let i = 0; i < m; i++) {
                for (let j = 0; j < cols; j++) {
                  let sum = 0;
                  for (let p = 0; p < k; p++) sum += a.data[x0 + i * ai! + p * ap!] * b.data[w0 + p * bp! + j * bj!];
                  y.data[y0 + i * cols + j] = sum;
                }
              }
            }
          }
        });
      }
    }
    if (n.op === "sigmoid" && this.kernels && row && a.stride === s) {
      const k = this.kernels;
      return put((rows) => k.sigmoid(a.at, y.at, Math.ceil((rows * s) / 4) * 4));
    }
    if (n.op === "relu" && a.stride === s) return put(relu(y, a));
    if (unary[n.op]) return put(map1(y, a, unary[n.op]));
    if (binary[n.op]) return put(n.op === "add" ? add2(y, a, b) : n.op === "mul" ? mul2(y, a, b) : map2(y, a, b, binary[n.op]));
    throw new ProgramError(`the page has no operation "${n.op}"; it can be sampled with the command line`);
  }

  private linear(n: Node, y: Value, x: Value, w: Value, wShape: readonly number[], put: (f: Step) => void): void {
    const cols = n.shape!.at(-1)!, k = n.transB ? wShape[1] : wShape[0], lead = y.size / Math.max(1, cols);
    const [wk, wn] = n.transB ? [1, k] : [cols, 1];
    if (this.kernels && x.stride > 0 && w.stride === 0 && k > 0 && cols > 0) {
      const kern = this.kernels, wide = Math.ceil(cols / 8) * 8;
      const packed = this.room(k * wide);
      this.packs.push(() => {
        for (let j = 0; j < wide; j++) {
          for (let p = 0; p < k; p++) {
            packed.data[((j >> 3) * k + p) * 8 + (j & 7)] = j < cols ? w.data[p * wk! + j * wn!] : 0;
          }
        }
      });
      const direct = wide === cols, res = direct ? y : { ...this.room(BLOCK * lead * wide), stride: 0, size: 0 };
      put((rows) => {
        const m = rows * lead;
        kern.linear(x.at, packed.at, res.at, Math.min(Math.ceil(m / 4) * 4, BLOCK * lead), k, wide);
        if (!direct) for (let r = 0; r < m; r++) for (let j = 0; j < cols; j++) y.data[r * cols + j] = res.data[r * wide + j];
      });
      return;
    }
    put((rows) => {
      for (let r = 0; r < rows; r++) {
        for (let l = 0; l < lead; l++) product(y.data, r * y.size + l * cols, x.data, r * x.stride + l * k, w.data, r * w.stride, k, cols, wk, wn);
      }
    });
  }
}

/** One row times a matrix. */
function product(y: Float32Array, y0: number, x: Float32Array, x0: number, w: Float32Array, w0: number, k: number, cols: number, wk: number, wn: number): void {
  for (let j = 0; j < cols; j++) {
    let sum = 0;
    for (let p = 0, q = w0 + j * wn; p < k; p++, q += wk) sum += x[x0 + p] * w[q];
    y[y0 + j] = sum;
  }
}

function map1(y: Value, a: Value, f: (x: number) => number): Step {
  const s = y.size;
  return (rows) => {
    if (a.stride === s) {
      for (let i = 0, n = rows * s; i < n; i++) y.data[i] = f(a.data[i]);
      return;
    }
    for (let r = 0; r < rows; r++) for (let i = 0; i < s; i++) y.data[r * s + i] = f(a.data[r * a.stride + i]);
  };
}

function relu(y: Value, a: Value): Step {
  const u = a.data, v = y.data, s = y.size;
  return (rows) => {
    for (let i = 0, n = rows * s; i < n; i++) v[i] = u[i] > 0 ? u[i] : u[i] !== u[i] ? u[i] : 0;
  };
}

function map2(y: Value, a: Value, b: Value, f: (x: number, y: number) => number): Step {
  const s = y.size;
  return (rows) => {
    for (let r = 0; r < rows; r++) {
      for (let i = 0, p = r * a.stride, q = r * b.stride, o = r * s; i < s; i++) y.data[o + i] = f(a.data[p + i], b.data[q + i]);
    }
  };
}

function add2(y: Value, a: Value, b: Value): Step {
  const s = y.size, u = a.data, v = b.data, w = y.data;
  return (rows) => {
    for (let r = 0; r < rows; r++) for (let i = 0, p = r * a.stride, q = r * b.stride, o = r * s; i < s; i++) w[o + i] = u[p + i] + v[q + i];
  };
}

function mul2(y: Value, a: Value, b: Value): Step {
  const s = y.size, u = a.data, v = b.data, w = y.data;
  return (rows) => {
    for (let r = 0; r < rows; r++) for (let i = 0, p = r * a.stride, q = r * b.stride, o = r * s; i < s; i++) w[o + i] = u[p + i] * v[q + i];
  };
}

/** y[i] = x[from[i]], 0 where from is -1. */
function move(y: Value, x: Value, from: Int32Array): Step {
  const s = y.size;
  return (rows) => {
    for (let r = 0; r < rows; r++) {
      const o = r * s, p = r * x.stride;
      for (let i = 0; i < s; i++) y.data[o + i] = from[i] < 0 ? 0 : x.data[p + from[i]];
    }
  };
}

/** y[to[i]] = x[i]. */
function scatterTo(y: Value, x: Value, to: Int32Array): Step {
  const s = y.size;
  return (rows) => {
    for (let r = 0; r < rows; r++) {
      const o = r * s, p = r * x.stride;
      for (let i = 0; i < to.length; i++) y.data[o + to[i]] = x.data[p + i];
    }
  };
}

/** unfold gathers windows of an image, fold adds them back; see graph/window.go. */
function windows(n: Node, y: Value, x: Value, channels: number): Step {
  const [h, w, kh, kw, sy, sx, py, px, oh, ow] = n.ints as [number, number, number, number, number, number, number, number, number, number];
  const image: number[] = [], patch: number[] = [];
  for (let oy = 0; oy < oh; oy++) {
    for (let ox = 0; ox < ow; ox++) {
      for (let ky = 0; ky < kh; ky++) {
        for (let kx = 0; kx < kw; kx++) {
          const iy = oy * sy - py + ky, ix = ox * sx - px + kx;
          if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
          for (let c = 0; c < channels; c++) {
            image.push((iy * w + ix) * channels + c);
            patch.push((((oy * ow + ox) * kh + ky) * kw + kx) * channels + c);
          }
        }
      }
    }
  }
  const from = n.op === "unfold" ? image : patch, to = n.op === "unfold" ? patch : image;
  return (rows) => {
    y.data.fill(0, 0, rows * y.size);
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < to.length; i++) y.data[r * y.size + to[i]] += x.data[r * x.stride + from[i]];
    }
  };
}

function strides(shape: readonly number[]): number[] {
  const s = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    s[i] = step;
    step *= shape[i];
  }
  return s;
}

function indices(shape: readonly number[], f: (at: number[]) => number): Int32Array {
  const out = new Int32Array(size(shape)), at = shape.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = f(at);
    for (let d = at.length - 1; d >= 0; d--) {
      if (++at[d] < shape[d]) break;
      at[d] = 0;
    }
  }
  return out;
}
