import type { CommandSpec, OptionSpec } from "../command.ts";
import { data, json, policy, project } from "./shared_options.ts";

const place = { project, data, policy } as const;
const HOLDER = { name: "HOLDER", description: "a user's name, or @ and a group's" };

const over = {
  pipeline: {
    type: "string",
    value: "PIPELINE",
    description: "over this pipeline alone; * stands for any text, as finance_*",
  },
  tag: { type: "string", value: "TAG", description: "over the pipelines with this tag" },
  connector: {
    type: "string",
    value: "CONNECTOR",
    description: "over this connector alone; * stands for any text",
  },
} as const satisfies Record<string, OptionSpec>;

const permission: OptionSpec = {
  type: "string",
  value: "PERMISSION",
  multiple: true,
  description: "what it may, as pipeline:run; several",
};

const description: OptionSpec = { type: "string", value: "TEXT", description: "what it is for" };

/** Commands for who looks after people: users, groups, roles, grants, tokens and sessions. */
export const PEOPLE_COMMANDS: readonly CommandSpec[] = [
  {
    name: "users",
    summary:
      "List, create, disable and remove users, set passwords, and say who they are at identity providers",
    arguments: [
      {
        name: "ACTION",
        description:
          "list (the default), show, create, invite, set-password, reset-factors, disable, enable, remove, identities, link or unlink",
        optional: true,
      },
      { name: "NAME", description: "the user's name", optional: true },
      { name: "ID", description: "of unlink: the link's id", optional: true },
    ],
    options: {
      ...place,
      role: { type: "string", value: "ROLE", description: "of a new user: a role over all, granted at once" },
      email: { type: "string", value: "ADDRESS", description: "of a new user: its address of mail" },
      "display-name": { type: "string", value: "TEXT", description: "of a new user: how pages call it" },
      service: { type: "boolean", description: "a new user is a service, with tokens alone" },
      issuer: {
        type: "string",
        value: "URL",
        description: "of link: the identity provider, as the claim iss has it",
      },
      subject: {
        type: "string",
        value: "SUBJECT",
        description: "of link: who the user is there, as the claim sub has it",
      },
      "subject-pattern": {
        type: "string",
        value: "PATTERN",
        description: "of link, for a service: a pattern of subjects, as repo:acme/data:ref:refs/heads/*",
      },
      certificate: {
        type: "string",
        value: "SHA256",
        description: "of link, for a service: the client's certificate that it shows, by SHA-256 in hex",
      },
      "password-stdin": {
        type: "boolean",
        description: "reads the password of a new user, or the new one, from stdin",
      },
      "must-change": {
        type: "boolean",
        description: "the password lets in only to choose another one",
      },
      "end-tokens": {
        type: "boolean",
        description: "of set-password: the user's tokens end too (the default)",
      },
      "keep-tokens": {
        type: "boolean",
        description: "of set-password: the user's tokens stay as they are",
      },
      json,
    },
    load: async () => (await import("../commands/people/users_command.ts")).users,
  },
  {
    name: "groups",
    summary: "List, create and remove groups, and who is in them",
    arguments: [
      { name: "ACTION", description: "list (the default), create, remove, add or drop", optional: true },
      { name: "NAME", description: "the group's name", optional: true },
      { name: "USER", description: "whom to add or drop", optional: true },
    ],
    options: { ...place, description, json },
    load: async () => (await import("../commands/people/groups_command.ts")).groups,
  },
  {
    name: "roles",
    summary: "List roles with what they may, and make roles of your own",
    arguments: [
      { name: "ACTION", description: "list (the default), create or remove", optional: true },
      { name: "NAME", description: "the role's name", optional: true },
    ],
    options: { ...place, permission, description, json },
    load: async () => (await import("../commands/people/roles_command.ts")).roles,
  },
  {
    name: "grant",
    summary: "Give a user or a group a role, over all or over some pipelines or connectors",
    arguments: [HOLDER, { name: "ROLE", description: "one of the roles" }],
    options: { ...place, ...over, json },
    load: async () => (await import("../commands/people/grants_command.ts")).grant,
  },
  {
    name: "revoke",
    summary: "Take roles back: one, one over something, or all",
    arguments: [HOLDER, { name: "ROLE", description: "all of them without it", optional: true }],
    options: { ...place, ...over, json },
    load: async () => (await import("../commands/people/grants_command.ts")).revoke,
  },
  {
    name: "grants",
    summary: "List who has which role over what",
    arguments: [],
    options: { ...place, json },
    load: async () => (await import("../commands/people/grants_command.ts")).grants,
  },
  {
    name: "tokens",
    summary: "List, create, rotate and revoke tokens for the API and the pages",
    arguments: [
      { name: "ACTION", description: "list (the default), create, rotate or revoke", optional: true },
      {
        name: "NAME",
        description: "the name of a new token, or the name or id of the one to rotate or revoke",
        optional: true,
      },
    ],
    options: {
      ...place,
      user: {
        type: "string",
        value: "USER",
        description:
          "whose it is to be (me: whose SLUICE_TOKEN is), or whose are listed; a new one gets a service of its name without it",
      },
      role: {
        type: "string",
        value: "ROLE",
        description: "what that service may over all: admin, engineer, operator or viewer (the default)",
      },
      expires: {
        type: "string",
        value: "DURATION",
        description: "how long a new token lets in, as 90d; for ever by default",
      },
      overlap: {
        type: "string",
        value: "DURATION",
        description: "of rotate: how long the former text lets in too, as 1h; not at all by default",
      },
      pipeline: {
        type: "string",
        value: "PIPELINE",
        multiple: true,
        description: "keeps a new token to this pipeline; * stands for any text; several",
      },
      permission: {
        type: "string",
        value: "PERMISSION",
        multiple: true,
        description: "keeps a new token to this of what its user may; several",
      },
      json,
    },
    load: async () => (await import("../commands/people/tokens_command.ts")).tokens,
  },
  {
    name: "sessions",
    summary: "List who has signed in on the page, and end sessions",
    arguments: [
      { name: "ACTION", description: "list (the default) or end", optional: true },
      { name: "ID", description: "the session's id", optional: true },
    ],
    options: {
      ...place,
      user: { type: "string", value: "USER", description: "only those of this user" },
      json,
    },
    load: async () => (await import("../commands/people/sessions_command.ts")).sessions,
  },
];
