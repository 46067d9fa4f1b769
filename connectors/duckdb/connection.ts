import { resolve } from "node:path";
import type { Connection, ConnectorContext } from "../../contract/connector/connector.ts";
import { DuckdbFile } from "./file.ts";
import { createDestination } from "./load/destination.ts";
import { createSource } from "./read/source.ts";

export function createConnection(config: { readonly path: string }, context: ConnectorContext): Connection {
  const path = resolve(context.projectDir, config.path);
  const file = new DuckdbFile(path, `"${config.path}" of ${context.name}`, context);
  return {
    unasked: "its file is opened when it is read or written",
    source: createSource(file),
    destination: createDestination(file, context.name, (message) => context.log("warn", message)),
    // The file is closed with its last use.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
