import { parseArgs } from "node:util";
import { AppError } from "../../contract/errors.ts";
import type { Variables } from "../../contract/settings/variables.ts";
import { suggest } from "../../text/suggest.ts";
import { ENVIRONMENT, inEnvironment, requireEnvironmentName } from "./environment_option.ts";
import type { CommandSpec, Invocation, OptionSpec } from "./command.ts";

export type Parsed =
  | { readonly kind: "help"; readonly command?: CommandSpec }
  | { readonly kind: "command"; readonly spec: CommandSpec; readonly invocation: Invocation };

/**
 * Reads a command line by the table; `program` is how it is called, for advice. Throws `invalid` for an unknown command or option, with the
 * one that was likely meant, and for a missing or surplus argument.
 */
export function parseCommandLine(
  args: readonly string[],
  commands: readonly CommandSpec[],
  env: Variables,
  program: string,
): Parsed {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") return { kind: "help" };
  if (name === "help") return rest[0] === undefined ? { kind: "help" } : helpOf(rest[0], commands, program);
  const spec = findCommand(name === "--version" || name === "-V" ? "version" : name, commands, program);
  if (spec.passesThrough) {
    return { kind: "command", spec, invocation: createInvocation(spec, rest, new Map(), env) };
  }
  if (rest.some((arg) => arg === "--help" || arg === "-h")) return { kind: "help", command: spec };
  const { positionals, values } = readTokens(spec, rest, program);
  checkPositionals(spec, positionals, program);
  return { kind: "command", spec, invocation: createInvocation(spec, positionals, values, env) };
}

function helpOf(name: string, commands: readonly CommandSpec[], program: string): Parsed {
  return { kind: "help", command: findCommand(name, commands, program) };
}

function findCommand(name: string, commands: readonly CommandSpec[], program: string): CommandSpec {
  const spec = commands.find((command) => command.name === name);
  if (spec !== undefined) return spec;
  if (name.startsWith("-")) {
    throw new AppError("invalid", `Expected a command before "${name}": ${program} COMMAND [options]`);
  }
  const meant = suggest(name, commands.map((command) => command.name));
  const hint = meant === undefined ? `see ${program} help` : `did you mean "${meant}"?`;
  throw new AppError("invalid", `Unknown command "${name}": ${hint}`);
}

interface Tokens {
  readonly positionals: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
}

function readTokens(spec: CommandSpec, args: readonly string[], program: string): Tokens {
  const options = Object.fromEntries(
    Object.entries(spec.options).map(([name, option]) =>
      [name, {
        type: option.type,
        multiple: true,
        ...(option.short === undefined ? {} : { short: option.short }),
      }] as const
    ),
  );
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = spec.options[token.name];
    if (option === undefined || !(token.rawName.startsWith("--") || token.rawName === `-${option.short}`)) {
      throw unknownOption(spec, token.rawName, program);
    }
    const value = readValue(spec, token.name, option, token.value, token.inlineValue ?? false);
    const earlier = values.get(token.name);
    if (earlier !== undefined && !option.multiple) {
      throw new AppError("invalid", `sluice ${spec.name}: --${token.name} is given twice`);
    }
    values.set(token.name, [...earlier ?? [], value]);
  }
  return { positionals, values };
}

function unknownOption(spec: CommandSpec, rawName: string, program: string): AppError {
  const meant = suggest(rawName.replace(/^-+/, ""), [...Object.keys(spec.options), "help"]);
  const hint = meant === undefined ? `see ${program} ${spec.name} --help` : `did you mean --${meant}?`;
  return new AppError("invalid", `sluice ${spec.name}: unknown option ${rawName}: ${hint}`);
}

function readValue(
  spec: CommandSpec,
  name: string,
  option: OptionSpec,
  value: string | undefined,
  isInline: boolean,
): string {
  if (option.type === "boolean") {
    if (value === undefined) return "true";
    throw new AppError("invalid", `sluice ${spec.name}: --${name} takes no value, got "${value}"`);
  }
  if (value === undefined || (!isInline && value.startsWith("--"))) {
    throw new AppError(
      "invalid",
      `sluice ${spec.name}: --${name} needs a value: --${name} ${option.value ?? "VALUE"}`,
    );
  }
  return value;
}

function checkPositionals(spec: CommandSpec, positionals: readonly string[], program: string): void {
  const missing = spec.arguments[positionals.length];
  if (missing !== undefined && !missing.optional) {
    throw new AppError("invalid", `sluice ${spec.name} needs ${missing.name}: ${missing.description}`);
  }
  if (spec.arguments.at(-1)?.many === true) return;
  const surplus = positionals[spec.arguments.length];
  if (surplus !== undefined) {
    throw new AppError(
      "invalid",
      `sluice ${spec.name}: unexpected "${surplus}", see ${program} ${spec.name} --help`,
    );
  }
}

function createInvocation(
  spec: CommandSpec,
  positionals: readonly string[],
  values: ReadonlyMap<string, readonly string[]>,
  env: Variables,
): Invocation {
  const fromEnv = (option: string) => {
    const variable = spec.options[option]?.env;
    const value = variable === undefined ? undefined : env(variable);
    return value === "" ? undefined : value;
  };
  const environment = spec.options[ENVIRONMENT] === undefined
    ? undefined
    : values.get(ENVIRONMENT)?.[0] ?? fromEnv(ENVIRONMENT);
  if (environment !== undefined) requireEnvironmentName(environment);
  const placed = (option: string, value: string | undefined) =>
    value === undefined ? undefined : inEnvironment(spec.options[option]?.value, value, environment);
  return {
    command: spec.name,
    arguments: positionals.map((value, index) =>
      inEnvironment((spec.arguments[index] ?? spec.arguments.at(-1))?.name, value, environment)
    ),
    flag: (option) => values.has(option),
    text: (option) => placed(option, values.get(option)?.[0] ?? fromEnv(option)),
    list: (option) => (values.get(option) ?? []).map((value) => placed(option, value) ?? value),
  };
}
