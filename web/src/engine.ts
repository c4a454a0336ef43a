// One side's worker, with answers as promises.

import { type Answer, type Task, serve } from "./engine-core.ts";
import { bundle } from "./bundle.ts";

export class Engine {
  private readonly worker: Worker | null;
  private readonly here = serve();
  private readonly waiting = new Map<number, (a: Answer) => void>();
  private next = 1;

  constructor() {
    this.worker = start();
    if (this.worker) {
      this.worker.onmessage = (e: MessageEvent<{ id: number } & Answer>) => {
        this.waiting.get(e.data.id)?.(e.data);
        this.waiting.delete(e.data.id);
      };
    }
  }

  /** Answers come in the order of the questions. */
  ask(task: Task): Promise<Answer> {
    const id = this.next++;
    if (!this.worker) return new Promise((done) => setTimeout(() => done(this.here({ id, task }).reply)));
    return new Promise((done) => {
      this.waiting.set(id, done);
      this.worker?.postMessage({ id, task });
    });
  }
}

function start(): Worker | null {
  try {
    // In an exported page the worker's text is within the page.
    if (bundle) return new Worker(URL.createObjectURL(new Blob([bundle.worker], { type: "text/javascript" })));
    return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  } catch {
    return null;
  }
}
