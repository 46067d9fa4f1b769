import * as v from "valibot";
import type { Connector } from "../../contract/connector/connector.ts";
import { type ScriptStream, streamSchema } from "./options.ts";
import { scriptSource } from "./source.ts";

const configSchema = v.strictObject({});

/** Rows that a script of the project makes. Every project has it under its own name, without an entry. */
export const script = {
  name: "script",
  description:
    "Rows that a script of the project makes, a TypeScript module in a sandbox: see docs/scripts.md.",
  configSchema,
  streamSchema,
  loadModes: [],
  secrets: () => [],
  access: (_, use) =>
    use.kind !== "source" ? { hosts: [], read: [], write: [] } : {
      hosts: [],
      guardedHosts: use.stream.hosts,
      read: [],
      write: [],
      secrets: use.stream.secrets,
      startsScripts: true,
    },
  open: (_, context) =>
    Promise.resolve({
      reach: () => Promise.resolve(),
      source: scriptSource(context),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
} satisfies Connector<Record<string, never>, ScriptStream>;
