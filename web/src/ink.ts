// Own points in a link: "xmin,ymin,xmax,ymax:" and 12 bits for each coordinate
// in base64. What is drawn or uploaded is rounded to this before anything else
// sees it, so that the link holds exactly what was trained on.

export type Points = Float32Array; // x, y, x, y, ...
export const MAX_INK = 1500;

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export function pack(p: Points): string {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < p.length; i += 2) {
    box[0] = Math.min(box[0], p[i]);
    box[1] = Math.min(box[1], p[i + 1]);
    box[2] = Math.max(box[2], p[i]);
    box[3] = Math.max(box[3], p[i + 1]);
  }
  if (p.length === 0) return "";
  for (let j = 0; j < 4; j++) box[j] = Number(box[j].toPrecision(6));
  const all = p.length / 2, keep = Math.min(all, MAX_INK), code: string[] = [];
  for (let k = 0; k < keep; k++) {
    const row = Math.floor((k * all) / keep);
    for (let j = 0; j < 2; j++) {
      const lo = box[j], span = box[j + 2] - lo || 1;
      const q = Math.min(4095, Math.max(0, Math.round(((p[2 * row + j] - lo) / span) * 4095)));
      code.push(alphabet[q >> 6], alphabet[q & 63]);
    }
  }
  return `${box.join(",")}:${code.join("")}`;
}

/** The points of a packed string; none for one that is not. */
export function unpack(s: string): Points {
  const [head, code] = s.split(":");
  const box = (head ?? "").split(",").map(Number);
  if (!code || code.length % 4 !== 0 || box.length !== 4 || !box.every(Number.isFinite)) return new Float32Array();
  const out = new Float32Array(code.length / 2);
  for (let i = 0; i < out.length; i++) {
    const hi = alphabet.indexOf(code[2 * i]), lo = alphabet.indexOf(code[2 * i + 1]);
    if (hi < 0 || lo < 0) return new Float32Array();
    const j = i % 2;
    out[i] = box[j] + ((hi * 64 + lo) / 4095) * (box[j + 2] - box[j] || 1);
  }
  return out;
}
