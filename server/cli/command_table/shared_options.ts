import type { OptionSpec } from "../command.ts";

/** Options and arguments that several commands have. */

export const project: OptionSpec = {
  type: "string",
  value: "DIR",
  env: "SLUICE_PROJECT",
  description: "the project, the working folder by default",
};
export const data: OptionSpec = {
  type: "string",
  value: "DIR",
  env: "SLUICE_DATA",
  description: "the data folder, DIR/.sluice of the project by default",
};
export const policy: OptionSpec = {
  type: "string",
  value: "FILE",
  env: "SLUICE_POLICY",
  description: "the operator's policy: what connectors may reach, whatever the project asks for",
};
export const diskReserve: OptionSpec = {
  type: "string",
  value: "SIZE",
  env: "SLUICE_DISK_RESERVE",
  description:
    "no run begins while less is free on the data folder's disk, as 2GiB; by its size by default, 0: never",
};
export const json: OptionSpec = { type: "boolean", description: "print JSON for programs" };
export const tag: OptionSpec = {
  type: "string",
  value: "TAG",
  multiple: true,
  description: "a word to find it by; several",
};
export const note: OptionSpec = {
  type: "string",
  value: "TEXT",
  description: "what is to be known about it",
};
export const paging = {
  limit: { type: "string", value: "N", description: "at most this many, 20 by default" },
  all: { type: "boolean", description: "as many as there are" },
} as const satisfies Record<string, OptionSpec>;
export const detach: OptionSpec = {
  type: "boolean",
  description: "leave it to the server, and return at once",
};
export const runOutput = {
  json: { type: "boolean", description: "print the outcome as one JSON object in the last line" },
  quiet: { type: "boolean", description: "print no progress, only the outcome" },
} as const satisfies Record<string, OptionSpec>;

export const PIPELINE = { name: "PIPELINE", description: "the pipeline's name" };
export const BACKUP = { name: "BACKUP", description: "the file of the backup, as sluice-2026-11-27.zip" };
export const RUN = { name: "RUN", description: "a run's id, or the beginning or end of one" };
