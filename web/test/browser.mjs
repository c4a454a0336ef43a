// The page in a real browser, against the real server. Run by scripts/web, with
// the address in LAMINAR_URL; screenshots go to artefacts/.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const base = process.env.LAMINAR_URL;
if (!base) throw new Error("LAMINAR_URL names no server");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// A full machine is slow; nothing here depends on how fast it is.
const PATIENCE = 90_000;
mkdirSync("artefacts", { recursive: true });

let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser?.close());

/** A page that fails its test on any console error and any foreign request. */
async function visit(hash = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 940 }, acceptDownloads: true, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.faults = [];
  page.sizes = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && page.faults.push(`${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => page.faults.push(e.stack));
  page.on("request", (r) => {
    if (!r.url().startsWith(options.from ?? base) && !/^(data|blob):/.test(r.url())) page.faults.push(`foreign request: ${r.url()}`);
  });
  page.shut = async () => {
    await context.close();
    assert.deepEqual(page.faults, []);
  };
  await page.goto(options.url ?? `${base}/${hash}`);
  await page.waitForSelector("canvas");
  return page;
}

const side = (page, name, f, arg) => page.evaluate(([name, f, arg]) => new Function("s", "arg", `return ${f}`)(window.laminar.lab[name], arg), [name, f, arg]);
const until = (page, f, arg) => page.waitForFunction(new Function("arg", `const { a, b, store, clock } = window.laminar.lab; return ${f}`), arg, { timeout: PATIENCE, polling: 100 });
const trained = (page, name = "a") => until(page, `window.laminar.lab["${name}"].status === "done" && window.laminar.lab["${name}"].flow !== null`);
const ends = (page, name = "a") => side(page, name, "Array.from(s.flow.frames.slice(s.flow.steps * 2 * s.flow.rows))");
const shot = (page, name, options = {}) => page.screenshot({ path: `artefacts/${name}.png`, ...options });
const hash = (page) => page.evaluate(() => location.hash);

async function accessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`), [], what);
}

test("first load is small and everything comes from the server", async () => {
  const page = await visit();
  const bytes = await page.evaluate(async () => {
    const urls = [location.href, ...performance.getEntriesByType("resource").map((e) => e.name).filter((u) => !u.includes("/api/"))];
    return Promise.all(urls.map(async (u) => (await fetch(u)).text()));
  });
  const gz = bytes.reduce((n, text) => n + gzipSync(text).length, 0);
  assert.ok(gz < 150_000, `${gz} bytes`);
  console.log(`# first load: ${gz} bytes gzipped`);
  assert.equal(await page.locator("h1").textContent(), "Laminar");
  await accessible(page, "at first");
  await page.shut();
});

test("moons are learnt with transport, close to the floor, and the link gives the same picture again", async () => {
  const page = await visit();
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await trained(page);
  const q = await side(page, "a", "s.quality");
  assert.ok(q.final && q.rows.find((r) => r.nfe === 8).w2 < 3 * q.floor, JSON.stringify(q));
  assert.equal(await side(page, "a", "s.run.recipe.coupling.name"), "ot");
  await until(page, "a.flow?.rows === 2000");
  const first = await ends(page);
  await shot(page, "light");
  await accessible(page, "trained");
  // Drag the time to the middle with the keyboard, as a range answers to keys.
  const time = page.getByLabel("Time from noise to data");
  await time.fill("0.5");
  await until(page, "Math.abs(store.state.t - 0.5) < 1e-9");
  await until(page, "location.hash.includes('t=0.5')");
  const picture = () => page.locator("canvas[data-side=a]").evaluate(async (c) => {
    await new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)));
    return c.toDataURL();
  });
  const before = await picture(), link = await hash(page);
  assert.match(link, /trained=1/);
  await page.shut();

  const again = await visit(link);
  await trained(again);
  await until(again, "a.flow?.rows === 2000");
  assert.deepEqual(await ends(again), first, "the particles end elsewhere");
  assert.equal(await again.locator("canvas[data-side=a]").evaluate(async (c) => {
    await new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)));
    return c.toDataURL();
  }), before, "the picture differs");
  await again.shut();
});

test("solver and evaluations act at once, without training", async () => {
  const page = await visit("#trained=1&train.steps=1000&view=steps");
  await trained(page);
  const step = await side(page, "a", "s.progress.step");
  for (const n of [1, 2, 30]) {
    await page.getByRole("slider", { name: "Evaluations" }).fill(String(n));
    await until(page, "a.flow?.steps === arg", n);
    assert.match(await page.locator(".nfe .value").textContent(), new RegExp(`^${n} in ${n} step`));
  }
  await page.getByLabel("Solver").selectOption("heun");
  await until(page, "a.flow?.steps === 15");
  await until(page, "a.fine !== null && a.fine.rows === 28");
  assert.equal(await side(page, "a", "s.progress.step"), step);
  await page.getByRole("slider", { name: "Evaluations" }).fill("2");
  await page.getByLabel("Solver").selectOption("euler");
  await until(page, "a.flow?.steps === 2");
  await shot(page, "steps");
  await page.shut();
});

test("a dropped particle is followed, by mouse and by keys", async () => {
  const page = await visit("#trained=1&train.steps=1000");
  await trained(page);
  const canvas = page.locator("canvas[data-side=a]");
  await canvas.click({ position: { x: 200, y: 200 } });
  await until(page, "a.drops !== null && a.drops.fine.rows === 1");
  await canvas.focus();
  for (const k of ["ArrowLeft", "ArrowLeft", "ArrowUp", "Enter"]) await page.keyboard.press(k);
  await until(page, "a.drops !== null && a.drops.fine.rows === 2");
  await page.getByRole("button", { name: "Arrows" }).click();
  await page.getByRole("button", { name: "Grid" }).click();
  await until(page, "a.arrows !== null && a.grid !== null");
  await page.getByRole("button", { name: "Density" }).click();
  await until(page, "a.density !== null && a.density.n === 64");
  await shot(page, "layers");
  await page.shut();
});

test("the coupling switches live where lines cross", async () => {
  const page = await visit("#view=crossing&t=0.5");
  const count = async () => Number(await page.locator(".crossing figcaption b").first().textContent());
  await page.waitForFunction(() => Number(document.querySelector(".crossing figcaption b")?.textContent) > 0);
  const ot = await count();
  await page.locator(".crossing").getByRole("radio", { name: "independent", exact: true }).check();
  await page.waitForFunction((n) => Number(document.querySelector(".crossing figcaption b")?.textContent) > 4 * n + 10, ot);
  await page.locator(".crossing canvas").nth(1).hover({ position: { x: 180, y: 170 } });
  await page.waitForFunction(() => /pairs pass here/.test(document.querySelector(".reading")?.textContent ?? ""));
  await shot(page, "crossing");
  await accessible(page, "crossing");
  await page.shut();
});

test("a drawn shape is learnt, and its link holds it", async () => {
  const page = await visit();
  await page.getByRole("button", { name: "Draw your own" }).click();
  const board = page.locator(".board"), box = await board.boundingBox();
  const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(0.2, 0.3));
  await page.mouse.down();
  await page.mouse.move(...at(0.8, 0.3), { steps: 12 });
  await page.mouse.move(...at(0.5, 0.8), { steps: 12 });
  await page.mouse.up();
  await board.focus();
  await page.keyboard.press(" ");
  await shot(page, "brush");
  await accessible(page, "brush");
  await page.getByRole("button", { name: "Learn this" }).click();
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await trained(page);
  const q = await side(page, "a", "s.quality");
  assert.ok(q.rows.find((r) => r.nfe === 8).w2 < 4 * q.floor, JSON.stringify(q));
  await until(page, "location.hash.includes('ink=')");
  await shot(page, "drawn");
  const ink = await side(page, "a", "s.settings.ink"), link = await hash(page);
  await page.shut();
  const again = await visit(link);
  assert.equal(await side(again, "a", "s.settings.ink"), ink);
  await again.shut();
});

test("a CSV is uploaded, two columns are chosen and learnt", async () => {
  const page = await visit("#train.steps=1000");
  const rows = ["name,a,b,c"];
  for (let i = 0; i < 400; i++) rows.push(`r${i},${(i * 37) % 100},${Math.sin(i).toFixed(4)},${(Math.cos(i) * 10).toFixed(4)}`);
  await page.getByRole("button", { name: "Upload a CSV" }).click();
  await page.locator(".drop input").setInputFiles({ name: "mine.csv", mimeType: "text/csv", buffer: Buffer.from(rows.join("\n")) });
  await page.getByLabel("Across").selectOption("b");
  await page.getByLabel("Upwards").selectOption("c");
  await page.getByRole("button", { name: "Learn these points" }).isEnabled();
  await accessible(page, "upload");
  await page.getByRole("button", { name: "Learn these points" }).click();
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await trained(page);
  const box = (await side(page, "a", "s.settings.ink")).split(":")[0].split(",").map(Number); // of the columns chosen
  assert.ok(box[0] > -1.01 && box[2] < 1.01 && box[1] < -9 && box[3] > 9, box.join());
  await page.shut();
});

test("a file that is no table, or too large, gets a clear answer", async () => {
  const page = await visit();
  await page.getByRole("button", { name: "Upload a CSV" }).click();
  await page.evaluate(() => {
    const e = new Event("drop", { bubbles: true, cancelable: true });
    Object.defineProperty(e, "dataTransfer", { value: { files: [{ name: "huge.csv", size: 2 ** 30 }] } });
    document.querySelector(".drop").dispatchEvent(e);
  });
  const said = page.locator("dialog .fault");
  await said.waitFor();
  assert.match(await said.textContent(), /huge\.csv has 1024 MB; up to 16 MB/);
  await page.locator(".drop input").setInputFiles({ name: "words.csv", mimeType: "text/csv", buffer: Buffer.from("one,two\nred,blue\ngreen,grey\n") });
  await said.getByText("two are needed").waitFor();
  const gap = "t,x,y\n" + "1,2,3\n4,5,6\n".repeat(130) + "7,,9\n";
  await page.locator(".drop input").setInputFiles({ name: "gap.csv", mimeType: "text/csv", buffer: Buffer.from(gap) });
  await said.getByText(/line 262, column "x"/).waitFor();
  assert.equal(await page.getByRole("button", { name: "Learn these points" }).isEnabled(), false);
  await page.getByLabel("Upwards").selectOption("y");
  await page.getByText("261 rows").waitFor();
  assert.equal(await page.getByRole("button", { name: "Learn these points" }).isEnabled(), true);
  page.faults = page.faults.filter((f) => !/status of 4\d\d/.test(f)); // the browser's own note of the answer
  await page.shut();
});

test("two settings go side by side from the same noise", async () => {
  const page = await visit("#trained=1&train.steps=2000");
  await page.getByRole("button", { name: "A/B" }).click();
  await trained(page, "a");
  await trained(page, "b");
  assert.equal(await side(page, "b", "s.run.recipe.coupling.name"), "independent");
  await until(page, "a.flow?.rows === 2000 && b.flow?.rows === 2000");
  assert.deepEqual(await side(page, "a", "Array.from(s.flow.frames.slice(0, 400))"), await side(page, "b", "Array.from(s.flow.frames.slice(0, 400))"));
  await shot(page, "ab");
  await accessible(page, "A/B");
  await page.shut();
});

test("every scene of the story stands, in the page's own settings", async () => {
  const page = await visit("", { reducedMotion: "no-preference" });
  await page.getByRole("button", { name: "Story" }).click();
  const count = Number(/of (\d+)/.exec(await page.locator(".story .count").textContent())[1]);
  assert.ok(count >= 6 && count <= 8);
  for (let k = 1; k <= count; k++) {
    await until(page, "store.state.scene === arg", k);
    await page.waitForTimeout(400); // settings are taken once they rest
    const wants = await page.evaluate(() => {
      const s = window.laminar.lab.store.state;
      return { trained: s.trained, ab: s.ab, view: s.view };
    });
    if (wants.trained) {
      await trained(page);
      if (wants.ab) await trained(page, "b");
      await until(page, "(!store.state.show.includes('grid') || a.grid !== null) && (!store.state.show.includes('arrows') || a.arrows !== null)");
    } else await page.waitForFunction(() => Number(document.querySelector(".crossing figcaption b")?.textContent) >= 0);
    await shot(page, `scene-${k}`);
    await accessible(page, `scene ${k}`);
    if (k < count) await page.getByRole("button", { name: "Next" }).click();
  }
  await page.getByRole("button", { name: "Explore" }).click();
  await until(page, "store.state.scene === 0");
  await page.shut();
});

test("what is taken home works: command, files, and a page without a server", async () => {
  const page = await visit("#trained=1&train.steps=1000&ab=1&b.coupling.name=independent&nfe=4");
  await trained(page, "a");
  await trained(page, "b");
  await until(page, "a.flow?.steps === 4 && b.flow?.steps === 4 && a.flow?.rows === 2000 && b.flow?.rows === 2000");
  await page.getByRole("button", { name: "Take home" }).click();
  await page.waitForFunction(() => [...document.querySelectorAll(".copy textarea")].map((c) => /--coupling (\w+)/.exec(c.value)?.[1]).join() === "ot,independent");
  assert.match(await page.getByLabel("Link").inputValue(), /^http.*#.*nfe=4/);
  await shot(page, "take");
  await accessible(page, "take home");
  const take = async (name) => {
    const waiting = page.waitForEvent("download");
    await page.locator(".files").getByText(name, { exact: true }).click();
    const d = await waiting, path = join(tmpdir(), `laminar-${process.pid}-${d.suggestedFilename()}`);
    await d.saveAs(path);
    return path;
  };
  assert.equal(readFileSync(await take("PNG")).subarray(1, 4).toString(), "PNG");
  assert.equal(readFileSync(await take("GIF A")).subarray(0, 3).toString(), "GIF");
  const model = readFileSync(await take("Model B"));
  assert.ok(JSON.parse(model.subarray(8, 8 + Number(model.readBigUInt64LE(0))).toString()).__metadata__);
  const html = await take("Page"), want = { a: await ends(page, "a"), b: await ends(page, "b") };
  await page.shut();

  const alone = await visit("", { url: `file://${html}`, from: "file://" });
  await until(alone, "a.flow !== null && b.flow !== null && a.flow?.steps === 4");
  assert.deepEqual(await ends(alone, "a"), want.a);
  assert.deepEqual(await ends(alone, "b"), want.b);
  await alone.getByRole("slider", { name: "Evaluations" }).fill("9");
  await until(alone, "a.flow?.steps === 9");
  await alone.getByLabel("Time from noise to data").fill("0.3");
  await until(alone, "Math.abs(clock.t - 0.3) < 1e-9");
  await accessible(alone, "exported");
  await shot(alone, "exported");
  await alone.shut();
});

test("a single step, a pause and a reset do what they say", async () => {
  const page = await visit("#train.steps=200000");
  await page.getByRole("button", { name: "One training step" }).click();
  await until(page, "a.status === 'paused' && a.progress !== null && a.progress?.step === 1");
  await page.getByRole("button", { name: "One training step" }).click();
  await until(page, "a.progress?.step === 2");
  await page.getByRole("button", { name: "Resume" }).click();
  await until(page, "a.status === 'running' && a.progress?.step > 50");
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await until(page, "a.status === 'paused'");
  const step = await page.evaluate(async () => {
    await new Promise((f) => setTimeout(f, 300));
    return window.laminar.lab.a.progress.step;
  });
  await page.getByRole("button", { name: "One training step" }).click();
  await until(page, "a.progress?.step === arg", step + 1);
  await page.getByRole("button", { name: "Reset the training" }).click();
  await until(page, "a.status === 'idle' && a.run === null");
  await page.shut();
});

test("what one side has, the other can be without", async () => {
  const page = await visit("#ab=1&exact=1&data.noise=0.2&b.data.name=circles");
  await until(page, "a.status === 'exact' && b.status === 'exact'");
  await page.getByRole("radio", { name: "Model B" }).check();
  await page.getByRole("button", { name: "Exact field, no network" }).click();
  await page.getByRole("slider", { name: "Noise added" }).fill("0");
  await until(page, "b.status === 'idle' && b.settings.recipe['data.noise'] === 0 && a.status === 'exact' && a.settings.recipe['data.noise'] === 0.2");
  await page.shut();
});

test("a network of one step takes one, and one of long steps takes those", async () => {
  const small = "train.steps=60&network.width=16&train.batch=64&n=200&trained=1";
  const gan = await visit(`#${small}&family=gan&coupling.name=independent&nfe=8`);
  await trained(gan);
  assert.equal(await side(gan, "a", "s.flow.steps"), 1);
  assert.match(await gan.locator(".nfe .value").textContent(), /^1, all/);
  await gan.shut();
  const page = await visit(`#${small}&nfe=2`);
  await trained(page);
  await page.getByRole("radio", { name: "meanflow" }).check();
  await until(page, "store.state.solver === 'jump' && a.status === 'done' && a.long && a.flow?.steps === 2");
  const jump = await ends(page);
  await page.getByLabel("Solver").selectOption("euler");
  await until(page, "a.flow?.steps === 2 && a.stepping(store.state).method.name === 'euler'");
  await page.waitForFunction((was) => { const f = window.laminar.lab.a.flow; return f.frames.slice(2 * f.steps * f.rows).some((v, i) => Math.abs(v - was[i]) > 1e-3); }, jump);
  await page.shut();
});

test("keys are enough: train, go through time, change the solver, open and leave a dialog", async () => {
  const page = await visit("#train.steps=300");
  const to = async (what) => {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((w) => { const e = document.activeElement; return (e.getAttribute("aria-label") || e.closest("label")?.textContent || e.textContent).trim().startsWith(w); }, what)) return;
    }
    assert.fail(`Tab does not reach ${what}`);
  };
  await to("Take home");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Take home");
  await to("Train");
  await page.keyboard.press("Enter");
  await trained(page);
  await to("Time from noise to data");
  await page.keyboard.press("Home");
  await until(page, "clock.t === 0");
  await to("Evaluations");
  await page.keyboard.press("ArrowRight");
  await until(page, "a.flow?.steps === 9");
  await page.shut();
});

test("new noise is new where particles start from a shape", async () => {
  const page = await visit("#trained=1&train.steps=60&network.width=16&train.batch=64&n=200&source=uniform");
  await trained(page);
  await until(page, "a.flow?.rows === 200");
  const starts = () => side(page, "a", "Array.from(s.flow.frames.slice(0, 40))");
  const was = await starts();
  await page.getByRole("button", { name: "New noise" }).click();
  await page.waitForFunction((was) => window.laminar.lab.a.flow.frames.slice(0, 40).every((v, i) => v !== was[i]), was);
  const now = await starts(), link = await page.evaluate(async () => { await new Promise((f) => setTimeout(f, 400)); return location.hash; });
  await page.shut();
  const again = await visit(link);
  await trained(again);
  await until(again, "a.flow?.rows === 200");
  assert.deepEqual(await side(again, "a", "Array.from(s.flow.frames.slice(0, 40))"), now);
  await again.shut();
});

test("nothing plays by itself for whoever wants less motion", async () => {
  const page = await visit();
  await page.getByRole("button", { name: "Story" }).click();
  await until(page, "store.state.scene === 1");
  assert.equal(await page.evaluate(() => window.laminar.lab.clock.playing), false);
  await page.shut();
});

test("a server that has forgotten a run, or does not answer, is told of", async () => {
  const page = await visit();
  await page.route("**/events", (r) => r.fulfill({ status: 404, contentType: "application/json", body: '{"error":"there is no run"}' }), { times: 1 });
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByText("the server has forgotten this model").waitFor();
  await page.route("**/events", (r) => r.abort(), { times: 1 });
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByText("The server does not answer just now").waitFor();
  await page.getByText("The server does not answer just now").waitFor({ state: "detached" }); // it asks again
  page.faults = page.faults.filter((f) => !/status of 404|ERR_FAILED|forgotten/.test(f));
  await page.shut();
});

test("a garbage hash opens the page all the same", async () => {
  for (const h of ["#%%%&view=evil&nfe=x", "#network.width=1000000&trained=1", `#ink=${"A".repeat(4000)}`]) {
    const page = await visit(h);
    if (h.includes("width")) {
      await page.waitForSelector(".plate .fault");
      assert.match(await page.locator(".plate .fault").textContent(), /width/);
      page.faults = page.faults.filter((f) => !/status of 4\d\d/.test(f));
    }
    await page.shut();
  }
});

test("dark and narrow", async () => {
  for (const [name, options] of [["dark", { colorScheme: "dark" }], ["phone", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }], ["phone-dark", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: "dark" }]]) {
    const page = await visit("#trained=1&train.steps=2500&t=0.72", options);
    await trained(page);
    await until(page, "a.flow?.rows === 2000");
    await accessible(page, name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name}: ${wide} pixels too wide`);
    await shot(page, name, { fullPage: name !== "dark" });
    await page.shut();
  }
});

test("frame times with 5000 particles are told", async () => {
  const page = await visit("#trained=1&train.steps=1000&n=5000", { reducedMotion: "no-preference" });
  await trained(page);
  await until(page, "a.flow?.rows === 5000");
  const times = await page.evaluate(async () => {
    const { lab, frames } = window.laminar;
    frames.length = 0;
    lab.clock.play(true);
    const gaps = [];
    let last = performance.now();
    for (let i = 0; i < 150; i++) {
      await new Promise(requestAnimationFrame);
      gaps.push(performance.now() - last);
      last = performance.now();
    }
    lab.clock.play(false);
    return { draw: frames.slice(), gaps: gaps.slice(5), solve: lab.a.took };
  });
  const q = (a, p) => a.toSorted((x, y) => x - y)[Math.floor(p * (a.length - 1))].toFixed(1);
  assert.ok(times.draw.length > 20, "nothing moved");
  const line = `5000 particles: drawing ${q(times.draw, 0.5)} ms (95 %: ${q(times.draw, 0.95)}), between frames ${q(times.gaps, 0.5)} ms (95 %: ${q(times.gaps, 0.95)}), solving 8 evaluations ${times.solve.toFixed(0)} ms`;
  console.log(`# ${line}`);
  writeFileSync("artefacts/frames.txt", `${line}\n`);
  await page.shut();
});
