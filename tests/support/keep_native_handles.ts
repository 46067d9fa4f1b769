import duckdb from "@duckdb/node-bindings";
import { types } from "node:util";

/**
 * Preloaded into every test file. Deno 2.9 finalizes a native handle that was collected a second
 * time when a test file's isolate is torn down, and the process dies of it. Here no handle is
 * collected before that. The program itself is not concerned: it ends by Deno.exit, which tears
 * nothing down.
 */
const kept: unknown[] = [];

function keep<T>(value: T): T {
  if (types.isExternal(value)) kept.push(value);
  else if (value instanceof Promise) value.then(keep, () => {});
  else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) if (types.isExternal(inner)) kept.push(inner);
  }
  return value;
}

for (const [name, member] of Object.entries(duckdb)) {
  if (typeof member !== "function" || member.prototype !== undefined && /^[A-Z]/.test(name)) continue;
  Object.assign(duckdb, { [name]: (...args: unknown[]) => keep(Reflect.apply(member, duckdb, args)) });
}
