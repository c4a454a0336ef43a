import "./style.css";
import { render } from "preact";
import { type Catalogue, api } from "./api.ts";
import { bundle } from "./bundle.ts";
import { Clock } from "./clock.ts";
import { Side, offer } from "./side.ts";
import { Store, defaults, fromHash, settingsOf, toHash } from "./state.ts";
import { App } from "./ui/App.tsx";
import { type Lab, calm } from "./ui/context.ts";
import { frames } from "./ui/Stage.tsx";

const store = new Store(fromHash(bundle ? bundle.hash : location.hash), (hash) => {
  if (!bundle && hash !== location.hash) history.replaceState(null, "", hash === "#" ? location.pathname : hash);
});
const clock = new Clock(store.state.t, (t) => store.set({ t }));
const listeners = new Set<() => void>();
const changed = () => {
  for (const f of [...listeners]) f();
};
const get = () => store.state;
const a = new Side("a", get, changed), b = new Side("b", get, changed);

const lab: Lab = {
  store, clock, a, b, catalogue: null,
  say(text) {
    const el = document.getElementById("said");
    if (el) el.textContent = text;
  },
  on(f) {
    listeners.add(f);
    return () => listeners.delete(f);
  },
  train() {
    store.set({ trained: true });
    const sides = store.state.ab ? [a, b] : [a];
    // A second press on what is finished trains anew.
    for (const s of sides) if (s.status === "done" || s.status === "stopped" || s.status === "failed") s.reset();
    work();
    for (const s of sides) if (s.status === "paused") void s.train();
  },
  reset() {
    store.set({ trained: false });
    a.reset();
    if (store.state.ab) b.reset();
  },
};

/** Brings the sides to what the state asks for. */
function work(): void {
  const s = store.state;
  a.take(settingsOf(s, "a"));
  if (s.ab) b.take(settingsOf(s, "b"));
  if (!s.trained) return;
  const start = async () => {
    if (a.status === "idle") await a.train();
    if (!store.state.ab) return;
    b.take(settingsOf(store.state, "b")); // it may have been asked for meanwhile
    if (b.status === "idle") await b.train({ beside: a });
  };
  void start();
}

let timer = 0, shown = "", set = "", seed = store.state.seed;
const follow = () => {
  const s = store.state, seen = JSON.stringify([s.solver, s.nfe, s.n, s.seed, s.view, s.show.includes("grid"), s.drops, s.ab]);
  const settings = JSON.stringify([s.a, s.ab ? s.b : 0, s.trained]);
  if (settings !== set) {
    // A slider on its way asks for many models; the last one is meant.
    clearTimeout(timer);
    timer = setTimeout(work, set ? 220 : 0) as unknown as number;
    set = settings;
  }
  if (seen !== shown) {
    shown = seen;
    a.refresh();
    if (s.ab) b.refresh();
  }
  if (s.seed !== seed) {
    seed = s.seed;
    void a.reseed();
    if (s.ab) void b.reseed();
  }
  document.documentElement.dataset.theme = s.theme;
};

document.addEventListener("keydown", (e) => {
  if (e.key !== " " || e.defaultPrevented || (e.target as HTMLElement).closest("button, input, select, summary, dialog, a")) return;
  e.preventDefault();
  clock.play(!clock.playing);
});
window.addEventListener("hashchange", () => {
  if (toHash(store.state) === location.hash) return;
  store.set({ ...defaults(), ...fromHash(location.hash) });
  clock.set(store.state.t);
});
window.addEventListener("pagehide", () => {
  a.close();
  b.close();
});
window.addEventListener("pageshow", (e) => e.persisted && location.reload());

const root = document.getElementById("app") as HTMLElement;
document.documentElement.dataset.theme = store.state.theme;

async function open(): Promise<void> {
  if (bundle) {
    offer(bundle.solvers);
    render(<App lab={lab} />, root);
    a.settings = store.state.a;
    b.settings = settingsOf(store.state, "b");
    store.on(() => {
      document.documentElement.dataset.theme = store.state.theme;
      a.refresh();
      if (store.state.ab) b.refresh();
    });
    await a.restore(bundle.sides.a);
    if (bundle.sides.b) await b.restore(bundle.sides.b);
    if (!calm()) clock.play(true);
    return;
  }
  let catalogue: Catalogue;
  try {
    catalogue = await api.catalogue();
  } catch (e) {
    root.innerHTML = "";
    const p = document.createElement("p");
    p.className = "down";
    p.textContent = (e as Error).message;
    root.append(p);
    return;
  }
  lab.catalogue = catalogue;
  offer(catalogue.solvers);
  store.on(follow);
  render(<App lab={lab} />, root);
  follow();
}

// For the browser tests, which look at figures that no element shows.
(window as unknown as { laminar: unknown }).laminar = { lab, frames };
void open();
