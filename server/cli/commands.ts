import type { CommandSpec } from "./command.ts";
import { DATA_COMMANDS } from "./command_table/data_commands.ts";
import { OPERATOR_COMMANDS } from "./command_table/operator_commands.ts";
import { PEOPLE_COMMANDS } from "./command_table/people_commands.ts";
import { PROJECT_COMMANDS } from "./command_table/project_commands.ts";
import { RUN_COMMANDS } from "./command_table/run_commands.ts";
import { SECRET_COMMANDS } from "./command_table/secret_commands.ts";
import { withEnvironment } from "./environment_option.ts";
import { json } from "./command_table/shared_options.ts";
import { TOOL_COMMANDS } from "./command_table/tool_commands.ts";

const ALL: readonly CommandSpec[] = [
  ...PROJECT_COMMANDS,
  ...RUN_COMMANDS,
  ...DATA_COMMANDS,
  ...PEOPLE_COMMANDS,
  ...SECRET_COMMANDS,
  ...OPERATOR_COMMANDS,
  ...TOOL_COMMANDS,
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

/**
 * Every command and option, once, in the order of the help: parsing, help and the manual's test read this table. A
 * command's code is loaded when it is used.
 */
export const COMMANDS: readonly CommandSpec[] = ALL.map(withEnvironment);
