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
  const keys = [
    ...(stream.primary_key ?? []).map((column) => ({ key: "primary_key", column })),
    ...(stream.update_key === undefined ? [] : [{ key: "update_key", column: stream.update_key }]),
  ];
  for (const { key, column } of keys) {
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
  for (const [column] of masks) {
    if (has(stream.exclude, column)) fault("mask", `"${column}" is excluded`);
    if (stream.columns !== undefined && !has(stream.columns, column)) {
      fault("mask", `"${column}" is not among the columns`);
    }
  }
  return faults;
}
