import type { CommandSpec } from "../command.ts";
import { data, json, policy, project } from "./shared_options.ts";

const place = { project, data, policy } as const;

/** Commands for who looks after secrets and the keys that seal them. */
export const SECRET_COMMANDS: readonly CommandSpec[] = [
  {
    name: "secrets",
    summary: "List, set and delete the secrets that the control store keeps",
    arguments: [
      { name: "ACTION", description: "list (the default), set or delete", optional: true },
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
];
