// Two numeric kernels in WebAssembly SIMD, assembled here byte by byte: the
// product of rows with a packed matrix, and the logistic function. JavaScript
// has no vector arithmetic, and these two are nearly all the time of a network.
// Where WebAssembly is not to be had, the callers' plain loops do the same.

export interface Kernels {
  /** y[rows x n] = x[rows x k] times w, packed in panels of 8 columns. rows is a
   * multiple of 4, n of 8; arguments are byte offsets and counts. */
  linear(x: number, w: number, y: number, rows: number, k: number, n: number): void;
  /** y = 1 / (1 + exp(-x)) for n numbers, a multiple of 4. */
  sigmoid(x: number, y: number, n: number): void;
}

const I32 = 0x7f, V128 = 0x7b;

const uleb = (v: number): number[] => {
  const out: number[] = [];
  do {
    const b = v & 0x7f;
    v >>>= 7;
    out.push(v ? b | 0x80 : b);
  } while (v);
  return out;
};
const sleb = (v: number): number[] => {
  const out: number[] = [];
  for (;;) {
    const b = v & 0x7f;
    v >>= 7;
    if ((v === 0 && !(b & 0x40)) || (v === -1 && b & 0x40)) return [...out, b];
    out.push(b | 0x80);
  }
};
const get = (i: number) => [0x20, i];
const set = (i: number) => [0x21, i];
const i32 = (v: number) => [0x41, ...sleb(v)];
const add = [0x6a], mul = [0x6c], shl = [0x74];
const simd = (op: number) => [0xfd, ...uleb(op)];
const load = (offset: number) => [...simd(0), 4, ...uleb(offset)];
const splatLoad = [...simd(9), 2, 0];
const store = (offset: number) => [...simd(11), 4, ...uleb(offset)];
const vadd = simd(228), vsub = simd(229), vmul = simd(230), vdiv = simd(231), vmin = simd(232), vmax = simd(233);
const vneg = simd(225), nearest = simd(0x6a), truncate = simd(248), iadd = simd(174), ishl = simd(171);
const vconst = (v: number, float = true): number[] => {
  const b = new DataView(new ArrayBuffer(4));
  if (float) b.setFloat32(0, v, true);
  else b.setInt32(0, v, true);
  const w = [0, 1, 2, 3].map((i) => b.getUint8(i));
  return [...simd(12), ...w, ...w, ...w, ...w];
};
/** do { body } while (local < limit), with local advanced by step before the test. */
const loop = (local: number, step: number, limit: number, body: number[]): number[] => [
  0x03, 0x40, ...body, ...get(local), ...i32(step), ...add, 0x22, local, ...get(limit), 0x49, 0x0d, 0, 0x0b,
];
const advance = (local: number, by: number[]) => [...get(local), ...by, ...add, ...set(local)];

/** function linear: parameters 0..5, then its locals. */
function linearBody(): number[] {
  const [x, w, y, rows, k, n] = [0, 1, 2, 3, 4, 5];
  const r = 6, j = 7, p = 8, k4 = 9, n4 = 10, wp = 11, yp = 12, xp = [13, 14, 15, 16];
  const acc = [17, 18, 19, 20, 21, 22, 23, 24], w0 = 25, w1 = 26, a = 27;
  const inner: number[] = [...get(wp), ...load(0), ...set(w0), ...get(wp), ...load(16), ...set(w1)];
  for (let i = 0; i < 4; i++) {
    inner.push(...get(xp[i]!), ...splatLoad, ...set(a));
    inner.push(...get(acc[2 * i]!), ...get(a), ...get(w0), ...vmul, ...vadd, ...set(acc[2 * i]!));
    inner.push(...get(acc[2 * i + 1]!), ...get(a), ...get(w1), ...vmul, ...vadd, ...set(acc[2 * i + 1]!));
    inner.push(...advance(xp[i]!, i32(4)));
  }
  inner.push(...advance(wp, i32(32)));
  const column: number[] = [];
  for (const v of acc) column.push(...vconst(0), ...set(v));
  column.push(...get(x), ...get(r), ...get(k4), ...mul, ...add, ...set(xp[0]!));
  for (let i = 1; i < 4; i++) column.push(...get(xp[i - 1]!), ...get(k4), ...add, ...set(xp[i]!));
  column.push(...i32(0), ...set(p), ...loop(p, 1, k, inner));
  // y + (r n + j) 4
  column.push(...get(y), ...get(r), ...get(n), ...mul, ...get(j), ...add, ...i32(2), ...shl, ...add, ...set(yp));
  for (let i = 0; i < 4; i++) {
    column.push(...get(yp), ...get(acc[2 * i]!), ...store(0), ...get(yp), ...get(acc[2 * i + 1]!), ...store(16));
    column.push(...advance(yp, get(n4)));
  }
  const row = [...get(w), ...set(wp), ...i32(0), ...set(j), ...loop(j, 8, n, column)];
  return [
    ...get(k), ...i32(2), ...shl, ...set(k4), ...get(n), ...i32(2), ...shl, ...set(n4),
    ...i32(0), ...set(r), ...loop(r, 4, rows, row),
  ];
}

/** function sigmoid: exp by reduction to [-ln2/2, ln2/2] and a polynomial of
 * degree 6, relative error below 2e-7. */
function sigmoidBody(): number[] {
  const [x, y, n] = [0, 1, 2];
  const i = 3, z = 4, m = 5;
  const poly = [1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1];
  const body: number[] = [
    ...get(x), ...load(0), ...vneg, ...vconst(-87), ...vmax, ...vconst(87), ...vmin, ...set(z),
    ...get(z), ...vconst(Math.LOG2E), ...vmul, ...nearest, ...set(m),
    ...get(z), ...get(m), ...vconst(0.693359375), ...vmul, ...vsub,
    ...get(m), ...vconst(-2.12194440e-4), ...vmul, ...vsub, ...set(z),
    ...vconst(poly[0]!),
  ];
  for (const c of poly.slice(1)) body.push(...get(z), ...vmul, ...vconst(c), ...vadd);
  body.push(...get(m), ...truncate, ...vconst(127, false), ...iadd, ...i32(23), ...ishl, ...vmul, ...set(z));
  body.push(...get(y), ...vconst(1), ...vconst(1), ...get(z), ...vadd, ...vdiv, ...store(0));
  body.push(...advance(x, i32(16)), ...advance(y, i32(16)));
  return [...i32(0), ...set(i), ...loop(i, 4, n, body)];
}

const section = (id: number, items: number[][]): number[] => {
  const body = [...uleb(items.length), ...items.flat()];
  return [id, ...uleb(body.length), ...body];
};
const text = (s: string): number[] => [s.length, ...[...s].map((c) => c.charCodeAt(0))];
const code = (locals: [number, number][], body: number[]): number[] => {
  const all = [locals.length, ...locals.flatMap(([count, type]) => [count, type]), ...body, 0x0b];
  return [...uleb(all.length), ...all];
};

function bytes(): Uint8Array<ArrayBuffer> {
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [[0x60, 6, I32, I32, I32, I32, I32, I32, 0], [0x60, 3, I32, I32, I32, 0]]),
    ...section(2, [[...text("m"), ...text("m"), 2, 0, 0]]),
    ...section(3, [[0], [1]]),
    ...section(7, [[...text("linear"), 0, 0], [...text("sigmoid"), 0, 1]]),
    ...section(10, [code([[11, I32], [11, V128]], linearBody()), code([[1, I32], [2, V128]], sigmoidBody())]),
  ]);
}

let compiled: WebAssembly.Module | null | undefined;

/** The kernels over a memory, or null where the machine or the page's policy
 * does not allow WebAssembly. */
export function kernels(memory: WebAssembly.Memory): Kernels | null {
  try {
    if (compiled === null) return null;
    compiled ??= new WebAssembly.Module(bytes());
    return new WebAssembly.Instance(compiled, { m: { m: memory } }).exports as unknown as Kernels;
  } catch {
    compiled = null;
    return null;
  }
}
