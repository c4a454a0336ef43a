// What the page reaches on this machine, beside what is asked of it. Run by
// scripts/web -figures; nothing depends on the answer.
import { cpus } from "node:os";
import { chromium } from "playwright-core";

const base = process.env.LAMINAR_URL;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
const visit = async (hash) => {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 940 } })).newPage();
  await page.goto(`${base}/${hash}`);
  await page.waitForFunction(() => window.laminar?.lab.a.data.length > 0);
  return page;
};
const quantile = (a, p) => a.toSorted((x, y) => x - y)[Math.round(p * (a.length - 1))];
const of = (a, digits = 1) => `median ${quantile(a, 0.5).toFixed(digits)}, 95 % ${quantile(a, 0.95).toFixed(digits)}, worst ${Math.max(...a).toFixed(digits)}`;
console.log(`${cpus().length} cores, ${cpus()[0].model}`);

// From the click to samples of 8 evaluations within three times the floor, as
// the page is told of it; and to the end of the training.
const first = [], end = [];
for (let i = 0; i < 5; i++) {
  const page = await visit("");
  const [near, all] = await page.evaluate(() => new Promise((told) => {
    const { lab } = window.laminar, from = performance.now();
    let near = 0;
    lab.on(() => {
      const a = lab.a, row = a.quality?.rows.find((r) => r.nfe === 8);
      if (!near && row?.ratio && row.ratio < 3) near = performance.now() - from;
      if (a.status === "finishing" || a.status === "done") told([near, performance.now() - from]);
    });
    document.querySelector(".transport .primary").click();
  }));
  first.push(near / 1000);
  end.push(all / 1000);
  await page.context().close();
}
console.log(`from Train to W2 below 3 x floor at 8 evaluations, s: ${of(first, 2)} (${first.length} times)`);
console.log(`from Train to the last of 6000 steps, s: ${of(end, 2)}`);

for (const [what, hash] of [["at rest", "#trained=1&train.steps=500&n=5000"], ["at rest, side by side", "#trained=1&train.steps=500&n=5000&ab=1&b.coupling.name=independent"]]) {
  const page = await visit(hash);
  await page.waitForFunction(() => { const { a, b, store } = window.laminar.lab; return [a, ...(store.state.ab ? [b] : [])].every((s) => s.status === "done" && s.flow?.rows === 5000); });
  const { draw, gaps } = await page.evaluate(async () => {
    const { lab, frames } = window.laminar, gaps = [];
    lab.clock.play(true);
    await new Promise((f) => setTimeout(f, 300));
    frames.length = 0;
    let last = performance.now();
    for (let i = 0; i < 400; i++) {
      await new Promise(requestAnimationFrame);
      gaps.push(performance.now() - last);
      last = performance.now();
    }
    return { draw: frames.slice(), gaps };
  });
  console.log(`5000 particles ${what}, ms: drawing ${of(draw)}; from frame to frame ${of(gaps)}`);
  await page.context().close();
}
await browser.close();
