import { useEffect, useRef } from "preact/hooks";
import { enter, scenes } from "../story.ts";
import { calm, useLive } from "./context.ts";

export function goTo(lab: ReturnType<typeof useLive>[0], k: number): void {
  if (k < 1 || k > scenes.length) {
    lab.store.set({ scene: 0 });
    return;
  }
  const next = enter(k, lab.store.state), play = scenes[k - 1].play && !calm();
  lab.clock.play(false);
  lab.store.set(next);
  lab.clock.set(play ? 0 : next.t);
  if (play) lab.clock.play(true);
}

export function Story() {
  const [lab, state] = useLive(), k = state.scene, scene = scenes[k - 1], heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [k]);
  if (!scene) return null;
  return (
    <article class="story" aria-label="Story">
      <p class="count">Scene {k} of {scenes.length}</p>
      <h2 ref={heading} tabIndex={-1}>{scene.title}</h2>
      {scene.text.map((t) => <p key={t}>{t}</p>)}
      <p class="look">{scene.look}</p>
      <nav class="row spread" aria-label="Scenes">
        <button type="button" class="plain" disabled={k === 1} onClick={() => goTo(lab, k - 1)}>Back</button>
        <span class="dots">
          {scenes.map((s, i) => (
            <button key={s.title} type="button" aria-label={`Scene ${i + 1}: ${s.title}`} aria-current={i + 1 === k ? "step" : undefined} title={s.title} onClick={() => goTo(lab, i + 1)} />
          ))}
        </span>
        {k < scenes.length ? <button type="button" class="primary" onClick={() => goTo(lab, k + 1)}>Next</button> : <button type="button" class="primary" onClick={() => goTo(lab, 0)}>Explore</button>}
      </nav>
    </article>
  );
}
