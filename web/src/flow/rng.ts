// The keys and streams of package rng, so that the page starts from the very
// noise that `laminar sample` starts from. 64-bit words are bigints: a few
// thousand points take some tens of milliseconds, once.

const MASK = (1n << 64n) - 1n;
const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (64n - k))) & MASK;

function finish(z: bigint): bigint {
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

export class Key {
  private constructor(private readonly hi: bigint, private readonly lo: bigint) {}

  static of(seed: bigint | number): Key {
    return new Key(0x6c616d696e617221n, BigInt.asUintN(64, BigInt(seed))).mix(0x9e3779b97f4a7c15n);
  }

  split(name: string): Key {
    let h = 0xcbf29ce484222325n;
    for (const b of new TextEncoder().encode(name)) h = ((h ^ BigInt(b)) * 0x100000001b3n) & MASK;
    return this.mix(h ^ 0x5851f42d4c957f2dn);
  }

  at(i: number): Key {
    return this.mix(BigInt(i) ^ 0xd1342543de82ef95n);
  }

  stream(): Stream {
    const a = this.mix(1n), b = this.mix(2n);
    return new Stream(a.hi, a.lo | 1n, b.hi, b.lo);
  }

  private mix(v: bigint): Key {
    const p1 = (this.lo ^ v) * 0xa0761d6478bd642fn, h1 = p1 >> 64n, l1 = p1 & MASK;
    const p2 = (this.hi ^ rotl(v, 32n) ^ l1) * 0xe7037ed1a0b428dbn, h2 = p2 >> 64n, l2 = p2 & MASK;
    return new Key(finish(h1 ^ l2 ^ this.hi), finish(h2 ^ l1 ^ rotl(this.lo, 17n)));
  }
}

/** xoshiro256++ */
export class Stream {
  constructor(private s0: bigint, private s1: bigint, private s2: bigint, private s3: bigint) {}

  uint64(): bigint {
    const r = (rotl((this.s0 + this.s3) & MASK, 23n) + this.s0) & MASK, t = (this.s1 << 17n) & MASK;
    this.s2 ^= this.s0;
    this.s3 ^= this.s1;
    this.s1 ^= this.s2;
    this.s0 ^= this.s3;
    this.s2 ^= t;
    this.s3 = rotl(this.s3, 45n);
    return r;
  }

  float64(): number {
    return Number(this.uint64() >> 11n) * 2 ** -53;
  }

  /** N(0, 1) by the ziggurat of 256 layers. */
  normal(): number {
    for (;;) {
      const u = this.uint64(), layer = Number(u & 0xffn);
      const x = Number(BigInt.asIntN(64, u) >> 11n) * 2 ** -52, z = x * zig.x[layer];
      if (Math.abs(x) < zig.ratio[layer]) return z;
      if (layer === 0) return this.tail(x < 0);
      const a = zig.f[layer + 1] + (zig.f[layer] - zig.f[layer + 1]) * this.float64();
      if (a < Math.exp(-0.5 * z * z)) return z;
    }
  }

  private tail(negative: boolean): number {
    for (;;) {
      const x = -Math.log(1 - this.float64()) / R, y = -Math.log(1 - this.float64());
      if (y + y > x * x) return negative ? -R - x : R + x;
    }
  }
}

const R = 3.6541528853610088;
const zig = (() => {
  const x = new Float64Array(257), f = new Float64Array(257), ratio = new Float64Array(256);
  const density = (v: number) => Math.exp(-0.5 * v * v), area = 0.00492867323399141;
  x[0] = area / density(R);
  x[1] = R;
  for (let i = 2; i < 256; i++) x[i] = Math.sqrt(-2 * Math.log(area / x[i - 1] + density(x[i - 1])));
  for (let i = 0; i < 257; i++) f[i] = density(x[i]);
  for (let i = 0; i < 256; i++) ratio[i] = x[i + 1] / x[i];
  return { x, f, ratio };
})();

/** The rows of noise that a sample of this seed starts from: row i from the
 * seed's i-th key. */
export function noise(seed: bigint | number, rows: number, dim = 2): Float32Array {
  const out = new Float32Array(rows * dim), key = Key.of(seed);
  for (let i = 0; i < rows; i++) {
    const s = key.at(i).stream();
    for (let j = 0; j < dim; j++) out[i * dim + j] = s.normal();
  }
  return out;
}
