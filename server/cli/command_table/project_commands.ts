import type { CommandSpec } from "../command.ts";
import { environment } from "../environment_option.ts";
import { SERVE_OPTIONS } from "./serve_options.ts";
import { data, detach, json, note, PIPELINE, policy, project, runOutput, tag } from "./shared_options.ts";

/** Commands that make, serve, run and check a project. */
export const PROJECT_COMMANDS: readonly CommandSpec[] = [
  {
    name: "init",
    summary: "Make a new project with a pipeline that runs",
    arguments: [{ name: "DIR", description: "a new folder, or one without a project in it" }],
    options: { json },
    load: async () => (await import("../commands/init_command.ts")).init,
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
    load: async () => (await import("../commands/add/add_command.ts")).add,
  },
  {
    name: "import",
    summary: "Turn a dbt project into a project here, and list what needs a hand",
    arguments: [
      { name: "KIND", description: "dbt" },
      { name: "DIR", description: "the folder with its dbt_project.yml" },
      { name: "OUT", description: "the new project's folder, new or empty" },
    ],
    options: {
      vars: {
        type: "string",
        value: "YAML",
        description: "values of the project's vars, as '{first_day: 2024-01-01}'",
      },
      "target-schema": {
        type: "string",
        value: "NAME",
        description: "the schema that dbt builds into: sources in it are the project's own seeds",
      },
      pipeline: {
        type: "string",
        value: "NAME",
        description: "what the pipeline is called, the dbt project's name by default",
      },
      json,
    },
    load: async () => (await import("../commands/imports/import_command.ts")).importProject,
  },
  {
    name: "serve",
    summary: "Run the server: schedules, API and pages",
    arguments: [],
    options: {
      project,
      data,
      policy,
      ...SERVE_OPTIONS,
    },
    load: async () => (await import("../commands/serve/serve_command.ts")).serve,
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
      detach,
      ...runOutput,
    },
    load: async () => (await import("../commands/run_command.ts")).run,
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
      "write-schemas": {
        type: "boolean",
        description: "write the columns that the sources have to schemas/, for checks that ask none",
      },
      env: environment,
      json,
    },
    load: async () => (await import("../commands/check_command.ts")).check,
  },
  {
    name: "test",
    summary: "Run the tests of models in tests/, without any source",
    arguments: [{
      name: "PIPELINE[.MODEL]",
      description: "only the tests of a pipeline, or of one of its models",
      optional: true,
    }],
    options: {
      project,
      data,
      policy,
      junit: { type: "string", value: "FILE", description: "write a report for CI, in JUnit's XML" },
      json,
    },
    load: async () => (await import("../commands/testing/test_command.ts")).test,
  },
  {
    name: "plan",
    summary: "Show what the project's files would change, before they are applied",
    arguments: [{ ...PIPELINE, description: "one pipeline, all by default", optional: true }],
    options: {
      project,
      data,
      policy,
      url: {
        type: "string",
        value: "URL",
        env: "SLUICE_URL",
        description: "a server elsewhere that compares, with the token of SLUICE_TOKEN",
      },
      against: {
        type: "string",
        value: "REF",
        description: "a revision, or a branch, tag or commit of git; what is in force by default",
      },
      select: {
        type: "string",
        value: "EXPR",
        description: "only these steps, as state:modified+ or tag:finance",
      },
      exclude: { type: "string", value: "EXPR", description: "without these steps, as weekly+ or tag:slow" },
      "no-data": { type: "boolean", description: "compare definitions alone, and no rows" },
      depth: {
        type: "string",
        value: "N",
        description: "compare rows of models that read a change over so many others at most; all by default",
      },
      sample: {
        type: "string",
        value: "PERCENT",
        description: "compare a part of each table's rows, as 10; all by default",
      },
      diff: { type: "boolean", description: "show the texts of the files that differ, too" },
      markdown: { type: "boolean", description: "print Markdown, for a pull request" },
      json,
    },
    load: async () => (await import("../commands/models/plan_command.ts")).plan,
  },
  {
    name: "fmt",
    summary: "Format the project's SQL, where it means the same afterwards",
    arguments: [{
      name: "PATH",
      description: "files and folders, or - for stdin; all of the project's without",
      optional: true,
      many: true,
    }],
    options: {
      project,
      data,
      check: { type: "boolean", description: "write nothing; exit code 1 where a file would change" },
      diff: { type: "boolean", description: "as --check, and show what would change" },
      json,
    },
    load: async () => (await import("../commands/models/fmt_command.ts")).fmt,
  },
  {
    name: "apply",
    summary: "Put the project's files in force, or those of a commit",
    arguments: [],
    options: {
      project,
      data,
      policy,
      ref: {
        type: "string",
        value: "REF",
        description: "a branch, a tag or a commit of git: its files, not those of the folder",
      },
      env: environment,
      json,
    },
    load: async () => (await import("../commands/apply_command.ts")).apply,
  },
  {
    name: "env",
    summary: "List, create, promote and delete environments, where pipelines run apart from production",
    arguments: [
      { name: "ACTION", description: "list, create, promote or delete" },
      { name: "ENVIRONMENT", description: "its name in project.yaml", optional: true },
      { name: "NAMES", description: "only these pipelines, all by default", optional: true, many: true },
    ],
    options: {
      project,
      data,
      policy,
      from: {
        type: "string",
        value: "ENVIRONMENT",
        description: "whose warehouses are copied: another environment's, prod by default",
      },
      sample: {
        type: "string",
        value: "PERCENT",
        description: "only a part of each raw table's rows, as 1%, and no models",
      },
      rows: { type: "string", value: "N", description: "only so many rows of each raw table, and no models" },
      ref: {
        type: "string",
        value: "REF",
        description: "a branch, a tag or a commit of git: its files, not those of the folder",
      },
      "dry-run": {
        type: "boolean",
        description: "promote nothing, and print which tables would be taken over and which built, and why",
      },
      "no-tables": {
        type: "boolean",
        description: "promote the files alone: the next run builds what changed",
      },
      json,
    },
    load: async () => (await import("../commands/models/env_command.ts")).env,
  },
  {
    name: "versions",
    summary: "List what has been in force of a pipeline, or show what a revision changed",
    arguments: [PIPELINE, {
      name: "REVISION",
      description: "its id, or the beginning of it: shows what it changed",
      optional: true,
    }],
    options: {
      project,
      data,
      policy,
      file: {
        type: "string",
        value: "FILE",
        description: "only changes of this file, as transforms/orders/daily.sql",
      },
      against: {
        type: "string",
        value: "REVISION",
        description: "compare with this one; by default with what was in force before it",
      },
      diff: { type: "boolean", description: "show the changes of each that is listed" },
      plan: {
        type: "boolean",
        description: "of a revision: what it changes in models, columns, streams and loads",
      },
      limit: { type: "string", value: "N", description: "list at most this many, 20 by default" },
      json,
    },
    load: async () => (await import("../commands/models/versions_command.ts")).versions,
  },
  {
    name: "rollback",
    summary: "Put an earlier revision of a pipeline in force",
    arguments: [PIPELINE, {
      name: "REVISION",
      description: "its id, or the beginning of it; the one before by default",
      optional: true,
    }],
    options: { project, data, policy, json },
    load: async () => (await import("../commands/models/versions_command.ts")).rollback,
  },
];
