// Time, solver and layers: what acts on the picture at once, without training.

import { useEffect, useRef } from "preact/hooks";
import { jump } from "../flow/solve.ts";
import { solvers } from "../side.ts";
import { type Layer, layers } from "../state.ts";
import { useLive } from "./context.ts";
import { Icon, Select, Slider, Toggle } from "./parts.tsx";

const layerNames: Record<Layer, [string, string]> = {
  trails: ["Trails", "Where particles come from"],
  arrows: ["Arrows", "The velocity field at this time"],
  density: ["Density", "Where the particles are dense"],
  grid: ["Grid", "What the flow does to a square mesh"],
  data: ["Data", "Points of the data set"],
};

export function TimeBar() {
  const [lab, state] = useLive(), range = useRef<HTMLInputElement>(null), out = useRef<HTMLOutputElement>(null);
  useEffect(() => {
    const show = (t: number) => {
      if (!range.current || !out.current) return;
      range.current.value = String(t);
      range.current.style.setProperty("--fill", `${100 * t}%`);
      range.current.setAttribute("aria-valuetext", `time ${t.toFixed(2)}, ${t < 0.02 ? "noise" : t > 0.98 ? "data" : "between"}`);
      out.current.textContent = t.toFixed(2);
    };
    show(lab.clock.t);
    return lab.clock.on(show);
  }, [lab]);
  return (
    <div class="time">
      <button type="button" class="round" aria-label={lab.clock.playing ? "Pause the flow" : "Play the flow"} aria-pressed={lab.clock.playing} onClick={() => { lab.clock.play(!lab.clock.playing); lab.store.set({}); }}>
        <Icon name={lab.clock.playing ? "pause" : "play"} />
      </button>
      <span class="end noise" aria-hidden="true">noise</span>
      <label class="track"><span class="unseen">Time from noise to data</span>
        <input ref={range} class="timeline" type="range" min="0" max="1" step="0.005" onInput={(e) => { lab.clock.play(false); lab.clock.set(Number(e.currentTarget.value)); }} />
      </label>
      <span class="end data" aria-hidden="true">data</span>
      <output ref={out} aria-hidden="true">{state.t.toFixed(2)}</output>
    </div>
  );
}

export function SolverBar() {
  const [lab, state] = useLive(), sides = state.ab ? [lab.a, lab.b] : [lab.a];
  const { method, steps, nfe } = lab.a.stepping(state);
  const options = [...solvers, ...(sides.some((s) => s.long) || state.solver === jump.name ? [jump] : [])];
  const once = sides.every((s) => s.run?.once);
  return (
    <div class="solver">
      <Select label="Solver" value={method.name} options={options} onPick={(v) => lab.store.set({ solver: v })} />
      <Slider class="nfe" label="Evaluations" value={once ? 1 : state.nfe} min={1} max={100} show={() => (once ? "1, all that this network is for" : `${nfe} in ${steps} step${steps === 1 ? "" : "s"}`)} onInput={(v) => lab.store.set({ nfe: v })} />
    </div>
  );
}

export function Layers() {
  const [lab, state] = useLive();
  return (
    <div class="layers" role="group" aria-label="Layers">
      {layers.filter((l) => l !== "trails" || state.view === "flow").map((l) => (
        <Toggle key={l} label={layerNames[l][0]} about={layerNames[l][1]} on={state.show.includes(l)} onToggle={(on) => lab.store.set({ show: layers.filter((x) => (x === l ? on : state.show.includes(x))) })} />
      ))}
      <span class="gap" />
      <Slider class="count" label="Particles" value={state.n} values={[100, 250, 500, 1000, 2000, 3000, 5000]} onInput={(n) => lab.store.set({ n })} />
      <button type="button" class="quiet" onClick={() => lab.store.set({ seed: state.seed + 1 })} title="Other noise, the same model">New noise</button>
    </div>
  );
}
