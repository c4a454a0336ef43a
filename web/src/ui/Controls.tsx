// The left-hand column. What can be chosen comes from the server's catalogue:
// a field that it lists and this file does not know appears under "More".

import { useEffect, useRef, useState } from "preact/hooks";
import { type Catalogue, type Named, thumbBytes } from "../api.ts";
import { type Value, lookup } from "../recipe.ts";
import { unpack } from "../ink.ts";
import { schedules } from "../flow/mixture.ts";
import { exactPath } from "../side.ts";
import { settingsOf } from "../state.ts";
import { Brush } from "./Brush.tsx";
import { useLive } from "./context.ts";
import { Icon, Segments, Select, Slider, Toggle } from "./parts.tsx";
import { Upload } from "./Upload.tsx";

const labels: Record<string, string> = {
  "coupling.name": "Coupling", "coupling.cost": "Cost of a pair", "coupling.scale": "Scale of the entropy", "path.name": "Path",
  "path.time": "Training times", "path.weight": "Weight over time", family: "Family",
  objective: "Objective", predict: "Network answers", "network.kind": "Network", "network.activation": "Activation",
  "optim.method": "Optimiser", "optim.schedule": "Rate over time", preset: "Preset", source: "Start from",
};
export const human = (path: string): string => labels[path] ?? path.replace(/[._]/g, " ").replace(/^\w/, (c) => c.toUpperCase());

const lists: Record<string, { label: string; values: number[]; limit?: keyof Catalogue["limits"]; show?: (v: number) => string }> = {
  "network.width": { label: "Width", values: [4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512], limit: "width" },
  "network.depth": { label: "Depth", values: [1, 2, 3, 4, 5, 6, 7, 8], limit: "depth" },
  "network.time_features": { label: "Time features", values: [2, 4, 8, 16, 32, 64] },
  "optim.rate": { label: "Learning rate", values: [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05] },
  "train.batch": { label: "Batch", values: [16, 32, 64, 128, 256, 512, 1024], limit: "batch" },
  "optim.ema": { label: "Averaging (EMA)", values: [0, 0.9, 0.99, 0.995, 0.998, 0.999, 0.9995], show: (v) => (v ? String(v) : "none") },
  "train.steps": { label: "Steps", values: [250, 500, 1000, 2000, 4000, 8000, 16000, 32000], limit: "steps" },
};

export function Controls() {
  const [lab, state] = useLive(), [side, setSide] = useState<"a" | "b">("a"), [sheet, setSheet] = useState<"" | "brush" | "upload">("");
  const c = lab.catalogue, edit = state.ab ? side : "a", s = settingsOf(state, edit);
  if (!c) return null;
  const base = c.presets[String(s.recipe.preset ?? "default")] ?? c.presets[Object.keys(c.presets)[0]];
  const value = (path: string): Value | undefined => s.recipe[path] ?? lookup(base, path);
  const set = (path: string, v: Value) => {
    lab.store.setSide(edit, {
      [path]: v,
      // Only a flow chooses its pairs and what it regresses.
      ...(path === "family" ? { "coupling.name": v === "flow" ? "ot" : "independent", objective: "velocity" } : {}),
      ...(path === "coupling.name" ? chosen(String(v)) : {}),
    });
    // Networks of long steps come with the solver that takes them.
    if (path === "objective") lab.store.set({ solver: /^(meanflow|shortcut)$/.test(String(v)) ? "jump" : state.solver === "jump" ? "euler" : state.solver });
  };
  const preset = (name: string) => {
    const kept = (path: string) => /^(data|source|coupling|path|family|objective|predict)\b/.test(path), chosen = c.presets[name];
    const recipe = Object.fromEntries(Object.entries(state[edit].recipe).filter(([k]) => kept(k)));
    // The right-hand side has what the left-hand side changes, unless it says otherwise.
    const back = edit === "a" ? [] : Object.keys(state.a.recipe).filter((k) => !kept(k)).map((k) => [k, lookup(chosen, k)] as const).filter(([, v]) => v !== undefined);
    lab.store.setSide(edit, { ...(Object.fromEntries(back) as Record<string, Value>), preset: name }, { recipe });
  };
  const pick = (path: string, options: Named[] | undefined) => {
    const known = options ?? [];
    if (known.length < 2) return null;
    const v = String(value(path) ?? known[0].name);
    return known.length <= 4 && known.every((o) => o.name.length < 13) ? (
      <Segments key={path} label={human(path)} value={v} options={known} onPick={(x) => set(path, x)} />
    ) : (
      <Select key={path} label={human(path)} value={v} options={known} onPick={(x) => set(path, x)} />
    );
  };
  const number = (path: string) => {
    const l = lists[path], limit = l.limit ? c.limits[l.limit] : Infinity;
    return <Slider key={path} label={l.label} value={Number(value(path) ?? l.values[0])} values={l.values.filter((v) => v <= limit)} show={l.show} onInput={(v) => set(path, v)} />;
  };
  const placed = ["preset", "source", "coupling.name", "path.name", "family", "objective", "network.kind", "network.activation", "optim.method", "optim.schedule", "data.name"];
  const more = Object.keys(c.choices).filter((p) => !placed.includes(p));
  const flow = value("family") === "flow", data = c.data.find((d) => d.name === value("data.name"));
  const use = (ink: string, as: "data" | "source") => {
    lab.store.setSide(edit, {}, as === "data" ? { ink } : { sourceInk: ink });
    setSheet("");
  };
  return (
    <div class="controls">
      {state.ab ? (
        <Segments label="Settings of" value={edit} options={[{ name: "a" as const, label: "Model A" }, { name: "b" as const, label: "Model B" }]} onPick={(v: "a" | "b") => setSide(v)} />
      ) : null}
      <Group title="Data" open>
        <Thumbs data={c.data} chosen={s.ink ? "" : String(value("data.name") ?? "")} onPick={(name) => {
          lab.store.setSide(edit, { "data.name": name }, { ink: "" });
        }} />
        <p class="note about">{s.ink ? <><b>Your points</b> {unpack(s.ink).length / 2} of them</> : data ? <><b>{data.name}</b> {data.about}</> : null}</p>
        <div class="row spread">
          <button type="button" class={`plain ${s.ink ? "on" : ""}`} onClick={() => setSheet("brush")}>Draw your own</button>
          <button type="button" class="plain" onClick={() => setSheet("upload")}>Upload a CSV</button>
        </div>
        {s.ink ? null : <Slider label="Noise added" value={Number(value("data.noise") ?? 0)} min={0} max={0.5} step={0.01} show={(v) => v.toFixed(2)} onInput={(v) => set("data.noise", v)} />}
        {s.sourceInk ? (
          <div class="row spread"><span class="note">Starts from your points</span>
            <button type="button" class="plain" onClick={() => lab.store.setSide(edit, { source: "gaussian" }, { sourceInk: "" })}>Use Gaussian noise</button></div>
        ) : <Select label="Start from" value={String(value("source") ?? "gaussian")} options={c.choices.source ?? [{ name: "gaussian", about: "" }]} onPick={(v) => set("source", v)} />}
      </Group>
      <Group title="Pairs and path" open>
        {s.exact ? (
          <Segments label={human("path.name")} value={exactPath(s.recipe)} options={Object.keys(schedules).map((name) => ({ name, about: c.choices["path.name"]?.find((p) => p.name === name)?.about }))} onPick={(v) => set("path.name", v)} />
        ) : (
          <>
            {pick("family", c.choices.family)}
            {flow ? pick("coupling.name", c.choices["coupling.name"]?.filter((x) => x.name !== "auto")) : null}
            {value("family") === "gan" ? null : pick("path.name", c.choices["path.name"])}
            {flow ? pick("objective", c.choices.objective) : null}
          </>
        )}
        <Toggle label="Exact field, no network" about="What a perfect network would answer to independent pairs: a closed form of the points" on={s.exact} onToggle={(exact) => lab.store.setSide(edit, {}, { exact })} />
      </Group>
      <Group title="Network">
        <Select label="Preset" value={String(s.recipe.preset ?? "default")} options={c.choices.preset ?? []} onPick={preset} />
        {pick("network.kind", c.choices["network.kind"])}
        {number("network.width")}
        {number("network.depth")}
        {pick("network.activation", c.choices["network.activation"])}
        {value("network.kind") === "mlp" ? null : number("network.time_features")}
      </Group>
      <Group title="Training">
        {number("train.steps")}
        {number("optim.rate")}
        {number("train.batch")}
        {number("optim.ema")}
        {pick("optim.method", c.choices["optim.method"])}
        {pick("optim.schedule", c.choices["optim.schedule"])}
        <label class="field"><span>Seed</span>
          <input type="number" min="0" step="1" value={Number(value("train.seed") ?? 0)} onChange={(e) => set("train.seed", Math.max(0, Math.round(Number(e.currentTarget.value) || 0)))} />
        </label>
      </Group>
      {more.length ? <Group title="More">{more.map((p) => pick(p, c.choices[p]))}</Group> : null}
      {sheet === "brush" ? <Brush onClose={() => setSheet("")} onUse={use} /> : null}
      {sheet === "upload" ? <Upload onClose={() => setSheet("")} onUse={use} /> : null}
    </div>
  );
}

function Group(p: { title: string; open?: boolean; children: preact.ComponentChildren }) {
  return (
    <details class="group" open={p.open}>
      <summary>{p.title}</summary>
      <div class="body">{p.children}</div>
    </details>
  );
}

function Thumbs(p: { data: Catalogue["data"]; chosen: string; onPick(name: string): void }) {
  return (
    <fieldset class="thumbs">
      <legend class="unseen">Data set</legend>
      {p.data.map((d) => (
        <label key={d.name} class={d.name === p.chosen ? "on" : ""} title={d.about}>
          <input type="radio" name="data" checked={d.name === p.chosen} onChange={() => p.onPick(d.name)} />
          <Thumb bytes={d.thumb} box={d.box} />
          <span>{d.name}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Thumb({ bytes, box }: { bytes: string; box: number[] }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const [, state] = useLive();
  useEffect(() => {
    const g = ref.current?.getContext("2d"), b = thumbBytes(bytes);
    if (!g) return;
    g.clearRect(0, 0, 96, 96);
    g.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--data");
    const w = box[2] - box[0], h = box[3] - box[1], k = 82 / Math.max(w, h) / 255;
    for (let i = 0; i + 1 < b.length; i += 2) g.fillRect(47 + (b[i] - 127.5) * w * k, 47 - (b[i + 1] - 127.5) * h * k, 2.6, 2.6);
  }, [bytes, state.theme]);
  return <canvas ref={ref} width={96} height={96} aria-hidden="true" />;
}

/** The fields that come with a coupling: one that learns from all the data does so
 * from fewer rows here, where somebody waits. */
export const chosen = (name: string): Record<string, Value> => ({ "coupling.name": name, ...(name === "semidiscrete" ? { "coupling.points": 1024 } : {}) });

/** Train, pause, a single step, reset; and how far it is. */
export function Transport() {
  const [lab, state] = useLive(), sides = (state.ab ? [lab.a, lab.b] : [lab.a]).filter((s) => s.status !== "exact");
  const preparing = sides.some((s) => s.status === "waiting" && !s.run); // a coupling learns, perhaps
  const live = sides.some((s) => s.live), paused = sides.some((s) => s.status === "paused"), p = sides[0]?.progress;
  const step = async () => {
    for (const s of sides) {
      if (!s.run || !["paused", "running"].includes(s.status)) {
        lab.store.set({ trained: false });
        await s.train({ paused: true });
      }
      if (s.status === "running") await s.act("pause");
      await s.act("step");
    }
  };
  const share = p ? p.step / p.steps : 0;
  return (
    <div class="transport">
      <button type="button" class="primary" disabled={sides.length === 0 || preparing} onClick={() => (live ? sides.forEach((s) => void s.act("pause")) : lab.train())}>
        <Icon name={live ? "pause" : "play"} />
        {sides.some((s) => s.status === "finishing") ? "Measuring" : preparing ? "Preparing" : live ? "Pause" : paused ? "Resume" : sides.some((s) => s.status === "done") ? "Train again" : "Train"}
      </button>
      <button type="button" class="plain" onClick={() => void step()} aria-label="One training step" title="One training step" disabled={sides.length === 0}><Icon name="step" /></button>
      <button type="button" class="plain" onClick={() => lab.reset()} aria-label="Reset the training" title="Forget what was learnt"><Icon name="reset" /></button>
      <div class="bar" role="progressbar" aria-label="Training" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * share)}><i style={{ width: `${100 * share}%` }} /></div>
    </div>
  );
}
