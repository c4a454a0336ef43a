import { useState } from "preact/hooks";
import { bundle } from "../bundle.ts";
import { exactPath } from "../side.ts";
import { type Own, type State, settingsOf, views } from "../state.ts";
import { Charts } from "./Charts.tsx";
import { type Lab, LabContext, useLive } from "./context.ts";
import { Controls, Transport, human } from "./Controls.tsx";
import { Crossing } from "./Crossing.tsx";
import { Stage } from "./Stage.tsx";
import { Story, goTo } from "./Story.tsx";
import { Take } from "./Take.tsx";
import { Layers, SolverBar, TimeBar } from "./TimeBar.tsx";

export const App = ({ lab }: { lab: Lab }) => (
  <LabContext.Provider value={lab}>
    <Page />
  </LabContext.Provider>
);

function Page() {
  const [lab, state] = useLive(), [take, setTake] = useState(false);
  const sides = state.ab ? [lab.a, lab.b] : [lab.a];
  return (
    <>
      <header class="top">
        <h1><Mark />Laminar</h1>
        <nav class="views" aria-label="Views">
          {views.filter((v) => !bundle || v.name !== "crossing").map((v) => (
            <button key={v.name} type="button" aria-current={state.view === v.name ? "page" : undefined} title={v.about} onClick={() => lab.store.set({ view: v.name })}>{v.label}</button>
          ))}
        </nav>
        <div class="tools">
          {bundle ? null : (
            <>
              <button type="button" class="quiet" aria-pressed={state.ab} title="Two settings side by side, from the same noise" onClick={() => lab.store.set(state.ab ? { ab: false } : { ab: true, b: other(state) })}>A/B</button>
              <button type="button" class="quiet" aria-pressed={state.scene > 0} onClick={() => goTo(lab, state.scene ? 0 : 1)}>Story</button>
              <button type="button" class="quiet" onClick={() => setTake(true)}>Take home</button>
            </>
          )}
          <Theme />
        </div>
      </header>
      <main class={`view-${state.view} ${state.ab ? "ab" : ""} ${state.scene ? "telling" : ""} ${bundle ? "alone" : ""}`}>
        {bundle ? null : (
          <aside class="left" aria-label="Settings">
            {state.scene ? <Story /> : null}
            <Transport />
            {state.scene ? null : <Controls />}
          </aside>
        )}
        <section class="stage" aria-label="Picture">
          {state.view === "crossing" ? (
            <div class="crossings">{sides.map((s) => <Crossing key={s.name} side={s} />)}</div>
          ) : (
            <div class="plates">
              {sides.map((s) => (
                <figure key={s.name}>
                  {state.ab ? <figcaption><b>{s.name.toUpperCase()}</b> {describe(lab, s.name)}</figcaption> : null}
                  <Stage side={s} />
                </figure>
              ))}
            </div>
          )}
          {state.view === "steps" ? <p class="key"><i class="exact" /> the path the field means <i class="taken" /> the steps the solver takes</p> : null}
          <TimeBar />
          {state.view === "crossing" ? null : <><SolverBar /><Layers /></>}
        </section>
        {state.view === "crossing" ? null : <aside class="right" aria-label="Figures"><Charts /><Notes /></aside>}
        {bundle?.commands.length ? <footer class="made"><p class="note">Made by Laminar. The same in a terminal:</p>{bundle.commands.map((c) => <code key={c}>{c}</code>)}</footer> : null}
      </main>
      {take ? <Take onClose={() => setTake(false)} /> : null}
      <p class="unseen" role="status" aria-live="polite" id="said" />
    </>
  );
}

/** The other side when there was none: what differs from the first is how pairs
 * are made, if that is for it to choose. */
function other(s: State): Own {
  if (Object.keys(s.b).length > 1 || Object.keys(s.b.recipe).length) return s.b;
  const r = s.a.recipe;
  if (r.family && r.family !== "flow") return { recipe: { family: "flow", "coupling.name": "ot" } };
  return { recipe: { "coupling.name": r["coupling.name"] === "independent" ? "ot" : "independent" } };
}

/** What a side is, in few words: its data and pairs, and what the sides differ in. */
function describe(lab: Lab, side: "a" | "b"): string {
  const state = lab.store.state, s = settingsOf(state, side), r = s.recipe;
  const words = [s.ink ? "your points" : String(r["data.name"] ?? "")];
  if (s.exact) words.push("exact field", exactPath(r));
  else {
    words.push(r.family && r.family !== "flow" ? String(r.family) : String(r["coupling.name"] ?? ""));
    for (const k of Object.keys(state.b.recipe)) {
      if (!/^(data\.name|family|coupling\.name)$/.test(k) && r[k] !== undefined) words.push(`${human(k).toLowerCase()} ${r[k]}`);
    }
  }
  return words.filter(Boolean).join(" · ");
}

function Notes() {
  const [lab, state] = useLive(), notes = [...new Set([...lab.a.notes, ...(state.ab ? lab.b.notes : [])])];
  return notes.length ? <div class="notes"><h2>Notes</h2>{notes.map((n) => <p key={n}>{n}</p>)}</div> : null;
}

function Theme() {
  const [lab, state] = useLive();
  const dark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return (
    <button type="button" class="quiet" aria-label={dark ? "Use light colours" : "Use dark colours"} title={dark ? "Light" : "Dark"} onClick={() => lab.store.set({ theme: dark ? "light" : "dark" })}>
      <svg viewBox="0 0 16 16" class="icon" aria-hidden="true">{dark ? <path d="M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM7.3 0h1.4v2.6H7.3zM7.3 13.4h1.4V16H7.3zM0 7.3h2.6v1.4H0zM13.4 7.3H16v1.4h-2.6zM1.9 2.9l1-1 1.8 1.9-1 1zM11.3 12.2l1-1 1.8 1.9-1 1zM1.9 13.1l1.8-1.9 1 1-1.8 1.9zM11.3 3.8l1.8-1.9 1 1-1.8 1.9z" /> : <path d="M6 1a7 7 0 1 0 9 9A6 6 0 0 1 6 1z" />}</svg>
    </button>
  );
}

const Mark = () => (
  <svg viewBox="0 0 32 32" class="mark" aria-hidden="true">
    <path d="M4 9c10-6 14 6 24 0" class="n" />
    <path d="M4 17c10-6 14 6 24 0" />
    <path d="M4 25c10-6 14 6 24 0" class="d" />
  </svg>
);
