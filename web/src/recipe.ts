// A recipe as the page holds it: the fields that differ from a preset, by their
// path in the JSON form.

export type Value = string | number | boolean;

export interface Tree {
  [key: string]: Value | Value[] | Tree;
}

/** The nested form of fields by path. */
export function nest(fields: Record<string, Value>): Tree {
  const out: Tree = {};
  for (const [path, v] of Object.entries(fields)) {
    const parts = path.split(".");
    let at = out;
    for (const p of parts.slice(0, -1)) at = (typeof at[p] === "object" ? at[p] : (at[p] = {})) as Tree;
    at[parts.at(-1) as string] = v;
  }
  return out;
}

/** The field at a path of a nested recipe. */
export function lookup(tree: Tree | undefined, path: string): Value | undefined {
  let at: unknown = tree;
  for (const p of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, p)) return undefined;
    at = (at as Tree)[p];
  }
  return typeof at === "object" ? undefined : (at as Value);
}
