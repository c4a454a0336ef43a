// The canvas of one side: particles, trails, arrows, a mesh, dropped points.

import { useEffect, useRef } from "preact/hooks";
import { Plot, drawFlow, palette } from "../draw.ts";
import { lookup } from "../recipe.ts";
import type { Side } from "../side.ts";
import { settingsOf } from "../state.ts";
import { useLive } from "./context.ts";

/** Frame times of the drawing, in milliseconds, for whoever measures. */
export const frames: number[] = [];

export function Stage({ side }: { side: Side }) {
  const [lab, state] = useLive(), ref = useRef<HTMLCanvasElement>(null), plotRef = useRef<Plot | null>(null);
  const cursor = useRef<[number, number] | null>(null);

  useEffect(() => {
    const canvas = ref.current as HTMLCanvasElement, plot = new Plot(canvas);
    plotRef.current = plot;
    let colours = palette(), seen = "", stop = false;
    const media = matchMedia("(prefers-color-scheme: dark)");
    const recolour = () => {
      colours = palette();
      seen = "";
    };
    media.addEventListener("change", recolour);
    const frame = () => {
      if (stop) return;
      const s = lab.store.state, t = lab.clock.t;
      const theme = document.documentElement.dataset.theme ?? "";
      const now = [side.version, t, s.show, s.view, s.n, s.seed, theme, canvas.clientWidth, devicePixelRatio, cursor.current].join("|");
      if (now !== seen) {
        if (!seen.includes(`|${theme}|`)) colours = palette();
        seen = now;
        const from = performance.now();
        drawFlow(plot, side, s, t, colours);
        if (cursor.current) {
          const [x, y] = cursor.current, g = plot.g;
          g.strokeStyle = colours.ink;
          g.lineWidth = 1.5;
          g.beginPath();
          g.moveTo(plot.x(x) - 9, plot.y(y));
          g.lineTo(plot.x(x) + 9, plot.y(y));
          g.moveTo(plot.x(x), plot.y(y) - 9);
          g.lineTo(plot.x(x), plot.y(y) + 9);
          g.stroke();
        }
        frames.push(performance.now() - from);
        if (frames.length > 600) frames.splice(0, 300);
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    return () => {
      stop = true;
      media.removeEventListener("change", recolour);
    };
  }, [lab, side]);

  const drop = (x: number, y: number) => {
    const at: [number, number] = [Math.round(x * 1000) / 1000, Math.round(y * 1000) / 1000];
    lab.store.set({ drops: [...lab.store.state.drops.slice(-11), at] });
    lab.say(`Particle dropped at ${at[0].toFixed(2)}, ${at[1].toFixed(2)}`);
  };
  const click = (e: MouseEvent) => {
    const plot = plotRef.current as Plot, r = (e.currentTarget as HTMLElement).getBoundingClientRect();
    drop(...plot.unmap(((e.clientX - r.left) / r.width) * plot.size, ((e.clientY - r.top) / r.height) * plot.size));
  };
  const keys = (e: KeyboardEvent) => {
    const move: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const m = move[e.key], b = side.box, step = (b[2] - b[0]) / 40;
    if (m) {
      const [x, y] = cursor.current ?? [(b[0] + b[2]) / 2, (b[1] + b[3]) / 2];
      cursor.current = [x + m[0] * step, y + m[1] * step];
      e.preventDefault();
    } else if (e.key === "Enter" && cursor.current) {
      drop(...cursor.current);
      e.preventDefault();
    } else if (e.key === "Escape") {
      cursor.current = null;
      lab.store.set({ drops: [] });
    }
  };

  const s = settingsOf(state, side.name), what = s.ink ? "your points" : (s.recipe["data.name"] ?? lookup(side.run?.recipe, "data.name"));
  const label = `Flow from noise to ${what}, ${side.name === "a" ? "model A" : "model B"}. Arrow keys move a cross, Enter drops a particle there, Escape clears.`;
  return (
    <div class="plate">
      <canvas ref={ref} tabIndex={0} role="img" aria-label={label} onClick={click} onKeyDown={keys} onBlur={() => (cursor.current = null)} data-side={side.name} />
      {state.drops.length ? <button type="button" class="plain clear" onClick={() => lab.store.set({ drops: [] })}>Clear drops</button> : null}
      {side.lost && !side.error ? <p class="hint" role="status">The server does not answer just now. Asking again…</p> : null}
      {side.error ? <p class="fault" role="alert">{side.error}</p> : null}
      {!side.error && side.status === "idle" ? <p class="hint">Noise, and faintly the data. Press <b>Train</b> to learn the flow between them.</p> : null}
    </div>
  );
}
