// Bundles the unit tests (they are TypeScript) and gives them to node --test.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { rolldown } from "rolldown";

const out = "node_modules/.unit";
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const input = readdirSync("test").filter((f) => f.endsWith(".test.ts")).map((f) => `test/${f}`);
const bundle = await rolldown({ input, platform: "node", external: [/^node:/] });
await bundle.write({ dir: out, format: "esm", entryFileNames: "[name].mjs" });
const files = readdirSync(out).filter((f) => f.endsWith(".test.mjs")).map((f) => `${out}/${f}`);
process.exit(spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1);
