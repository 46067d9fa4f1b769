import type { CommandSpec, OptionSpec } from "./command.ts";

/**
 * Every command and option, once: parsing, help and the manual's test read this table. A command's
 * code is loaded when it is used.
 */

const project: OptionSpec = {
  type: "string",
  value: "DIR",
  env: "SLUICE_PROJECT",
  description: "the project, the working folder by default",
};
const data: OptionSpec = {
  type: "string",
  value: "DIR",
  env: "SLUICE_DATA",
  description: "the data folder, DIR/.sluice of the project by default",
};
const policy: OptionSpec = {
  type: "string",
  value: "FILE",
  env: "SLUICE_POLICY",
  description: "the operator's policy: what connectors may reach, whatever the project asks for",
};
const json: OptionSpec = { type: "boolean", description: "print JSON for programs" };
const tag: OptionSpec = {
  type: "string",
  value: "TAG",
  multiple: true,
  description: "a word to find it by; several",
};
const note: OptionSpec = { type: "string", value: "TEXT", description: "what is to be known about it" };
const runOutput = {
  json: { type: "boolean", description: "print the outcome as one JSON object in the last line" },
  quiet: { type: "boolean", description: "print no progress, only the outcome" },
} as const satisfies Record<string, OptionSpec>;

const PIPELINE = { name: "PIPELINE", description: "the pipeline's name" };
const BACKUP = { name: "BACKUP", description: "the file of the backup, as sluice-2026-11-27.zip" };
const RUN = { name: "RUN", description: "a run's id, or the beginning or end of one" };

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "init",
    summary: "Make a new project with a pipeline that runs",
    arguments: [{ name: "DIR", description: "a new folder, or one without a project in it" }],
    options: {},
    load: async () => (await import("./commands/init_command.ts")).init,
  },
  {
    name: "add",
    summary: "Add a connector and a pipeline for an API of the catalogue, or of an OpenAPI document",
    arguments: [{
      name: "API",
      description: "the API, as github; all that there are are listed without",
      optional: true,
    }],
    options: {
      project,
      data,
      name: {
        type: "string",
        value: "NAME",
        description: "what the connector and the pipeline are called, the API's name by default",
      },
      set: {
        type: "string",
        value: "NAME=VALUE",
        multiple: true,
        description: "a value that the API needs, as owner=acme",
      },
      streams: {
        type: "string",
        value: "STREAMS",
        multiple: true,
        description: "only these streams, as issues,pulls, and those that they are children of",
      },
      openapi: {
        type: "string",
        value: "FILE",
        description: "in the place of an API: its OpenAPI or Swagger document, in JSON or YAML",
      },
      "base-url": {
        type: "string",
        value: "URL",
        description: "with --openapi: the server, where the document names none or another one",
      },
      "dry-run": { type: "boolean", description: "write nothing, and print what would be written" },
      json,
    },
    load: async () => (await import("./commands/add/add_command.ts")).add,
  },
  {
    name: "serve",
    summary: "Run the server: schedules, API and pages",
    arguments: [],
    options: {
      project,
      data,
      policy,
      host: {
        type: "string",
        value: "HOST",
        env: "SLUICE_HOST",
        description: "the address to listen on, 127.0.0.1 by default",
      },
      port: {
        type: "string",
        value: "PORT",
        env: "SLUICE_PORT",
        description: "the port to listen on, 8080 by default; 0 picks a free one",
      },
      "allow-host": {
        type: "string",
        value: "NAME",
        multiple: true,
        env: "SLUICE_ALLOWED_HOSTS",
        description: "a name that browsers may use for the server, beside localhost",
      },
      "trust-proxy": {
        type: "boolean",
        env: "SLUICE_TRUST_PROXY",
        description: "believe the X-Forwarded headers of a reverse proxy in front of it",
      },
      run: {
        type: "string",
        value: "PIPELINE",
        multiple: true,
        description: "start a run of this pipeline at once",
      },
      "max-runs": {
        type: "string",
        value: "N",
        description: "how many runs go on at the same time, 2 by default",
      },
      pool: {
        type: "string",
        value: "NAME=SLOTS",
        multiple: true,
        env: "SLUICE_POOLS",
        description: "how many runs of the pipelines that name this pool go on at the same time, as heavy=2",
      },
      "ready-processes": {
        type: "string",
        value: "N",
        env: "SLUICE_READY_PROCESSES",
        description: "how many processes wait for the next runs at most, 2 by default",
      },
    },
    load: async () => (await import("./commands/serve_command.ts")).serve,
  },
  {
    name: "run",
    summary: "Run a pipeline now and show how it goes",
    arguments: [PIPELINE],
    options: {
      project,
      data,
      policy,
      param: {
        type: "string",
        value: "NAME=VALUE",
        multiple: true,
        description: "a value for one of its params",
      },
      select: { type: "string", value: "EXPR", description: "only these steps, as +daily or tag:finance" },
      exclude: {
        type: "string",
        value: "EXPR",
        description: "without these steps, as weekly+ or tag:slow",
      },
      "full-refresh": {
        type: "boolean",
        description: "rebuild incremental streams and models from nothing",
      },
      "window-start": { type: "string", value: "TIME", description: "what the run is for, from here" },
      "window-end": { type: "string", value: "TIME", description: "what the run is for, until before this" },
      from: {
        type: "string",
        value: "VALUE",
        description: "read streams again from this update_key on; cursors stay",
      },
      to: { type: "string", value: "VALUE", description: "until before this update_key" },
      group: { type: "string", value: "NAME", description: "names runs that belong together" },
      tag,
      note,
      priority: { type: "string", value: "N", description: "the higher goes first, 0 by default" },
      ...runOutput,
    },
    load: async () => (await import("./commands/run_command.ts")).run,
  },
  {
    name: "check",
    summary: "Check every pipeline and model without data",
    arguments: [],
    options: {
      project,
      data,
      policy,
      offline: {
        type: "boolean",
        description: "ask no source over a network; a missing secret or variable is a warning",
      },
      json,
    },
    load: async () => (await import("./commands/check_command.ts")).check,
  },
  {
    name: "apply",
    summary: "Put the project's files in force",
    arguments: [],
    options: { project, data, policy, json },
    load: async () => (await import("./commands/apply_command.ts")).apply,
  },
  {
    name: "pipelines",
    summary: "List the pipelines, when each runs next and how it went last",
    arguments: [{ name: "PIPELINE", description: "only this one, with its next five runs", optional: true }],
    options: { project, data, policy, json },
    load: async () => (await import("./commands/pipelines_command.ts")).pipelines,
  },
  {
    name: "pause",
    summary: "Stop a pipeline's schedule until it is resumed",
    arguments: [PIPELINE],
    options: { project, data, policy, json },
    load: async () => (await import("./commands/pause_command.ts")).pause,
  },
  {
    name: "resume",
    summary: "Let a pipeline's schedule start runs again",
    arguments: [PIPELINE],
    options: { project, data, policy, json },
    load: async () => (await import("./commands/pause_command.ts")).resume,
  },
  {
    name: "preview",
    summary: "Look at a pipeline's tables: columns, and the first rows of one",
    arguments: [
      PIPELINE,
      {
        name: "TABLE",
        description: "raw.orders of a stream, daily of a model; all are listed without",
        optional: true,
      },
    ],
    options: { project, data, policy, json },
    load: async () => (await import("./commands/preview_command.ts")).preview,
  },
  {
    name: "runs",
    summary: "List runs, newest first",
    arguments: [],
    options: {
      project,
      data,
      policy,
      pipeline: { type: "string", value: "PIPELINE", description: "only runs of this pipeline" },
      state: {
        type: "string",
        value: "STATE",
        description: "only runs in this state: queued, running, succeeded, failed or cancelled",
      },
      group: { type: "string", value: "NAME", description: "only runs of this group" },
      tag: { type: "string", value: "TAG", description: "only runs with this tag" },
      limit: { type: "string", value: "N", description: "at most this many, 1 to 500, 20 by default" },
      json,
    },
    load: async () => (await import("./commands/runs_command.ts")).runs,
  },
  {
    name: "show",
    summary: "Show a run and its steps, or how far a pipeline is",
    arguments: [{
      name: "RUN",
      description: "a run's id, or the beginning or end of one; or a pipeline's name",
    }],
    options: {
      project,
      data,
      policy,
      attempt: {
        type: "string",
        value: "N",
        description: "the steps as they were when this attempt had ended",
      },
      json,
    },
    load: async () => (await import("./commands/show_command.ts")).show,
  },
  {
    name: "logs",
    summary: "Print a run's log",
    arguments: [RUN],
    options: {
      project,
      data,
      policy,
      follow: { type: "boolean", description: "go on until the run has ended" },
      json: { type: "boolean", description: "print one JSON object a line" },
    },
    load: async () => (await import("./commands/logs_command.ts")).logs,
  },
  {
    name: "cancel",
    summary: "Stop a run",
    arguments: [RUN],
    options: { project, data, policy, json },
    load: async () => (await import("./commands/cancel_command.ts")).cancel,
  },
  {
    name: "retry",
    summary: "Give a failed or cancelled run another attempt",
    arguments: [RUN],
    options: { project, data, policy, ...runOutput },
    load: async () => (await import("./commands/run_command.ts")).retry,
  },
  {
    name: "note",
    summary: "Write a note on a run, or tag it",
    arguments: [RUN, { name: "TEXT", description: "the note; an empty one takes it away", optional: true }],
    options: {
      project,
      data,
      policy,
      tag: { type: "string", value: "TAG", multiple: true, description: "a tag to add; several" },
      untag: { type: "string", value: "TAG", multiple: true, description: "a tag to take away; several" },
      json,
    },
    load: async () => (await import("./commands/runs/note_command.ts")).note,
  },
  {
    name: "rerun",
    summary: "Run an ended run's window again, from a step on",
    arguments: [RUN],
    options: {
      project,
      data,
      policy,
      from: {
        type: "string",
        value: "STEP",
        description: "this step and what needs it, as model:daily; the steps that the run had by default",
      },
      ...runOutput,
    },
    load: async () => (await import("./commands/runs/rerun_command.ts")).rerun,
  },
  {
    name: "backfill",
    summary: "Run a pipeline for each window of a span of time",
    arguments: [PIPELINE],
    options: {
      project,
      data,
      policy,
      from: { type: "string", value: "TIME", description: "where the first window begins, as 2026-01-01" },
      to: { type: "string", value: "TIME", description: "until before this" },
      every: { type: "string", value: "LENGTH", description: "how long a window is: 1d, 6h, 1w, 1mo or 1y" },
      param: {
        type: "string",
        value: "NAME=VALUE",
        multiple: true,
        description: "a value for one of its params",
      },
      select: { type: "string", value: "EXPR", description: "only these steps, as +daily or tag:finance" },
      exclude: { type: "string", value: "EXPR", description: "without these steps, as weekly+ or tag:slow" },
      "window-only": {
        type: "boolean",
        description: "streams go on from their cursors, in place of reading each window again",
      },
      group: { type: "string", value: "NAME", description: "the backfill's name, one of its own by default" },
      tag,
      note,
      priority: { type: "string", value: "N", description: "of its runs, -10 by default: others go first" },
      retry: {
        type: "string",
        value: "GROUP",
        description: "in place of a new one: another attempt of the runs of this backfill that failed",
      },
      detach: { type: "boolean", description: "leave it to the server, and return at once" },
      ...runOutput,
    },
    load: async () => (await import("./commands/runs/backfill_command.ts")).backfill,
  },
  {
    name: "rejects",
    summary:
      "List rows that did not fit or that a target rejected, put them back, send them again, or remove them",
    arguments: [
      { name: "ACTION", description: "list, replay or drop" },
      PIPELINE,
      {
        name: "STREAM",
        description: "the stream, or a load as contacts->crm; list shows all without",
        optional: true,
      },
    ],
    options: {
      project,
      data,
      policy,
      position: {
        type: "string",
        value: "POSITION",
        multiple: true,
        description: "replay only these rows of a load, or drop only these, as list shows them",
      },
      json,
    },
    load: async () => (await import("./commands/rejects_command.ts")).rejects,
  },
  {
    name: "verify",
    summary: "Read the targets of loads back, and compare them with what was loaded",
    arguments: [
      PIPELINE,
      {
        name: "LOAD",
        description: "only this load: what it loads, or daily→lake; all without",
        optional: true,
      },
    ],
    options: { project, data, policy, json },
    load: async () => (await import("./commands/verify_command.ts")).verify,
  },
  {
    name: "connectors",
    summary: "List the connectors, find the streams that one has, or test it",
    arguments: [
      { name: "ACTION", description: "nothing, discover or test", optional: true },
      { name: "NAME", description: "the connector's name in connectors.yaml", optional: true },
    ],
    options: {
      project,
      data,
      policy,
      json,
      yaml: { type: "boolean", description: "print what discover has found as a pipeline" },
    },
    load: async () => (await import("./commands/connectors_command.ts")).connectors,
  },
  {
    name: "alerts",
    summary: "List open problems, acknowledge or mute them, test a notifier, or show what was sent",
    arguments: [
      {
        name: "ACTION",
        description: "list (the default), test, ack, unack, mute, unmute, notifiers or deliveries",
        optional: true,
      },
      {
        name: "NAME",
        description: "the notifier, or the problem: its id, the end of it, or its pipeline",
        optional: true,
      },
    ],
    options: {
      project,
      data,
      policy,
      all: { type: "boolean", description: "list those that are over, too" },
      for: { type: "string", value: "DURATION", description: "mute: how long, as 8h; 1d by default" },
      json,
    },
    load: async () => (await import("./commands/alerts/alerts_command.ts")).alerts,
  },
  {
    name: "tokens",
    summary: "List, create and revoke tokens for the API and the pages",
    arguments: [
      { name: "ACTION", description: "list (the default), create or revoke", optional: true },
      {
        name: "NAME",
        description: "the name of a new token, or the name or id of the one to revoke",
        optional: true,
      },
    ],
    options: {
      project,
      data,
      policy,
      role: {
        type: "string",
        value: "ROLE",
        description: "what a new token may do: admin, operator or viewer (the default)",
      },
      json,
    },
    load: async () => (await import("./commands/tokens_command.ts")).tokens,
  },
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
      json,
    },
    load: async () => (await import("./commands/operations/backup_command.ts")).backup,
  },
  {
    name: "restore",
    summary: "Put a backup into an empty data folder",
    arguments: [BACKUP],
    options: { project, data, json },
    load: async () => (await import("./commands/operations/restore_command.ts")).restore,
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
      json,
    },
    load: async () => (await import("./commands/operations/doctor_command.ts")).doctor,
  },
  {
    name: "script",
    summary: "Try a script of the project, make one, or write the types that scripts import",
    arguments: [
      { name: "ACTION", description: "run, new or types" },
      { name: "FILE", description: "the script, as scripts/orders.ts", optional: true },
    ],
    options: {
      project,
      data,
      policy,
      param: {
        type: "string",
        value: "NAME=VALUE",
        multiple: true,
        description: "run: a param of the pipeline; may be given several times",
      },
      host: {
        type: "string",
        value: "HOST",
        multiple: true,
        description: "run: a host that it may ask, in place of those of its stream",
      },
      secret: {
        type: "string",
        value: "NAME",
        multiple: true,
        description: "run: a secret that it gets, in place of those of its stream",
      },
      state: { type: "string", value: "JSON", description: "run: the state that it goes on from" },
      input: {
        type: "string",
        value: "FILE",
        multiple: true,
        description: "run: a file of rows that it is given; NAME=FILE for one of several inputs",
      },
      limit: { type: "string", value: "N", description: "run: stop after so many rows; 20 by default" },
      json,
    },
    load: async () => (await import("./commands/scripts/script_command.ts")).script,
  },
  {
    name: "deno",
    summary: "Run the deno inside sluice, for a project's scripts",
    arguments: [{ name: "ARGUMENTS", description: "as for deno: check, fmt, lint, test …", optional: true }],
    options: {},
    passesThrough: true,
    load: async () => (await import("./commands/scripts/deno_command.ts")).deno,
  },
  {
    name: "schema",
    summary:
      "Write the JSON Schemas of the project's files for editors, or show how a stream's columns changed",
    arguments: [
      { ...PIPELINE, optional: true },
      { name: "STREAM", description: "the stream whose columns are asked for", optional: true },
    ],
    options: { project, data, policy, json },
    load: async () => (await import("./commands/schema_command.ts")).schema,
  },
  {
    name: "completion",
    summary: "Print what makes a shell complete commands, options and names",
    arguments: [{ name: "SHELL", description: "bash, zsh or fish" }],
    options: {},
    load: async () => (await import("./commands/completion_command.ts")).completionOf(COMMANDS),
  },
  {
    name: "version",
    summary: "Print the version",
    arguments: [],
    options: { json },
    load: async () => (await import("./commands/version_command.ts")).version,
  },
];
