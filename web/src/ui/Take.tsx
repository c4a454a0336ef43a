// Take it home: a link, a command, the model, a picture, a film, a page.

import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import { download, exportPage, save } from "../export.ts";
import { unpack } from "../ink.ts";
import { type Side, subject } from "../side.ts";
import { type Settings, settingsOf, toHash } from "../state.ts";
import { useLive } from "./context.ts";
import { Sheet } from "./parts.tsx";

type Told = Awaited<ReturnType<typeof api.command>>;

export function Take({ onClose }: { onClose(): void }) {
  const [lab, state] = useLive(), [told, setTold] = useState<Told[]>([]), [done, setDone] = useState(""), [error, setError] = useState("");
  const sides: Side[] = state.ab ? [lab.a, lab.b] : [lab.a], settings = sides.map((s) => settingsOf(state, s.name));
  useEffect(() => {
    Promise.all(settings.map((s) => api.command(subject(s)))).then(setTold, (e: Error) => setError(e.message));
  }, [JSON.stringify(settings)]);
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
      await exportPage(lab, told.filter((_, i) => !settings[i].exact).map((c) => c.command));
      lab.say("Page saved");
    } catch (e) {
      setError((e as Error).message);
    }
  };
  const name = (what: string, i: number) => (state.ab ? `${what} ${"AB"[i]}` : what);
  const dark = getComputedStyle(document.documentElement).getPropertyValue("--scheme").trim() === "dark" ? 1 : 0;
  return (
    <Sheet title="Take it home" onClose={onClose}>
      <div class="take">
        <h3>This picture</h3>
        <p class="note">Everything you see, seeds included, is in the link.</p>
        <div class="copy"><input readOnly value={link} aria-label="Link" onFocus={(e) => e.currentTarget.select()} /><button type="button" class="plain" onClick={() => void copy(link, "Link")}>{done === "Link" ? "Copied" : "Copy"}</button></div>
        <h3>The same in your terminal</h3>
        {settings.map((s, i) => s.exact ? <p class="note" key={i}>{name("Model", i)} is a closed form of the points: there is nothing to train.</p> : (
          <div class="copy" key={i}>
            <textarea readOnly rows={2} value={told[i]?.command ?? ""} aria-label={name("Command", i)} onFocus={(e) => e.currentTarget.select()} />
            <button type="button" class="plain" onClick={() => void copy(told[i]?.command ?? "", name("Command", i))}>{done === name("Command", i) ? "Copied" : "Copy"}</button>
          </div>
        ))}
        <Beside settings={settings} told={told} />
        <h3>Files</h3>
        <div class="files">
          <button type="button" onClick={() => save("laminar.png")}><b>PNG</b><span>this picture</span></button>
          <button type="button" disabled={!lab.a.flow} onClick={() => void page()}><b>Page</b><span>one HTML file that moves offline</span></button>
          {sides.map((s, i) => {
            const { method, nfe } = s.stepping(state), at = `/api/runs/${s.run?.id}`;
            return (
              <div class="both" key={s.name}>
                <File label={name("GIF", i)} about="the flow as a film" name="laminar.gif" href={s.run && s.flow && !s.run.once ? `${at}/film.gif?frames=60&dark=${dark}&seed=${state.seed}&solver=${method.name}&nfe=${nfe}` : ""} instead={s.run?.once ? "this network knows no way between" : s.status === "exact" ? "of trained models only" : "train first"} />
                <File label={name("Model", i)} about="safetensors, for laminar and Python" name="model.safetensors" href={s.run && s.flow ? `${at}/model` : ""} instead={s.status === "exact" ? "of trained models only" : "train first"} />
              </div>
            );
          })}
        </div>
        {error ? <p class="fault" role="alert">{error}</p> : null}
      </div>
    </Sheet>
  );
}

function File(p: { label: string; about: string; name: string; href: string; instead: string }) {
  return p.href ? <a href={p.href} download={p.name}><b>{p.label}</b><span>{p.about}</span></a> : <span class="off"><b>{p.label}</b><span>{p.instead}</span></span>;
}

/** The files that the commands read: own points, and recipes that no flags say. */
function Beside({ settings, told }: { settings: Settings[]; told: Told[] }) {
  const files: { name: string; label: string; text: string }[] = [];
  settings.forEach((s, i) => {
    if (s.exact) return;
    const add = (name: string, text: string) => {
      const same = files.filter((f) => f.name === name);
      if (!same.some((f) => f.text === text)) files.push({ name, text, label: same.length ? `${name} of ${"AB"[i]}` : name });
    };
    if (s.ink) add("drawing.csv", csv(s.ink));
    if (s.sourceInk) add("source.csv", csv(s.sourceInk));
    if (told[i]?.complete === false) add("recipe.json", `${JSON.stringify(told[i].recipe, null, 2)}\n`);
  });
  if (files.length === 0) return null;
  return (
    <p class="note">
      It reads {files.map((f, i) => (
        <span key={f.label}>{i ? " and " : ""}<button type="button" class="link" onClick={() => download(new Blob([f.text]), f.name)}>{f.label}</button></span>
      ))}: save {files.length > 1 ? "them" : "it"} where you run it.
    </p>
  );
}

function csv(ink: string): string {
  const p = unpack(ink), lines = ["x,y"];
  for (let i = 0; i < p.length; i += 2) lines.push(`${p[i]},${p[i + 1]}`);
  return `${lines.join("\n")}\n`;
}
