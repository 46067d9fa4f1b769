import type { CommandSpec } from "../command.ts";
import { data, json, PIPELINE, policy, project, RUN } from "./shared_options.ts";

/** Commands about rows that were refused or loaded, connectors, and what is wrong. */
export const DATA_COMMANDS: readonly CommandSpec[] = [
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
    load: async () => (await import("../commands/rejects_command.ts")).rejects,
  },
  {
    name: "checks",
    summary: "List the checks of a run, or show the rows that failed one",
    arguments: [
      RUN,
      {
        name: "CHECK",
        description: "a check, as daily.not_null_day; all are listed without",
        optional: true,
      },
    ],
    options: { project, data, policy, json },
    load: async () => (await import("../commands/testing/checks_command.ts")).checks,
  },
  {
    name: "webhooks",
    summary: "List a pipeline's webhooks, what was posted to one, show a body, or drop one that waits",
    arguments: [
      { name: "ACTION", description: "list (the default), posts, body or drop", optional: true },
      { ...PIPELINE, optional: true },
      { name: "NAME", description: "the webhook", optional: true },
      { name: "POST", description: "the number of a post, as posts lists them", optional: true },
    ],
    options: {
      project,
      data,
      policy,
      waiting: { type: "boolean", description: "posts: only those that no run has stored yet" },
      limit: { type: "string", value: "N", description: "posts: at most this many, 50 by default" },
      before: { type: "string", value: "POST", description: "posts: only those before this one" },
      yes: { type: "boolean", description: "drop: the body is to be gone for good" },
      json,
    },
    load: async () => (await import("../commands/webhooks_command.ts")).webhooks,
  },
  {
    name: "data",
    summary: "List the models that a pipeline publishes, or read the rows of one",
    arguments: [{ name: "PIPELINE[.MODEL]", description: "as shop, shop.daily_revenue" }],
    options: {
      project,
      data,
      policy,
      format: {
        type: "string",
        value: "FORMAT",
        description: "csv (the default), json, ndjson, parquet or arrow",
      },
      columns: { type: "string", value: "NAMES", description: "only these, in this order: day,revenue" },
      where: {
        type: "string",
        value: "CONDITIONS",
        description: "only such rows: revenue.gte.10,country.in.(fr,de)",
      },
      order: { type: "string", value: "NAMES", description: "as day.desc,country" },
      limit: { type: "string", value: "N", description: "at most this many rows, 1 to 100,000" },
      output: {
        type: "string",
        value: "FILE",
        description: "write them to this file, which is whole or not there",
      },
      json,
    },
    load: async () => (await import("../commands/models/data_command.ts")).data,
  },
  {
    name: "query",
    summary: "Ask the tables of pipelines in SQL, which can change nothing; without SQL a prompt",
    arguments: [
      {
        name: "PIPELINE",
        description: "whose tables are meant by their names alone; others are orders.daily, orders.raw.items",
        optional: true,
      },
      { name: "SQL", description: "what is asked; from stdin or at a prompt without", optional: true },
    ],
    options: {
      project,
      data,
      policy,
      file: { type: "string", short: "f", value: "FILE", description: "read the SQL from this file" },
      format: {
        type: "string",
        value: "ROWS",
        description: "table (the default), json, ndjson, csv, markdown or record",
      },
      limit: {
        type: "string",
        value: "N",
        description: "at most this many rows, 1 to 10,000; 100 by default",
      },
      json,
    },
    load: async () => (await import("../commands/queries/query_command.ts")).query,
  },
  {
    name: "lineage",
    summary: "Show where the columns of tables come from, and where they go to",
    arguments: [{
      name: "PIPELINE[.MODEL[.COLUMN]]",
      description: "as orders, orders.daily, orders.daily.revenue, orders.raw.orders",
    }],
    options: {
      project,
      data,
      policy,
      upstream: { type: "boolean", description: "only what it is made of" },
      downstream: { type: "boolean", description: "only what is made of it" },
      json,
    },
    load: async () => (await import("../commands/models/lineage_command.ts")).lineage,
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
    load: async () => (await import("../commands/verify_command.ts")).verify,
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
    load: async () => (await import("../commands/connectors_command.ts")).connectors,
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
      limit: { type: "string", value: "N", description: "list: at most this many, 100 by default" },
      for: { type: "string", value: "DURATION", description: "mute: how long, as 8h; 1d by default" },
      json,
    },
    load: async () => (await import("../commands/alerts/alerts_command.ts")).alerts,
  },
];
