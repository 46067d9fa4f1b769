import { deepStrictEqual } from "node:assert/strict";
import type { createContext } from "../../../connectors/script/runner/context.ts";
import type { ScriptContext } from "../../../contract/script/sluice.d.ts";

type Made = ReturnType<typeof createContext>;

/** Does not compile where what a script is called with is not what its types say. */
const asTyped = (made: Made): ScriptContext => made;
/** Nor where the types leave something out. */
const NAMES: Readonly<Record<keyof Made, keyof ScriptContext>> = {
  params: "params",
  window: "window",
  state: "state",
  cursor: "cursor",
  input: "input",
  signal: "signal",
  log: "log",
  fetch: "fetch",
  secret: "secret",
  columns: "columns",
  checkpoint: "checkpoint",
};

Deno.test("the types that scripts import are those of what they are called with", () => {
  deepStrictEqual(Object.entries(NAMES).filter(([made, typed]) => made !== typed), []);
  deepStrictEqual(typeof asTyped, "function");
});
