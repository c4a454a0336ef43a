// The right-hand column: what training and sampling measure, live.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { api } from "../api.ts";
import { bundle } from "../bundle.ts";
import type { Side } from "../side.ts";
import { useLive } from "./context.ts";

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (v: number): string => (v >= 1000 ? `${+(v / 1000).toFixed(1)}k` : String(+v.toPrecision(3)));
const fixed = (v: number | null | undefined, digits = 3): string => (v == null || !Number.isFinite(v) ? "–" : v.toFixed(digits));

function Chart(p: { label: string; data: uPlot.AlignedData; make: (width: number) => Omit<uPlot.Options, "width" | "height">; height?: number; look: string }) {
  const ref = useRef<HTMLDivElement>(null), plot = useRef<uPlot | null>(null), data = useRef(p.data);
  data.current = p.data;
  useEffect(() => {
    const el = ref.current as HTMLDivElement, height = p.height ?? 132;
    let width = 0;
    const build = () => {
      plot.current?.destroy();
      width = el.clientWidth;
      plot.current = new uPlot({ ...p.make(width), width, height }, data.current, el);
    };
    build();
    const watch = new ResizeObserver(() => el.clientWidth !== width && el.clientWidth > 0 && plot.current?.setSize({ width: (width = el.clientWidth), height }));
    watch.observe(el);
    return () => {
      watch.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [p.look]);
  useEffect(() => plot.current?.setData(p.data), [p.data]);
  return <div class="chart" ref={ref} role="img" aria-label={p.label} />;
}

const axis = (): uPlot.Axis => ({
  stroke: css("--soft"), grid: { stroke: css("--faint"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif", gap: 3, size: 22,
  values: (_, vs) => vs.map((v) => (v == null ? "" : short(v))),
});

/** Round numbers within a range of a logarithmic axis. */
function ticks(lo: number, hi: number): number[] {
  const within = (list: number[]) => [-3, -2, -1, 0, 1].flatMap((e) => list.map((m) => +(m * 10 ** e).toPrecision(3))).filter((v) => v >= lo && v <= hi);
  const fine = within([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 7]);
  return fine.length <= 6 ? fine : within([1, 2, 5]);
}

/** Mean of neighbours: the loss of a batch is mostly luck. */
function smooth(points: [number, number][]): [number[], number[]] {
  const stride = Math.max(1, Math.floor(points.length / 240)), xs: number[] = [], ys: number[] = [];
  for (let i = 0; i < points.length; i += stride) {
    const part = points.slice(i, i + stride);
    xs.push(part[part.length - 1][0]);
    ys.push(part.reduce((s, [, y]) => s + y, 0) / part.length);
  }
  return [xs, ys];
}

/** Columns of several lines over one axis. */
const join = (lines: [number[], number[]][]): uPlot.AlignedData => {
  const tables = lines.map(([x, y]) => [x, y] as uPlot.AlignedData);
  return tables.length === 1 ? tables[0] : uPlot.join(tables);
};

function useTheme(): string {
  const [media, set] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const m = matchMedia("(prefers-color-scheme: dark)"), f = () => set(m.matches);
    m.addEventListener("change", f);
    return () => m.removeEventListener("change", f);
  }, []);
  return String(media);
}

export function Charts() {
  const [lab, state] = useLive(), theme = useTheme() + state.theme;
  const sides = state.ab ? [lab.a, lab.b] : [lab.a];
  const exact = sides.every((s) => s.status === "exact");
  const key = sides.map((s) => `${s.losses.length}.${s.quality?.step}.${s.quality?.final}.${s.run?.id}`).join();
  const dash = [[], [5, 3]];

  const floors = sides.map((s) => s.quality?.loss_floor ?? 0).filter((v) => v > 0);
  const lossData = join(sides.map((s) => smooth(s.losses)));
  // Two losses that are far apart share a logarithmic axis.
  const known = lossData.slice(1).flatMap((y) => [...y].filter((v): v is number => v != null && v > 0));
  const wide = state.ab && known.length > 0 && Math.max(...known) > 8 * Math.min(...known);
  const lossMake = () => ({
    legend: { show: false }, cursor: { show: false }, padding: [8, 16, 0, 0] as [number, number, number, number],
    scales: { x: { time: false }, y: { ...(wide ? { distr: 3 as const, log: 10 as const } : {}), range: (_: uPlot, lo: number, hi: number) => [Math.min(lo, ...floors) * (wide ? 0.8 : 0.97), hi * (wide ? 1.25 : 1.03)] as [number, number] } },
    axes: [axis(), { ...axis(), size: 38, ...(wide ? { splits: (_: uPlot, __: number, lo: number, hi: number) => ticks(lo, hi), filter: (_: uPlot, v: number[]) => v } : {}) }],
    series: [{}, ...sides.map((_, i) => ({ stroke: css("--ink"), width: 1.5, dash: dash[i], points: { show: false } }))],
    hooks: { draw: [(u: uPlot) => floors.forEach((v) => level(u, v))] },
  });
  const [here, setHere] = useState<(Awaited<ReturnType<typeof api.quality>> | null)[]>([]);
  useEffect(() => {
    let off = false;
    const wait = setTimeout(() => {
      void Promise.all(sides.map((s) => {
        const { method, nfe } = s.stepping(state);
        return s.run && !bundle && (s.status === "done" || s.status === "paused" || s.status === "stopped") ? api.quality(s.run.id, method.name, nfe, s.signal).catch(() => null) : null;
      })).then((q) => off || setHere(q));
    }, 160);
    return () => {
      off = true;
      clearTimeout(wait);
    };
  }, [state.solver, state.nfe, sides.map((s) => s.status + s.quality?.step).join(), state.ab]);

  const now = sides.map((s, i) => {
    const { method, nfe } = s.stepping(state), last = here[i];
    return measured(s, method.name, nfe) ?? (last?.nfe === nfe ? last : null);
  });
  const points = useRef(now);
  points.current = now;
  const w2Floor = Math.max(0, ...sides.map((s) => s.quality?.floor ?? 0));
  const w2Data = join(sides.map((s) => {
    const rows = (s.quality?.rows ?? []).filter((r) => r.w2 !== null);
    return [rows.map((r) => r.nfe), rows.map((r) => r.w2 as number)];
  }));
  const w2Make = () => ({
    legend: { show: false }, cursor: { show: false }, padding: [10, 16, 0, 0] as [number, number, number, number],
    scales: {
      x: { time: false, distr: 3 as const, log: 10 as const, range: () => [0.9, 110] as [number, number] },
      y: { distr: 3 as const, log: 10 as const, range: (_: uPlot, lo: number, hi: number) => [Math.min(lo, w2Floor || lo) * 0.8, hi * 1.25] as [number, number] },
    },
    axes: [
      { ...axis(), splits: () => [1, 2, 4, 8, 16, 32, 100], filter: (_: uPlot, v: number[]) => v },
      { ...axis(), size: 38, splits: (_: uPlot, __: number, lo: number, hi: number) => ticks(lo, hi), filter: (_: uPlot, v: number[]) => v },
    ],
    series: [{}, ...sides.map((_, i) => ({ stroke: css("--ink"), width: 1.5, dash: dash[i], points: { show: true, size: 5, fill: css("--panel"), stroke: css("--ink") } }))],
    hooks: {
      draw: [(u: uPlot) => {
        level(u, w2Floor);
        points.current.forEach((q, i) => {
          if (!q?.w2) return;
          u.ctx.beginPath();
          u.ctx.arc(u.valToPos(q.nfe, "x", true), u.valToPos(q.w2, "y", true), 6 * devicePixelRatio, 0, 2 * Math.PI);
          u.ctx.fillStyle = css(i ? "--panel" : "--data");
          u.ctx.fill();
          u.ctx.strokeStyle = css("--data");
          u.ctx.lineWidth = 2 * devicePixelRatio;
          u.ctx.stroke();
        });
      }],
    },
  });
  const look = `${theme}|${state.ab}|`;
  const losses = useStable(lossData, key), distances = useStable(w2Data, key + now.map((q) => `${q?.nfe}:${q?.w2}`).join());
  return (
    <section class="charts" aria-label="Measurements">
      <div class="figures">
        {sides.map((s, i) => <Reading key={s.name} side={s} title={state.ab ? `Model ${s.name.toUpperCase()}` : ""} here={now[i]} />)}
      </div>
      <div class="figure">
        <h2>Loss <small title="Dotted: an estimate of the part that no network can remove">by step{floors.length ? ", and its floor" : ""}</small></h2>
        {losses[0].length > 1 ? <Chart label="Training loss by step" data={losses} make={lossMake} look={`${look}${floors.join()}${wide}`} /> : <p class="empty">{exact ? "The exact field needs no training." : "Nothing learnt yet."}</p>}
      </div>
      <div class="figure">
        <h2>Distance to data <small title="W₂ by the number of network evaluations. Dotted: two draws of the data">W₂ by evaluations</small></h2>
        {distances[0].length ? <Chart label="Wasserstein distance to the data by number of network evaluations, with the current setting marked" data={distances} make={w2Make} look={`${look}${w2Floor}`} /> : <p class="empty">{exact ? "Only a trained model is measured." : "Measured while training runs."}</p>}
      </div>
    </section>
  );
}

function useStable<T>(v: T, key: string): T {
  const ref = useRef({ key, v });
  if (ref.current.key !== key) ref.current = { key, v };
  return ref.current.v;
}

/** What the run itself measured at a setting, if it did. */
function measured(s: Side, solver: string, nfe: number): { nfe: number; w2: number | null; ratio: number | null } | null {
  return s.quality?.solver === solver ? (s.quality.rows.find((r) => r.nfe === nfe && r.w2 !== null) ?? null) : null;
}

function level(u: uPlot, v: number): void {
  if (!v) return;
  const y = u.valToPos(v, "y", true);
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  u.ctx.moveTo(u.bbox.left, y);
  u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
  u.ctx.strokeStyle = css("--soft");
  u.ctx.lineWidth = devicePixelRatio;
  u.ctx.stroke();
  u.ctx.restore();
}

function Reading({ side, title, here }: { side: Side; title: string; here: { nfe: number; w2: number | null; ratio: number | null } | null }) {
  const p = side.progress;
  if (side.status === "exact") return title ? <dl class="readings" data-side={side.name} data-status="exact"><div class="title"><dt>{title} <i class={`line ${side.name}`} /></dt><dd>exact field</dd></div></dl> : null;
  return (
    <dl class="readings" aria-label={title || "Readings"} data-status={side.status} data-step={p?.step ?? 0} data-side={side.name}>
      {title ? <div class="title"><dt>{title} <i class={`line ${side.name}`} /></dt><dd>{side.status}</dd></div> : null}
      <div><dt>step</dt><dd>{p ? p.step : 0}<small> / {p ? short(p.steps) : "–"}</small></dd></div>
      <div><dt>steps/s</dt><dd>{p?.rate ? short(Math.round(p.rate)) : "–"}</dd></div>
      <div><dt>loss</dt><dd>{fixed(p?.loss)}</dd></div>
      <div class="wide"><dt>W₂ {here ? <small>at {here.nfe} evaluation{here.nfe === 1 ? "" : "s"}</small> : null}</dt><dd>{fixed(here?.w2)} {here?.ratio ? <small>{here.ratio.toFixed(1)} × floor</small> : null}</dd></div>
    </dl>
  );
}
