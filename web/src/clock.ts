// The time of the flow, 0 to 1. It changes with every frame while it plays, so
// it is not part of the store; what shows it listens here.

type Listener = (t: number) => void;

export class Clock {
  private listeners = new Set<Listener>();
  private last = 0;
  private hold = 0;
  playing = false;
  /** Seconds from noise to data. */
  length = 3.2;

  constructor(public t = 1, private readonly settled: (t: number) => void = () => {}) {}

  on(f: Listener): () => void {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  }

  set(t: number, quietly = false): void {
    this.t = Math.min(1, Math.max(0, t));
    for (const f of [...this.listeners]) f(this.t);
    if (!quietly) this.settled(this.t);
  }

  play(on: boolean): void {
    if (on === this.playing) return;
    this.playing = on;
    if (on) {
      if (this.t >= 1) this.t = 0;
      this.last = performance.now();
      this.hold = 0;
      requestAnimationFrame(this.tick);
    } else this.settled(this.t);
    this.set(this.t, true);
  }

  private tick = (now: number): void => {
    if (!this.playing) return;
    const dt = Math.min(0.1, (now - this.last) / 1000);
    this.last = now;
    if (this.t >= 1) {
      // Rest at the data, then begin again.
      this.hold += dt;
      if (this.hold > 1.4) {
        this.hold = 0;
        this.set(0, true);
      }
    } else this.set(this.t + dt / this.length, true);
    requestAnimationFrame(this.tick);
  };
}
