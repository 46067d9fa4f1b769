import { deepEqual } from "node:assert/strict";
import { inWaves, knownFirst } from "../../../../../engine/definitions/published/read_columns.ts";

const column = (name: string) => ({ columns: [{ name, type: "INTEGER" }], pii: [] });

Deno.test("inWaves() puts each behind those whose models it reads, in an environment too, and ends for a circle", () => {
  const wavesOf = (items: Readonly<Record<string, readonly string[]>>) =>
    inWaves(
      Object.keys(items),
      (name) => name,
      (name) => (items[name] ?? []).map((pipeline) => ({ pipeline, model: "daily" })),
    );
  deepEqual(wavesOf({ c: ["b", "away"], a: [], b: ["a"], d: ["a"] }), [["a"], ["b", "d"], ["c"]]);
  deepEqual(wavesOf({ "c@dev": ["b"], "b@dev": ["a"], "a@dev": [] }), [["a@dev"], ["b@dev"], ["c@dev"]]);
  deepEqual(wavesOf({ a: ["b"], b: ["a"], c: [] }), [["c"], ["a", "b"]]);
});

Deno.test("knownFirst(): files come before what is in force, and in an environment behind it", async () => {
  const bound = (pipeline: string) =>
    ["shop", "shop@dev", "new@dev"].includes(pipeline) ? column(`files of ${pipeline}`) : undefined;
  const others = ({ pipeline }: { readonly pipeline: string }) =>
    Promise.resolve(pipeline === "shop" ? column("in force") : undefined);
  const nameOf = async (pipeline: string, environment: string | null) => {
    const isBound = (
      name: string,
    ) => (environment === null ? bound(name) : name.includes("@") ? bound(name) : undefined);
    const known = await knownFirst(isBound, others, environment)({ pipeline, model: "daily" });
    return known?.columns[0]?.name;
  };
  deepEqual(await nameOf("shop", null), "files of shop");
  deepEqual(await nameOf("shop", "dev"), "in force");
  deepEqual(await nameOf("new", "dev"), "files of new@dev");
  deepEqual(await nameOf("new", null), undefined);
});
