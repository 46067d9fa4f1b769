import type { CommandSpec, OptionSpec } from "./command.ts";

/** The text of `sluice help`; `program` is how the program is called. */
export function formatHelp(commands: readonly CommandSpec[], program: string): string {
  const rows = commands.map((command): [string, string] => [usageOf(command), command.summary]);
  return [
    "Sluice moves data with SQL: pipelines in YAML, models in SQL, one file to run.",
    "",
    `Usage: ${program} COMMAND [options]`,
    "",
    ...alignRows(rows),
    "",
    `${program} COMMAND --help says more. Exit codes: 0 done, 1 a run failed, 2 the command or the project is wrong.`,
  ].join("\n");
}

/** The text of `sluice COMMAND --help`. */
export function formatCommandHelp(command: CommandSpec, program: string): string {
  const options = Object.entries(command.options);
  const lines = [
    `${command.summary}.`,
    "",
    `Usage: ${program} ${usageOf(command)}${options.length > 0 ? " [options]" : ""}`,
  ];
  if (command.arguments.length > 0) {
    lines.push("", ...alignRows(command.arguments.map((argument) => [argument.name, argument.description])));
  }
  if (options.length > 0) {
    lines.push("", "Options:", ...alignRows(options.map(([name, option]) => optionRow(name, option))));
  }
  return lines.join("\n");
}

function usageOf(command: CommandSpec): string {
  const names = command.arguments.map((argument) => argument.optional ? `[${argument.name}]` : argument.name);
  return [command.name, ...names].join(" ");
}

function optionRow(name: string, option: OptionSpec): [string, string] {
  const usage = option.type === "string" ? `--${name} ${option.value ?? "VALUE"}` : `--${name}`;
  const notes = [option.multiple ? "may be repeated" : "", option.env ? `or ${option.env}` : ""];
  const note = notes.filter((text) => text !== "").join("; ");
  return [usage, note === "" ? option.description : `${option.description} (${note})`];
}

function alignRows(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
