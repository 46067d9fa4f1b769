import * as v from "valibot";
import type { Connector } from "../../contract/connector/connector.ts";
import { type SluiceStream, streamSchema } from "./options.ts";
import { publishedSource } from "./source.ts";

const configSchema = v.strictObject({});

/** Models that other pipelines of the same server publish. Every project has it under its own name, without an entry. */
export const sluice = {
  name: "sluice",
  description: "Models that other pipelines publish: see docs/data.md.",
  configSchema,
  streamSchema,
  loadModes: [],
  isScanned: () => true,
  secrets: () => [],
  // The server hands over the one file that is read.
  access: () => ({ hosts: [], read: [], write: [] }),
  open: (_, context) =>
    Promise.resolve({
      unasked: "its snapshots are opened when they are read",
      source: publishedSource(context),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
} satisfies Connector<Record<string, never>, SluiceStream>;
