import * as v from "valibot";
import type { Connector } from "../../contract/connector/connector.ts";
import { isPython } from "../../contract/pipeline/scripts.ts";
import { ScriptDestination } from "./destination.ts";
import { loadSchema, type ScriptStream, type ScriptTarget, streamSchema } from "./options.ts";
import { scriptSource } from "./source.ts";

const configSchema = v.strictObject({});

/** Rows that a script of the project makes or takes. Every project has it under its own name, without an entry. */
export const script = {
  name: "script",
  description:
    "Rows that a script of the project makes or takes, a TypeScript module in a sandbox: see docs/scripts.md.",
  configSchema,
  streamSchema,
  loadSchema,
  loadModes: ["append"],
  mayRejectRows: true,
  secrets: () => [],
  access: (_, use) => {
    if (use.kind === "discovery") return { hosts: [], read: [], write: [] };
    const { script, hosts, secrets, written } = use.kind === "source" ? use.stream : use.target;
    const scriptLimits = { ...written, hosts };
    const python = isPython(script) ? { startsPython: true } : {};
    return {
      hosts: [],
      guardedHosts: hosts,
      read: [],
      write: [],
      secrets,
      startsScripts: true,
      scriptLimits,
      ...python,
    };
  },
  open: (_, context) => {
    const destination = new ScriptDestination(context);
    return Promise.resolve({
      unasked: "a script runs when a stream or a load names it",
      source: scriptSource(context),
      destination,
      [Symbol.asyncDispose]: () => destination[Symbol.asyncDispose](),
    });
  },
} satisfies Connector<Record<string, never>, ScriptStream, ScriptTarget>;
