// The guided walk: each scene is a setting of the page, nothing more, so that
// the reader can take the knobs at any moment.

import { type Own, type Settings, type State, defaults } from "./state.ts";

export interface Scene {
  title: string;
  text: string[];
  look: string; // what to watch
  state: Partial<State>;
  play: boolean;
}

const settings = (recipe: Settings["recipe"]): Settings => ({ recipe: { preset: "fast", "train.steps": 4000, ...recipe }, ink: "", sourceInk: "", exact: false });
const moons = (coupling: string) => settings({ "data.name": "moons", "coupling.name": coupling });
const only = (recipe: Settings["recipe"]): Own => ({ recipe });

export const scenes: Scene[] = [
  {
    title: "Noise becomes data",
    text: [
      "Every generative model answers one question: how does something random become something structured?",
      "Here the answer is a movement you can watch. At time 0 each particle is noise. At time 1 the cloud is a sample of the data. In between it is on its way.",
    ],
    look: "Drag the time, or let it play.",
    state: { view: "flow", a: moons("ot"), nfe: 16, solver: "heun", show: ["trails", "data"], trained: true },
    play: true,
  },
  {
    title: "A direction, everywhere",
    text: [
      "A particle needs only one thing at each moment: which way to go. A rule that says so at every place and every time is a vector field, and the particle's path solves dx/dt = u(x, t).",
      "Learning that field is the whole task of the network.",
    ],
    look: "The arrows are the network's answers. Click to drop a particle and follow it.",
    state: { view: "flow", a: moons("ot"), nfe: 16, solver: "heun", show: ["arrows", "data"], drops: [[-0.9, 0.7], [0.8, -1.1]], trained: true },
    play: true,
  },
  {
    title: "Straight against winding",
    text: [
      "Diffusion mixes noise and data by a schedule that came from the physics of heat. On the right, such a model: its particles wait, wind, and rush at the end.",
      "Flow matching draws the plainest line there is: a little less noise and a little more data, at a constant pace. On the left, the same network after as many steps, from the same noise. Its paths still bend, where lines cross: that comes next but one.",
    ],
    look: "Take the evaluations from 50 down to 4, and read both distances below.",
    state: { view: "steps", ab: true, a: settings({ "data.name": "8gaussians", "coupling.name": "independent" }), b: only({ family: "diffusion" }), nfe: 50, solver: "euler", show: ["data"], trained: true },
    play: true,
  },
  {
    title: "Training is regression",
    text: [
      "Pick a pair, noise and data. Pick a time. The point between them at that time is the input, the difference of the two is the right answer. Repeat.",
      "No simulation, no adversary, no bound: a mean squared error. That is why a model of this size takes seconds.",
    ],
    look: "Press Reset, then Train, and watch the loss fall and the cloud find its shape.",
    state: { view: "flow", a: moons("independent"), nfe: 8, solver: "euler", show: ["grid", "data"], trained: true, t: 1 },
    play: false,
  },
  {
    title: "Where lines cross",
    text: [
      "Drawn at random, pairs cross. Where two lines meet at the same time, the network sees one place and two right answers.",
      "It can give one, so it gives their mean, and the mean is right for neither. The mean field bends, although every line was straight.",
    ],
    look: "Move over the plot: the fine lines are the targets that pull there, the bold arrow is their mean.",
    state: { view: "crossing", a: moons("independent"), t: 0.5 },
    play: false,
  },
  {
    title: "Match first, then learn",
    text: [
      "Before the lines are drawn, let every noise point of the batch take a data point so that all together travel least: optimal transport, an assignment problem solved anew for each batch.",
      "Nothing else changes. The lines hardly cross any more, and what remains to be averaged is small.",
    ],
    look: "Switch between the couplings. The count of crossings is below the plot.",
    state: { view: "crossing", a: moons("ot"), t: 0.5 },
    play: false,
  },
  {
    title: "Fewer steps",
    text: [
      "A computer follows the field in steps. On a straight path one step is as good as a hundred; on a bent one each step leaves the path and the error stays.",
      "Left, trained on transported pairs; right, on random ones. Both take only two Euler steps.",
    ],
    look: "Green is the path that the field means, dark is what the solver does. Move the evaluations from 1 to 16.",
    state: { view: "steps", ab: true, a: moons("ot"), b: only({ "coupling.name": "independent" }), nfe: 2, solver: "euler", show: ["data"], trained: true, t: 1 },
    play: true,
  },
  {
    title: "What was measured",
    text: [
      "A picture can flatter. So the distance between the samples and fresh data is measured while training runs, beside the distance between two draws of the data: the floor that no model can pass.",
      "Look at one or two evaluations: that is where transport pays. With many steps the two come close, and a better solver helps as much.",
    ],
    look: "The chart shows both models; the orange point is the present setting. Now change anything.",
    state: { view: "flow", ab: true, a: moons("ot"), b: only({ "coupling.name": "independent" }), nfe: 1, solver: "euler", show: ["data"], trained: true, t: 1 },
    play: false,
  },
];

/** The state of scene k (from 1); seed and theme stay as they are. */
export function enter(k: number, s: State): State {
  return { ...defaults(), seed: s.seed, theme: s.theme, n: s.n, ...scenes[k - 1].state, scene: k };
}
