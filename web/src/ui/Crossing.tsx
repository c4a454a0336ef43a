// The crossing problem: the lines that training draws from noise to data under a
// coupling, and beside them the mean that a network must answer with.

import { useEffect, useRef, useState } from "preact/hooks";
import { type Pairs, api, f32 } from "../api.ts";
import { Plot, cross, hue, mix, palette } from "../draw.ts";
import { lattice, subject, type Side } from "../side.ts";
import { settingsOf } from "../state.ts";
import { useLive } from "./context.ts";
import { chosen } from "./Controls.tsx";
import { Segments } from "./parts.tsx";

const LINES = 64, WIDTH = 0.17;

interface Loaded {
  pairs: Pairs;
  x0: Float32Array;
  x1: Float32Array;
  box: number[];
}

/** The schedule at t, between its tabulated times. */
function scheduleAt(p: Pairs, t: number): [number, number, number, number] {
  const s = p.schedule, k = Math.max(0, Math.min(s.t.length - 2, s.t.findIndex((v) => v > t) - 1));
  const i = t >= s.t[s.t.length - 1] ? s.t.length - 2 : k, w = Math.min(1, Math.max(0, (t - s.t[i]) / (s.t[i + 1] - s.t[i])));
  const f = (v: number[]) => v[i] * (1 - w) + v[i + 1] * w;
  return [f(s.alpha), f(s.sigma), f(s.dalpha), f(s.dsigma)];
}

/** Points and velocities of all pairs at time t. */
function moving(l: Loaded, t: number): { x: Float32Array; u: Float32Array } {
  const [a, s, da, ds] = scheduleAt(l.pairs, t), x = new Float32Array(l.x0.length), u = new Float32Array(l.x0.length);
  for (let i = 0; i < x.length; i++) {
    x[i] = s * l.x0[i] + a * l.x1[i];
    u[i] = ds * l.x0[i] + da * l.x1[i];
  }
  return { x, u };
}

interface Pull {
  mean: [number, number];
  spread: number;
  near: { k: number; w: number }[];
  mass: number;
}

/** The targets that pull at (px, py): pairs that pass close by, weighted, and
 * the mean of their velocities. */
export function pull(x: Float32Array, u: Float32Array, px: number, py: number, h = WIDTH): Pull {
  let sum = 0, mx = 0, my = 0, sq = 0;
  const near: { k: number; w: number }[] = [];
  for (let k = 0; k < x.length; k += 2) {
    const d = ((x[k] - px) ** 2 + (x[k + 1] - py) ** 2) / (2 * h * h);
    if (d > 8) continue;
    const w = Math.exp(-d);
    sum += w;
    mx += w * u[k];
    my += w * u[k + 1];
    sq += w * (u[k] ** 2 + u[k + 1] ** 2);
    near.push({ k, w });
  }
  if (sum > 0) {
    mx /= sum;
    my /= sum;
  }
  near.sort((a, b) => b.w - a.w);
  for (const n of near) n.w /= sum || 1;
  return { mean: [mx, my], spread: Math.sqrt(Math.max(0, sq / (sum || 1) - mx * mx - my * my)), near, mass: sum };
}

export function Crossing({ side }: { side: Side }) {
  const [lab, state] = useLive();
  const settings = settingsOf(state, side.name);
  const lines = useRef<HTMLCanvasElement>(null), field = useRef<HTMLCanvasElement>(null), read = useRef<HTMLParagraphElement>(null);
  const loaded = useRef<Loaded | null>(null), probe = useRef<[number, number]>([0, 0.1]), version = useRef(0);
  const [facts, setFacts] = useState<Pairs | null>(null), [waiting, setWaiting] = useState(true), [error, setError] = useState("");
  const key = JSON.stringify({ ...settings, exact: false });

  useEffect(() => {
    const stop = new AbortController();
    setWaiting(true);
    api.pairs(subject(settings), 2048, stop.signal).then((pairs) => {
      if (stop.signal.aborted) return;
      const x0 = f32(pairs.x0_f32), x1 = f32(pairs.x1_f32);
      // All but the one in two hundred that lies farthest out.
      const far = [...x0, ...x1].map(Math.abs).sort((u, v) => u - v), r = (far[Math.floor(0.995 * far.length)] ?? 3) * 1.05;
      loaded.current = { pairs, x0, x1, box: [-r, -r, r, r] };
      version.current++;
      setFacts(pairs);
      setError("");
      setWaiting(false);
    }).catch((e: Error) => {
      if (stop.signal.aborted) return;
      setError(e.message);
      setWaiting(false);
    });
    return () => stop.abort();
  }, [key]);

  useEffect(() => {
    const left = new Plot(lines.current as HTMLCanvasElement), right = new Plot(field.current as HTMLCanvasElement);
    let seen = "", stop = false, mesh = { t: -1, v: -1, x: new Float32Array() as Float32Array, m: new Float32Array() as Float32Array };
    const frame = () => {
      if (stop) return;
      const t = lab.clock.t, l = loaded.current;
      const now = [t, version.current, probe.current, left.canvas.clientWidth, document.documentElement.dataset.theme].join("|");
      if (l && now !== seen) {
        seen = now;
        const p = palette(), { x, u } = moving(l, t), here = pull(x, u, ...probe.current);
        drawLines(left, l, x, t, p, probe.current, here);
        if (Math.abs(mesh.t - t) > 0.015 || mesh.v !== version.current) {
          const grid = lattice(l.box, 17), m = new Float32Array(grid.length);
          for (let i = 0; i < grid.length; i += 2) {
            const q = pull(x, u, grid[i], grid[i + 1]);
            if (q.mass > 0.7) m.set(q.mean, i);
          }
          mesh = { t, v: version.current, x: grid, m };
        }
        drawMean(right, l, x, u, mesh, p, probe.current, here);
        if (read.current) {
          read.current.textContent = here.near.length < 2
            ? "No pair passes here at this time."
            : `${here.near.length} pairs pass here. The one answer that a network can give is their mean, (${here.mean.map((v) => v.toFixed(2)).join(", ")}); they spread around it by ${here.spread.toFixed(2)}.`;
        }
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    return () => void (stop = true);
  }, [lab]);

  const hover = (e: PointerEvent) => {
    const l = loaded.current;
    if (!l) return;
    const r = (e.currentTarget as HTMLElement).getBoundingClientRect(), b = l.box;
    probe.current = [b[0] + ((e.clientX - r.left) / r.width) * (b[2] - b[0]), b[3] - ((e.clientY - r.top) / r.height) * (b[3] - b[1])];
  };
  const keys = (e: KeyboardEvent) => {
    const m = ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] } as Record<string, number[]>)[e.key];
    if (!m) return;
    probe.current = [probe.current[0] + m[0] * 0.08, probe.current[1] + m[1] * 0.08];
    e.preventDefault();
  };
  const flow = (settings.recipe.family ?? "flow") === "flow", chosenNow = String(settings.recipe["coupling.name"] ?? "ot");
  const couplings = lab.catalogue?.choices["coupling.name"]?.filter((c) => c.name !== "auto") ?? [];
  const shown = facts ? facts.crossings.filter(([i, j]) => i < LINES && j < LINES).length : 0;
  return (
    <div class="crossing">
      <div class="row spread choice">
        {flow ? (
          <div class={couplings.length > 4 ? "many" : ""}>
            <Segments label={state.ab ? `Pairs of a batch, model ${side.name.toUpperCase()}` : "Pairs of a batch"} value={chosenNow} options={couplings} onPick={(v) => lab.store.setSide(side.name, chosen(v))} />
          </div>
        ) : <p class="note">Of this family pairs are drawn at random: only a flow may choose them.</p>}
        <p class="note" role="status">{waiting ? "Pairing…" : couplings.find((c) => c.name === chosenNow)?.about}</p>
      </div>
      <div class={`pair ${waiting ? "waiting" : ""}`} aria-busy={waiting}>
        <figure>
          <div class="plate">
            <canvas ref={lines} role="img" tabIndex={0} aria-label={`Lines from noise to data of ${LINES} pairs, ${shown} crossings marked. Arrow keys move the probe.`} onPointerMove={hover} onPointerDown={hover} onKeyDown={keys} />
            {error ? <p class="fault" role="alert">{error}</p> : null}
          </div>
          <figcaption>
            <b>{shown}</b> crossings among {LINES} lines; the mean squared length of a pair is <b>{facts ? facts.cost.toFixed(2) : "…"}</b>
          </figcaption>
        </figure>
        <figure>
          <div class="plate">
            <canvas ref={field} role="img" tabIndex={0} aria-label="The mean of the velocities of all pairs that pass a place. Arrow keys move the probe." onPointerMove={hover} onPointerDown={hover} onKeyDown={keys} />
          </div>
          <figcaption>
            {facts?.crossing != null ? (
              <>
                <b>{(100 * facts.crossing).toFixed(0)} %</b> of what the network is asked for no field can answer
              </>
            ) : (
              "the mean of all that pass"
            )}
          </figcaption>
        </figure>
      </div>
      <p class="reading" ref={read} />
    </div>
  );
}

type P = ReturnType<typeof palette>;

function drawLines(plot: Plot, l: Loaded, x: Float32Array, t: number, p: P, at: [number, number], here: Pull): void {
  plot.begin(l.box, p);
  cross(plot, p);
  const g = plot.g, n = Math.min(LINES, l.x0.length / 2);
  for (let k = 0; k < 2 * n; k += 2) {
    const grad = g.createLinearGradient(plot.x(l.x0[k]), plot.y(l.x0[k + 1]), plot.x(l.x1[k]), plot.y(l.x1[k + 1]));
    grad.addColorStop(0, mix(p.noise, p.ground, 0, 0.6));
    grad.addColorStop(1, mix(p.data, p.ground, 0, 0.6));
    g.strokeStyle = grad;
    g.lineWidth = 1.1;
    g.beginPath();
    g.moveTo(plot.x(l.x0[k]), plot.y(l.x0[k + 1]));
    // A path that is no straight line is drawn as it is.
    for (let i = 1; i <= 24; i++) {
      const [a, s] = scheduleAt(l.pairs, i / 24);
      g.lineTo(plot.x(s * l.x0[k] + a * l.x1[k]), plot.y(s * l.x0[k + 1] + a * l.x1[k + 1]));
    }
    g.stroke();
  }
  g.strokeStyle = mix(p.ink, p.ground, 0, 0.7);
  g.lineWidth = 1;
  for (const [i, j, cx, cy] of l.pairs.crossings) {
    if (i >= n || j >= n) continue;
    g.beginPath();
    g.arc(plot.x(cx), plot.y(cy), 2.1, 0, 2 * Math.PI);
    g.stroke();
  }
  for (let k = 0; k < 2 * n; k += 2) {
    plot.disc(l.x0[k], l.x0[k + 1], 1.8, p.noise);
    plot.disc(l.x1[k], l.x1[k + 1], 1.8, p.data);
    plot.disc(x[k], x[k + 1], 3, hue(p, t), p.ground);
  }
  probeOn(plot, at, here, p);
}

function drawMean(plot: Plot, l: Loaded, x: Float32Array, u: Float32Array, mesh: { x: Float32Array; m: Float32Array }, p: P, at: [number, number], here: Pull): void {
  plot.begin(l.box, p);
  cross(plot, p);
  plot.dots(x, Math.min(900, x.length / 2), 1.6, mix(p.ink, p.ground, 0, 0.16));
  const g = plot.g;
  let top = 0;
  for (let i = 0; i < mesh.m.length; i += 2) top = Math.max(top, Math.hypot(mesh.m[i], mesh.m[i + 1]));
  g.beginPath();
  const k = (plot.size / 17 / (top || 1)) * 1.2;
  for (let i = 0; i < mesh.x.length; i += 2) plot.arrow(mesh.x[i], mesh.x[i + 1], mesh.m[i] * k, mesh.m[i + 1] * k);
  g.strokeStyle = mix(p.ink, p.ground, 0.1, 0.6);
  g.lineWidth = 1.15;
  g.stroke();
  // The pulls: where each pair that passes here goes, the stronger the nearer.
  const strongest = here.near[0]?.w ?? 1, scale = (plot.size / (l.box[2] - l.box[0])) * 0.42;
  for (const { k: j, w } of here.near.slice(0, 60)) {
    g.beginPath();
    g.moveTo(plot.x(at[0]), plot.y(at[1]));
    g.lineTo(plot.x(at[0]) + u[j] * scale, plot.y(at[1]) - u[j + 1] * scale);
    g.strokeStyle = mix(p.data, p.ground, 0, 0.12 + 0.55 * (w / strongest));
    g.lineWidth = 1.2;
    g.stroke();
    plot.disc(l.x1[j], l.x1[j + 1], 1.2 + 3.4 * (w / strongest), mix(p.data, p.ground, 0, 0.25 + 0.6 * (w / strongest)));
  }
  if (here.near.length) {
    const [mx, my] = here.mean;
    g.beginPath();
    const dx = mx * scale, dy = my * scale, ox = plot.x(at[0]), oy = plot.y(at[1]), len = Math.hypot(dx, dy) || 1;
    g.moveTo(ox, oy);
    g.lineTo(ox + dx, oy - dy);
    const c = dx / len, s = -dy / len, a = Math.min(11, len * 0.5);
    g.moveTo(ox + dx - a * (c + 0.55 * s), oy - dy - a * (s - 0.55 * c));
    g.lineTo(ox + dx, oy - dy);
    g.lineTo(ox + dx - a * (c - 0.55 * s), oy - dy - a * (s + 0.55 * c));
    g.strokeStyle = p.ground;
    g.lineWidth = 6;
    g.stroke();
    g.strokeStyle = p.exact;
    g.lineWidth = 3;
    g.stroke();
  }
  probeOn(plot, at, here, p);
}

function probeOn(plot: Plot, at: [number, number], here: Pull, p: P): void {
  const g = plot.g, r = Math.max(7, (WIDTH * plot.size) / (plot.unmap(plot.size, 0)[0] - plot.unmap(0, 0)[0]));
  g.beginPath();
  g.arc(plot.x(at[0]), plot.y(at[1]), r, 0, 2 * Math.PI);
  g.strokeStyle = mix(p.ink, p.ground, here.near.length ? 0 : 0.5, 0.8);
  g.lineWidth = 1.3;
  g.stroke();
}
