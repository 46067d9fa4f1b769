import { DATA_FORMATS } from "../../../contract/snapshots/query.ts";
import { RUN_STATES } from "../../../contract/run.ts";
import { BUILT_IN_ROLES, PERMISSION_NAMES } from "../../../contract/access/permissions.ts";
import type { ArgumentSpec, CommandSpec, OptionSpec } from "../command.ts";

/** What a shell offers in a place: folders, files, the project's pipelines, or these words. */
export type Offer =
  | { readonly kind: "folders" | "files" | "pipelines" | "nothing" }
  | { readonly kind: "words"; readonly words: readonly string[] };

const NOTHING: Offer = { kind: "nothing" };

/** The APIs that `sluice add` knows: a test holds them to the catalogue's files. */
export const CATALOGUE = [
  "airtable",
  "github",
  "gitlab",
  "google_sheets",
  "google_sheets_service_account",
  "hubspot",
  "jira",
  "notion",
  "shopify",
  "slack",
  "stripe",
];

/** By what stands for the value in the table of commands. */
const OFFERS: Readonly<Record<string, Offer>> = {
  DIR: { kind: "folders" },
  FILE: { kind: "files" },
  PATH: { kind: "files" },
  BACKUP: { kind: "files" },
  PIPELINE: { kind: "pipelines" },
  "PIPELINE[.MODEL]": { kind: "pipelines" },
  "PIPELINE.MODEL": { kind: "pipelines" },
  ROWS: { kind: "words", words: ["table", "json", "ndjson", "csv", "markdown"] },
  FORMAT: { kind: "words", words: DATA_FORMATS },
  "PIPELINE[.MODEL[.COLUMN]]": { kind: "pipelines" },
  LENGTH: { kind: "words", words: ["1h", "6h", "1d", "1w", "1mo", "1y"] },
  STATE: { kind: "words", words: RUN_STATES },
  ROLE: { kind: "words", words: BUILT_IN_ROLES },
  PERMISSION: { kind: "words", words: PERMISSION_NAMES },
  API: { kind: "words", words: CATALOGUE },
  SHELL: { kind: "words", words: ["bash", "zsh", "fish"] },
};

/** The actions of commands that have some. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  alerts: ["list", "test", "ack", "unack", "mute", "unmute", "notifiers", "deliveries"],
  connectors: ["discover", "test"],
  env: ["list", "create", "promote", "delete"],
  drain: ["on", "off", "status"],
  rejects: ["list", "replay", "drop"],
  script: ["run", "new", "types"],
  tokens: ["list", "create", "rotate", "revoke"],
  webhooks: ["list", "posts", "body", "drop"],
  users: [
    "list",
    "show",
    "create",
    "invite",
    "set-password",
    "reset-factors",
    "identities",
    "link",
    "unlink",
    "disable",
    "enable",
    "remove",
  ],
  groups: ["list", "create", "remove", "add", "drop"],
  roles: ["list", "create", "remove"],
  sessions: ["list", "end"],
  secrets: ["list", "set", "delete", "check"],
  keys: ["show", "rotate", "generate"],
  warehouse: ["list", "encrypt", "decrypt"],
  audit: ["list", "export", "verify"],
};

/** Undefined for an option without a value. */
export function offerOfOption(option: OptionSpec): Offer | undefined {
  return option.type === "boolean" ? undefined : OFFERS[option.value ?? ""] ?? NOTHING;
}

export function offerOfArgument(command: CommandSpec, argument: ArgumentSpec): Offer {
  const actions = argument.name === "ACTION" ? ACTIONS[command.name] : undefined;
  if (actions !== undefined) return { kind: "words", words: actions };
  // A run's id is told by no file; a pipeline's name will do there as well.
  if (command.name === "show") return { kind: "pipelines" };
  return OFFERS[argument.name] ?? NOTHING;
}
