import { createRequire } from "node:module";

/**
 * Preloaded into every test file. Deno 2.9 finalizes a native handle that was collected a second
 * time when a test file's isolate is torn down, and the process dies of it. Here no handle is
 * collected before that. The program itself is not concerned: it ends by Deno.exit, which tears
 * nothing down.
 *
 * The addon's own members are read-only, so what modules get instead is an object in front of it.
 * It must stand in the module cache before anything imports the addon: no static import here.
 */
const kept: unknown[] = [];

function keep<T>(value: T): T {
  if (value instanceof Promise) value.then(keep, () => {});
  else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    // An array or a plain object that holds handles keeps them with itself.
    kept.push(value);
  }
  return value;
}

const require = createRequire(import.meta.url);
const native: object = require("@duckdb/node-bindings");
const keeping: object = Object.create(native);
for (const name of Object.getOwnPropertyNames(native)) {
  const member: unknown = Reflect.get(native, name);
  const isFunction = typeof member === "function" && !/^[A-Z]/.test(name);
  const value = isFunction ? (...args: unknown[]) => keep(Reflect.apply(member, native, args)) : member;
  Object.defineProperty(keeping, name, { value, enumerable: true });
}
const entry = require.cache[require.resolve("@duckdb/node-bindings")];
if (entry === undefined) throw new Error("The addon is not in the module cache: its handles cannot be kept");
entry.exports = keeping;
