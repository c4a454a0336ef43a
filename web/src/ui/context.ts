import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import type { Catalogue } from "../api.ts";
import type { Clock } from "../clock.ts";
import type { Side } from "../side.ts";
import type { State, Store } from "../state.ts";

/** What every part of the page works on. */
export interface Lab {
  store: Store;
  clock: Clock;
  a: Side;
  b: Side;
  catalogue: Catalogue | null;
  /** Says something in passing, also to screen readers. */
  say(text: string): void;
  on(f: () => void): () => void;
  train(): void;
  reset(): void;
}

export const LabContext = createContext<Lab | null>(null);
export const useLab = (): Lab => useContext(LabContext) as Lab;

/** Draws a component again when the state or a side changes, at most once a
 * frame. */
export function useLive(): [Lab, State] {
  const lab = useLab(), [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    let asked = 0;
    const soon = () => {
      asked ||= requestAnimationFrame(() => {
        asked = 0;
        again(undefined as never);
      });
    };
    const offs = [lab.store.on(soon), lab.on(soon)];
    return () => {
      cancelAnimationFrame(asked);
      for (const off of offs) off();
    };
  }, [lab]);
  return [lab, lab.store.state];
}

export const calm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
