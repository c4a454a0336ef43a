// The instrument's own knobs: each is a native control underneath, so keys and
// screen readers find what they expect.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export function Segments<T extends string>(p: { label: string; value: T; options: readonly { name: T; label?: string; about?: string }[]; onPick(v: T): void; hideLabel?: boolean }) {
  const id = useId();
  return (
    <fieldset class="segments">
      <legend class={p.hideLabel ? "unseen" : ""}>{p.label}</legend>
      <div class="row">
        {p.options.map((o) => (
          <label key={o.name} class={o.name === p.value ? "on" : ""} title={o.about}>
            <input type="radio" name={id} checked={o.name === p.value} onChange={() => p.onPick(o.name)} />
            <span>{o.label ?? o.name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Select(p: { label: string; value: string; options: readonly { name: string; label?: string; about?: string }[]; onPick(v: string): void }) {
  return (
    <label class="field">
      <span>{p.label}</span>
      <select value={p.value} title={p.options.find((o) => o.name === p.value)?.about} onChange={(e) => p.onPick(e.currentTarget.value)}>
        {p.options.some((o) => o.name === p.value) ? null : <option value={p.value}>{p.value}</option>}
        {p.options.map((o) => (
          <option key={o.name} value={o.name} title={o.about}>
            {o.label ?? o.name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A slider over a list of values, or over a range. */
export function Slider(p: { label: string; value: number; values?: readonly number[]; min?: number; max?: number; step?: number; show?: (v: number) => string; onInput(v: number): void; hideLabel?: boolean; class?: string }) {
  const vs = p.values, show = p.show ?? String;
  const nearest = vs ? vs.reduce((b, v, i) => (Math.abs(v - p.value) < Math.abs(vs[b] - p.value) ? i : b), 0) : p.value;
  const [lo, hi] = vs ? [0, vs.length - 1] : [p.min ?? 0, p.max ?? 1];
  const fill = hi > lo ? ((nearest - lo) / (hi - lo)) * 100 : 0;
  return (
    <label class={`field slider ${p.class ?? ""}`}>
      <span class={p.hideLabel ? "unseen" : ""}>{p.label}</span>
      <b class="value" aria-hidden="true">{show(p.value)}</b>
      <input
        type="range" min={lo} max={hi} step={vs ? 1 : (p.step ?? 1)} value={nearest} aria-valuetext={show(p.value)}
        style={{ "--fill": `${fill}%` }}
        onInput={(e) => p.onInput(vs ? vs[Number(e.currentTarget.value)] : Number(e.currentTarget.value))}
      />
    </label>
  );
}

export function Toggle(p: { label: string; on: boolean; onToggle(v: boolean): void; about?: string }) {
  return (
    <button type="button" class="toggle" aria-pressed={p.on} title={p.about} onClick={() => p.onToggle(!p.on)}>
      <i aria-hidden="true" />
      {p.label}
    </button>
  );
}

/** A dialog over the page; closes with Escape and gives the focus back. */
export function Sheet(p: { title: string; onClose(): void; children: ComponentChildren; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null), id = useId();
  useEffect(() => {
    const d = ref.current as HTMLDialogElement;
    if (!d.open) d.showModal();
    return () => d.close();
  }, []);
  return (
    <dialog ref={ref} class={p.wide ? "wide" : ""} aria-labelledby={id} onClose={p.onClose} onClick={(e) => e.target === ref.current && p.onClose()}>
      <div class="sheet">
        <header>
          <h2 id={id}>{p.title}</h2>
          <button type="button" class="quiet" aria-label="Close" onClick={p.onClose}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 3l10 10M13 3L3 13" /></svg>
          </button>
        </header>
        {p.children}
      </div>
    </dialog>
  );
}

const icons: Record<string, string> = {
  play: "M4.5 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  step: "M3 2.5v11l7-5.5zM11 2.5h2v11h-2z",
  reset: "M8 3a5 5 0 1 0 5 5h-1.6A3.4 3.4 0 1 1 8 4.6V7l4-3.2L8 .6z",
};
export const Icon = ({ name }: { name: string }) => (
  <svg viewBox="0 0 16 16" class="icon" aria-hidden="true">
    <path d={icons[name]} />
  </svg>
);
