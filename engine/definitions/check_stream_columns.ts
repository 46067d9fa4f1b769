import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import type { PipelineFault } from "./check_pipeline.ts";

/**
 * What a stream says of its columns must leave its keys as they are: without its primary_key rows
 * cannot be merged, and a cursor over hidden values would not move.
 */
export function checkStreamColumns(name: string, stream: StreamDefinition): PipelineFault[] {
  const faults: PipelineFault[] = [];
  const fault = (key: string, message: string) =>
    faults.push({
      path: ["extract", name, key],
      at: "key",
      message: `extract.${name}.${key}: ${message}`,
      severity: "error",
    });
  const has = (names: readonly string[] | undefined, name: string) =>
    names?.some((other) => other.toLowerCase() === name.toLowerCase()) ?? false;
  const masks = Object.entries(stream.mask);
  const renames = Object.entries(stream.rename);
  /** The source's name of a stored column; undefined where it is stored under another name. */
  const sourceName = (stored: string) => {
    const from = renames.find(([, to]) => has([to], stored))?.[0];
    return from ?? (renames.some(([from]) => has([from], stored)) ? undefined : stored);
  };
  const keys = [
    ...(stream.primary_key ?? []).map((column) => ({ key: "primary_key", column })),
    ...(stream.update_key === undefined ? [] : [{ key: "update_key", column: stream.update_key }]),
  ];
  for (const { key, column: stored } of keys) {
    const column = sourceName(stored);
    if (column === undefined) {
      const to = renames.find(([from]) => has([from], stored))?.[1];
      fault(key, `"${stored}" is renamed to "${to}": keys use the new name`);
      continue;
    }
    if (has(stream.exclude, column)) fault("exclude", `"${column}" is needed as ${key}`);
    if (stream.columns !== undefined && !has(stream.columns, column)) {
      fault("columns", `"${column}" is missing, which is needed as ${key}`);
    }
    const mask = masks.find(([name]) => has([name], column))?.[1];
    if (mask === undefined) continue;
    if (key === "update_key") {
      fault("mask", `"${column}" is the update_key: masked, it says no more what is new`);
    } else if (mask !== "hash") {
      fault("mask", `"${column}" is in the primary_key: only hash keeps rows apart`);
    }
  }
  const named = [
    ...masks.map(([column]) => ({ key: "mask", column })),
    ...renames.map(([column]) => ({ key: "rename", column })),
  ];
  for (const { key, column } of named) {
    if (has(stream.exclude, column)) fault(key, `"${column}" is excluded`);
    if (stream.columns !== undefined && !has(stream.columns, column)) {
      fault(key, `"${column}" is not among the columns`);
    }
  }
  for (const [index, [column, to]] of renames.entries()) {
    const before = renames.slice(0, index).find(([, other]) => has([other], to));
    if (before !== undefined) fault("rename", `"${before[0]}" and "${column}" would both be "${to}"`);
  }
  return faults;
}
