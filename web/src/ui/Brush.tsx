// Draw your own: a brush that leaves points. Arrow keys move it, Space paints.

import { useEffect, useRef, useState } from "preact/hooks";
import { pack } from "../ink.ts";
import { Sheet, Slider } from "./parts.tsx";

const EDGE = 3; // the sheet reaches from -EDGE to EDGE

export function Brush(p: { onClose(): void; onUse(ink: string, as: "data" | "source"): void }) {
  const ref = useRef<HTMLCanvasElement>(null), points = useRef<number[]>([]), at = useRef<[number, number]>([0, 0]), last = useRef<[number, number] | null>(null);
  const [count, setCount] = useState(0), [width, setWidth] = useState(0.12);

  const draw = () => {
    const c = ref.current, g = c?.getContext("2d");
    if (!c || !g) return;
    const css = getComputedStyle(document.documentElement), k = c.width / (2 * EDGE);
    g.clearRect(0, 0, c.width, c.height);
    g.strokeStyle = css.getPropertyValue("--faint");
    g.beginPath();
    g.moveTo(c.width / 2, 0);
    g.lineTo(c.width / 2, c.height);
    g.moveTo(0, c.height / 2);
    g.lineTo(c.width, c.height / 2);
    g.stroke();
    g.fillStyle = css.getPropertyValue("--data");
    for (let i = 0; i < points.current.length; i += 2) g.fillRect((points.current[i] + EDGE) * k - 1.5, (EDGE - points.current[i + 1]) * k - 1.5, 3, 3);
    g.strokeStyle = css.getPropertyValue("--soft");
    g.beginPath();
    g.arc((at.current[0] + EDGE) * k, (EDGE - at.current[1]) * k, Math.max(4, width * 1.5 * k), 0, 2 * Math.PI);
    g.stroke();
  };
  useEffect(draw, [width]);

  const stamp = (x: number, y: number, n: number) => {
    for (let i = 0; i < n && points.current.length < 8000; i++) {
      const r = width * Math.sqrt(-2 * Math.log(1 - Math.random())), a = 2 * Math.PI * Math.random();
      points.current.push(Math.max(-EDGE, Math.min(EDGE, x + r * Math.cos(a))), Math.max(-EDGE, Math.min(EDGE, y + r * Math.sin(a))));
    }
    setCount(points.current.length / 2);
    draw();
  };
  const where = (e: PointerEvent): [number, number] => {
    const r = (e.currentTarget as HTMLElement).getBoundingClientRect();
    return [((e.clientX - r.left) / r.width) * 2 * EDGE - EDGE, EDGE - ((e.clientY - r.top) / r.height) * 2 * EDGE];
  };
  const move = (e: PointerEvent) => {
    at.current = where(e);
    const from = last.current;
    if (!from) return draw();
    // As many points for a length, whatever the speed of the hand.
    const d = Math.hypot(at.current[0] - from[0], at.current[1] - from[1]), n = Math.floor(d / 0.02);
    for (let i = 1; i <= n; i++) stamp(from[0] + ((at.current[0] - from[0]) * i) / n, from[1] + ((at.current[1] - from[1]) * i) / n, 1);
    if (n > 0) last.current = at.current;
  };
  const keys = (e: KeyboardEvent) => {
    const m = ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] } as Record<string, number[]>)[e.key];
    if (m) {
      at.current = [Math.max(-EDGE, Math.min(EDGE, at.current[0] + m[0] * 0.12)), Math.max(-EDGE, Math.min(EDGE, at.current[1] + m[1] * 0.12))];
      draw();
    } else if (e.key === " ") stamp(...at.current, 12);
    else return;
    e.preventDefault();
  };
  const use = (as: "data" | "source") => p.onUse(pack(Float32Array.from(points.current)), as);
  return (
    <Sheet title="Draw your own" onClose={p.onClose}>
      <canvas
        ref={ref} class="board" width={640} height={640} tabIndex={0} role="application" aria-label="Drawing board: drag to paint points; arrow keys move the brush, Space paints"
        onPointerDown={(e) => {
          e.currentTarget.setPointerCapture(e.pointerId);
          at.current = last.current = where(e);
          stamp(...at.current, 4);
        }}
        onPointerMove={move} onPointerUp={() => (last.current = null)} onPointerCancel={() => (last.current = null)} onKeyDown={keys}
      />
      <Slider label="Brush" value={width} min={0.02} max={0.4} step={0.02} show={(v) => v.toFixed(2)} onInput={setWidth} />
      <footer class="row spread">
        <span class="note" aria-live="polite">{count} points</span>
        <button type="button" class="plain" onClick={() => { points.current = []; setCount(0); draw(); }}>Clear</button>
        <button type="button" class="plain" disabled={count < 8} onClick={() => use("source")}>Start from this</button>
        <button type="button" class="primary" disabled={count < 8} onClick={() => use("data")}>Learn this</button>
      </footer>
    </Sheet>
  );
}
