// A table of one's own: any CSV, two of its columns.

import { useRef, useState } from "preact/hooks";
import { Fault, type Table, api, f64 } from "../api.ts";
import { MAX_INK, pack } from "../ink.ts";
import { useLab } from "./context.ts";
import { Select, Sheet } from "./parts.tsx";

export function Upload(p: { onClose(): void; onUse(ink: string, as: "data" | "source"): void }) {
  const lab = useLab(), [file, setFile] = useState<File | null>(null), [table, setTable] = useState<Table | null>(null), [error, setError] = useState(""), [over, setOver] = useState(false);
  const asked = useRef(0), [axes, setAxes] = useState({ x: "", y: "" });
  const limit = lab.catalogue?.limits.upload_bytes ?? 16 << 20;
  const read = async (f: File, x = "", y = "") => {
    setError("");
    if (f.size > limit) {
      asked.current++;
      setTable(null);
      return setError(`${f.name} has ${(f.size / 2 ** 20).toFixed(0)} MB; up to ${(limit / 2 ** 20).toFixed(0)} MB can be uploaded. Train larger files with: laminar train ${f.name}`);
    }
    setFile(f);
    setAxes({ x, y });
    const turn = ++asked.current; // only the last answer counts
    try {
      const t = await api.table(f, x, y);
      if (turn !== asked.current) return;
      setTable(t);
      setAxes({ x: t.x, y: t.y });
    } catch (e) {
      if (turn !== asked.current) return;
      setError((e as Error).message);
      // Columns that cannot be read: others may.
      const { columns, x, y } = e instanceof Fault ? e.said : {};
      if (!columns || !x || !y) return setTable(null);
      setTable({ rows: 0, columns, x, y, n: 0, points_f64: "" });
      setAxes({ x, y });
    }
  };
  const settled = table !== null && table.n > 0 && table.x === axes.x && table.y === axes.y;
  const use = (t: Table, as: "data" | "source") => p.onUse(pack(Float32Array.from(f64(t.points_f64))), as);
  const numbers = table?.columns.filter((c) => c.number) ?? [];
  return (
    <Sheet title="Upload a CSV" onClose={p.onClose}>
      <label class={`drop ${over ? "over" : ""}`} onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
        onDrop={(e) => { e.preventDefault(); setOver(false); const f = e.dataTransfer?.files[0]; if (f) void read(f); }}>
        <input type="file" accept=".csv,.tsv,.txt,.gz,text/csv" onChange={(e) => { const f = e.currentTarget.files?.[0]; if (f) void read(f); }} />
        <span>{file ? file.name : "Choose a file, or drop one here"}</span>
      </label>
      {error ? <p class="fault" role="alert">{error}</p> : null}
      {table && file ? (
        <>
          <div class="two">
            <Select label="Across" value={axes.x} options={numbers} onPick={(x) => void read(file, x, x === axes.y ? axes.x : axes.y)} />
            <Select label="Upwards" value={axes.y} options={numbers} onPick={(y) => void read(file, y === axes.x ? axes.y : axes.x, y)} />
          </div>
          <p class="note">{table.n ? `${table.rows} rows` : "Choose other columns, or mend the file"}{table.n > MAX_INK ? `; every ${Math.ceil(table.n / MAX_INK)}th or so is kept, so that the link can hold them` : ""}.{(table.notes ?? []).map((n) => ` ${n}`)}</p>
          <footer class="row spread">
            <span />
            <button type="button" class="plain" disabled={!settled} onClick={() => use(table, "source")}>Start from them</button>
            <button type="button" class="primary" disabled={!settled} onClick={() => use(table, "data")}>Learn these points</button>
          </footer>
        </>
      ) : null}
    </Sheet>
  );
}
