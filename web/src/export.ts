// Files made in the page: a picture, and a page that carries the model with it.

import type { Lab } from "./ui/context.ts";
import type { Offline } from "./bundle.ts";
import { toHash } from "./state.ts";

export function download(content: Blob, name: string): void {
  const a = document.createElement("a"), url = URL.createObjectURL(content);
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Saves the canvases of the stage as one picture, side by side. */
export function save(name: string): void {
  const all = [...document.querySelectorAll<HTMLCanvasElement>(".plate canvas")];
  if (all.length === 0) return;
  const gap = Math.round(all[0].width / 40), across = Math.min(2, all.length), size = all[0].width;
  const c = document.createElement("canvas"), g = c.getContext("2d") as CanvasRenderingContext2D;
  c.width = across * (size + gap) - gap;
  c.height = Math.ceil(all.length / across) * (size + gap) - gap;
  g.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--paper");
  g.fillRect(0, 0, c.width, c.height);
  all.forEach((p, i) => g.drawImage(p, (i % across) * (size + gap), Math.floor(i / across) * (size + gap), size, size));
  c.toBlob((b) => b && download(b, name), "image/png");
}

// Within an element of a page, "</" would end it.
const within = (s: string): string => s.replaceAll("</", "<\\/").replaceAll("<!--", "<\\!--");

/** Writes one HTML file with this page's own script, style and worker, and the
 * models that it shows. */
export async function exportPage(lab: Lab, commands: string[]): Promise<void> {
  const text = async (url: string): Promise<string> => (await fetch(url)).text();
  const script = document.querySelector<HTMLScriptElement>("script[type=module][src]")?.src, style = document.querySelector<HTMLLinkElement>("link[rel=stylesheet]")?.href;
  if (!script || !style) throw new Error("this page was not built for export");
  const code = await text(script), css = await text(style);
  const worker = /new URL\((?:\/\*[^*]*\*\/)?\s*[`"']([^`"']*worker[^`"']*\.js)/.exec(code)?.[1];
  if (!worker) throw new Error("the worker of this page is not where it should be");
  const state = { ...lab.store.state, t: lab.clock.t, scene: 0, view: lab.store.state.view === "crossing" ? ("flow" as const) : lab.store.state.view };
  const title = state.a.ink ? "your points" : String(state.a.recipe["data.name"] ?? "moons");
  const offline: Offline = {
    hash: toHash(state), commands, worker: await text(new URL(worker, script).href),
    sides: { a: lab.a.pack(), ...(state.ab ? { b: lab.b.pack() } : {}) },
    solvers: lab.catalogue?.solvers ?? [],
  };
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Laminar: noise to ${title.replaceAll("<", "")}</title>
<style>${within(css)}</style>
<body>
<div id="app"></div>
<script type="application/json" id="laminar-bundle">${within(JSON.stringify(offline))}</script>
<script type="module">${within(code)}</script>
`;
  download(new Blob([html], { type: "text/html" }), "laminar.html");
}
