import type { CommandSpec } from "../command.ts";
import { data, json, PIPELINE, policy, project } from "./shared_options.ts";

/** Commands for working on a project's files. */
export const TOOL_COMMANDS: readonly CommandSpec[] = [
  {
    name: "dev",
    summary: "Check the project whenever a file is saved, and say what that changed",
    arguments: [],
    options: {
      project,
      data,
      policy,
      test: { type: "boolean", description: "run the tests of the models that a change reaches, too" },
      preview: {
        type: "string",
        value: "PIPELINE.MODEL",
        description: "show the first rows of this model, and again when a change reaches it",
      },
      json,
    },
    load: async () => (await import("../commands/models/dev_command.ts")).dev,
  },
  {
    name: "docs",
    summary: "Write static pages of what the project has: tables, columns, checks, lineage",
    arguments: [],
    options: {
      project,
      data,
      policy,
      output: {
        type: "string",
        value: "DIR",
        description:
          "the folder of the pages, site in the project by default: new, empty, or of earlier ones",
      },
      title: {
        type: "string",
        value: "TEXT",
        description: 'what stands above the pages, "Data catalogue" by default',
      },
      url: {
        type: "string",
        value: "URL",
        env: "SLUICE_URL",
        description: "a server elsewhere whose last results are shown, with the token of SLUICE_TOKEN",
      },
      json,
    },
    load: async () => (await import("../commands/docs/docs_command.ts")).docs,
  },
  {
    name: "lsp",
    summary: "Help an editor with the project's SQL and YAML: a language server over stdin and stdout",
    arguments: [],
    options: {
      project: {
        ...project,
        description: "the project; by default that of each file, the nearest folder above it that is one",
      },
      data,
      policy,
    },
    load: async () => (await import("../commands/models/lsp_command.ts")).lsp,
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
    load: async () => (await import("../commands/scripts/script_command.ts")).script,
  },
  {
    name: "deno",
    summary: "Run the deno inside sluice, for a project's scripts",
    arguments: [{ name: "ARGUMENTS", description: "as for deno: check, fmt, lint, test …", optional: true }],
    options: {},
    passesThrough: true,
    load: async () => (await import("../commands/scripts/deno_command.ts")).deno,
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
    load: async () => (await import("../commands/schema_command.ts")).schema,
  },
];
