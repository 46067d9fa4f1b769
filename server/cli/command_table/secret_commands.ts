import type { CommandSpec } from "../command.ts";
import { data, json, policy, project } from "./shared_options.ts";

const place = { project, data, policy } as const;

/** Commands for who looks after secrets, the keys that seal them, and what the audit log tells. */
export const SECRET_COMMANDS: readonly CommandSpec[] = [
  {
    name: "secrets",
    summary:
      "List, set and delete the secrets that the control store keeps, and check what the project refers to",
    arguments: [
      { name: "ACTION", description: "list (the default), set, delete or check", optional: true },
      { name: "NAME", description: "the secret's name, as ${secret:NAME} has it", optional: true },
    ],
    options: {
      ...place,
      stdin: { type: "boolean", description: "the value comes by stdin" },
      file: { type: "string", value: "FILE", description: "the value is the text of this file" },
      force: { type: "boolean", description: "delete it though something refers to it" },
      json,
    },
    load: async () => (await import("../commands/secrets/secrets_command.ts")).secrets,
  },
  {
    name: "keys",
    summary: "Show, make and rotate the keys that seal what the control store keeps secret",
    arguments: [
      { name: "ACTION", description: "show (the default), rotate or generate", optional: true },
      { name: "FILE", description: "where a generated key goes; without it, it is printed", optional: true },
    ],
    options: {
      ...place,
      "new-key-file": {
        type: "string",
        value: "FILE",
        description: "rotate to the key in this file, which only wraps the data keys anew",
      },
      lost: {
        type: "boolean",
        description: "the key is lost: begin with another, and leave what cannot be opened",
      },
      json,
    },
    load: async () => (await import("../commands/secrets/keys_command.ts")).keys,
  },
  {
    name: "audit",
    summary: "Show who did what, export it, and see whether the log is as it was written",
    arguments: [{ name: "ACTION", description: "list (the default), export or verify", optional: true }],
    options: {
      ...place,
      action: {
        type: "string",
        value: "ACTION",
        description: "only this action; with * at its end all that begin so, as run.*",
      },
      actor: { type: "string", value: "USER", description: "only what this user did" },
      target: {
        type: "string",
        value: "NAME",
        description: "only what was done to this, as daily or user:ann",
      },
      pipeline: { type: "string", value: "PIPELINE", description: "only what belongs to this pipeline" },
      outcome: {
        type: "string",
        value: "OUTCOME",
        description: "only what ended so: done, refused, failed or unknown",
      },
      since: { type: "string", value: "WHEN", description: "from then on: a date, a time, or as 7d" },
      until: { type: "string", value: "WHEN", description: "before then, likewise" },
      text: { type: "string", value: "TEXT", description: "only lines that have this text anywhere" },
      limit: { type: "string", value: "N", description: "of list: at most this many lines; 50 by default" },
      all: { type: "boolean", description: "of list: all lines that fit" },
      format: { type: "string", value: "FORMAT", description: "of export: ndjson (the default) or csv" },
      output: { type: "string", value: "FILE", description: "of export: into this new file" },
      expect: {
        type: "string",
        value: "HASH",
        description: "of verify: the hash of a line that was kept elsewhere, which the log must still have",
      },
      json,
    },
    load: async () => (await import("../commands/audit/audit_command.ts")).audit,
  },
];
