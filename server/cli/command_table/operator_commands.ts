import type { CommandSpec } from "../command.ts";
import { BACKUP, data, diskReserve, json, policy, project } from "./shared_options.ts";

/** Commands for who looks after a server. */
export const OPERATOR_COMMANDS: readonly CommandSpec[] = [
  {
    name: "backup",
    summary: "Copy the control store, the warehouses and all else of the data folder into one file",
    arguments: [BACKUP],
    options: {
      project,
      data,
      policy,
      wait: {
        type: "string",
        value: "DURATION",
        description: "how long it waits for a run of a pipeline to end, 10m by default",
      },
      "without-snapshots": {
        type: "boolean",
        description: "leave out what pipelines publish: their next runs publish it anew",
      },
      encrypt: {
        type: "boolean",
        description: "make no plain one: an error where nobody is named whom it is encrypted for",
      },
      recipient: {
        type: "string",
        value: "AGE1…",
        multiple: true,
        description: "encrypt it for this recipient of age; several, SLUICE_BACKUP_RECIPIENTS by default",
      },
      "passphrase-stdin": {
        type: "boolean",
        description: "encrypt it with a passphrase, which is the first line of stdin",
      },
      json,
    },
    load: async () => (await import("../commands/operations/backup_command.ts")).backup,
  },
  {
    name: "restore",
    summary: "Put a backup into an empty data folder",
    arguments: [BACKUP],
    options: {
      project,
      data,
      identity: {
        type: "string",
        value: "FILE",
        multiple: true,
        description: "open an encrypted backup with the identities of age in this file; several",
      },
      "passphrase-stdin": {
        type: "boolean",
        description: "open it with a passphrase, which is the first line of stdin",
      },
      json,
    },
    load: async () => (await import("../commands/operations/restore_command.ts")).restore,
  },
  {
    name: "backup-identity",
    summary: "Make a pair of keys for encrypted backups: one is written to a file, the other one printed",
    arguments: [{ name: "FILE", description: "the new file, to be kept away from the server" }],
    options: { json },
    load: async () => (await import("../commands/operations/backup_identity_command.ts")).backupIdentity,
  },
  {
    name: "warehouse",
    summary: "List the warehouses, encrypt one, or make it plain again",
    arguments: [
      { name: "ACTION", description: "list (the default), encrypt or decrypt", optional: true },
      { name: "PIPELINE", description: "whose warehouse is encrypted or decrypted", optional: true },
    ],
    options: {
      project,
      data,
      policy,
      wait: {
        type: "string",
        value: "DURATION",
        description: "how long it waits for a run of the pipeline to end, 10m by default",
      },
      json,
    },
    load: async () => (await import("../commands/operations/warehouse_command.ts")).warehouse,
  },
  {
    name: "drain",
    summary: "Let no more runs begin on the server, as before an upgrade, and wait for those under way",
    arguments: [{
      name: "ACTION",
      description: "on (the default), off, or status, which changes nothing",
      optional: true,
    }],
    options: {
      project,
      data,
      policy,
      wait: {
        type: "string",
        value: "DURATION",
        description: "how long to wait for the runs under way, as 10m; not at all by default",
      },
      json,
    },
    load: async () => (await import("../commands/operations/drain_command.ts")).drain,
  },
  {
    name: "doctor",
    summary: "Look at all that a server needs: policy, project, connectors, disk, store and machine",
    arguments: [],
    options: {
      project,
      data,
      policy,
      timeout: {
        type: "string",
        value: "SECONDS",
        description: "how long a connector may take to answer, 30 by default",
      },
      "disk-reserve": diskReserve,
      json,
    },
    load: async () => (await import("../commands/operations/doctor_command.ts")).doctor,
  },
];
