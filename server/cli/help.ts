import type { CommandSpec, OptionSpec } from "./command.ts";

/** The text of `sluice help`; `program` is how the program is called. */
export function formatHelp(commands: readonly CommandSpec[], program: string, width = Infinity): string {
  const rows = commands.map((command): [string, string] => [usageOf(command), command.summary]);
  return [
    "Sluice moves data with SQL: pipelines in YAML, models in SQL, one file to run.",
    "",
    `Usage: ${program} COMMAND [options]`,
    "",
    ...alignRows(rows, width),
    "",
    `${program} COMMAND --help says more.`,
    "Exit codes: 0 done, 1 a run failed, 2 the command or the project is wrong.",
  ].join("\n");
}

/** The text of `sluice COMMAND --help`. */
export function formatCommandHelp(command: CommandSpec, program: string, width = Infinity): string {
  const options = Object.entries(command.options);
  const lines = [
    `${command.summary}.`,
    "",
    `Usage: ${program} ${usageOf(command)}${options.length > 0 ? " [options]" : ""}`,
  ];
  if (command.arguments.length > 0) {
    const rows = command.arguments.map(({ name, description }): [string, string] => [name, description]);
    lines.push("", ...alignRows(rows, width));
  }
  if (options.length > 0) {
    lines.push("", "Options:", ...alignRows(options.map(([name, option]) => optionRow(name, option)), width));
  }
  return lines.join("\n");
}

function usageOf(command: CommandSpec): string {
  const names = command.arguments.map((argument) => {
    const name = argument.many ? `${argument.name}…` : argument.name;
    return argument.optional ? `[${name}]` : name;
  });
  return [command.name, ...names].join(" ");
}

function optionRow(name: string, option: OptionSpec): [string, string] {
  const usage = option.type === "string" ? `--${name} ${option.value ?? "VALUE"}` : `--${name}`;
  const notes = [option.multiple ? "may be repeated" : "", option.env ? `or ${option.env}` : ""];
  const note = notes.filter((text) => text !== "").join("; ");
  return [usage, note === "" ? option.description : `${option.description} (${note})`];
}

const MIN_TEXT_WIDTH = 24;

/** The left texts in a column, and the right ones beside it, broken into lines where the terminal ends. */
function alignRows(rows: readonly (readonly [string, string])[], width: number): string[] {
  const leftWidth = Math.max(...rows.map(([left]) => left.length));
  const indent = " ".repeat(leftWidth + 4);
  const textWidth = Math.max(MIN_TEXT_WIDTH, width - indent.length);
  return rows.map(([left, right]) =>
    `  ${left.padEnd(leftWidth)}  ${wrap(right, textWidth).join(`\n${indent}`)}`
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
