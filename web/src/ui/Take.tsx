// Take it home: a link, a command, the model, a picture, a film, a page.

import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import { exportPage, save } from "../export.ts";
import { subject } from "../side.ts";
import { settingsOf, toHash } from "../state.ts";
import { useLive } from "./context.ts";
import { Sheet } from "./parts.tsx";

export function Take({ onClose }: { onClose(): void }) {
  const [lab, state] = useLive(), [command, setCommand] = useState(""), [done, setDone] = useState(""), [error, setError] = useState("");
  const s = settingsOf(state, "a"), run = lab.a.run, ready = run && lab.a.flow;
  useEffect(() => {
    api.command(subject(s)).then((c) => setCommand(c.command), (e: Error) => setError(e.message));
  }, [JSON.stringify(s)]);
  const link = `${location.origin}${location.pathname}${toHash({ ...state, t: lab.clock.t })}`;
  const copy = async (text: string, what: string) => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(what);
      lab.say(`${what} copied`);
    } catch {
      setError("The browser does not let this page write to the clipboard; select the text and copy it.");
    }
  };
  const page = async () => {
    try {
      await exportPage(lab);
      lab.say("Page saved");
    } catch (e) {
      setError((e as Error).message);
    }
  };
  return (
    <Sheet title="Take it home" onClose={onClose}>
      <div class="take">
        <h3>This picture</h3>
        <p class="note">Everything you see, seeds included, is in the link.</p>
        <div class="copy"><input readOnly value={link} aria-label="Link" onFocus={(e) => e.currentTarget.select()} /><button type="button" class="plain" onClick={() => void copy(link, "Link")}>{done === "Link" ? "Copied" : "Copy"}</button></div>
        <h3>The same in your terminal</h3>
        <div class="copy"><input readOnly value={command} aria-label="Command" onFocus={(e) => e.currentTarget.select()} /><button type="button" class="plain" onClick={() => void copy(command, "Command")}>{done === "Command" ? "Copied" : "Copy"}</button></div>
        {s.ink ? <p class="note">The command reads <a href={csvOf(lab.a.settings.ink)} download="drawing.csv">drawing.csv</a>: your points.</p> : null}
        <h3>Files</h3>
        <div class="files">
          <button type="button" onClick={() => save(document.querySelector<HTMLCanvasElement>("canvas[data-side=a], .crossing canvas"), "laminar.png")}><b>PNG</b><span>this canvas</span></button>
          {ready ? <a href={`/api/runs/${run.id}/film.gif?frames=60&dark=${getComputedStyle(document.documentElement).getPropertyValue("--scheme").trim() === "dark" ? 1 : 0}`} download="laminar.gif"><b>GIF</b><span>the flow as a film</span></a> : <span class="off"><b>GIF</b><span>train first</span></span>}
          {ready ? <a href={`/api/runs/${run.id}/model`} download="model.safetensors"><b>Model</b><span>safetensors, for laminar and Python</span></a> : <span class="off"><b>Model</b><span>train first</span></span>}
          <button type="button" disabled={!lab.a.flow} onClick={() => void page()}><b>Page</b><span>one HTML file that moves offline</span></button>
        </div>
        {error ? <p class="fault" role="alert">{error}</p> : null}
      </div>
    </Sheet>
  );
}

import { unpack } from "../ink.ts";
function csvOf(ink: string): string {
  const p = unpack(ink), lines = ["x,y"];
  for (let i = 0; i < p.length; i += 2) lines.push(`${p[i]},${p[i + 1]}`);
  return `data:text/csv,${encodeURIComponent(lines.join("\n"))}`;
}
