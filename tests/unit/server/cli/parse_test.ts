import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import type { CommandSpec } from "../../../../server/cli/command.ts";
import { COMMANDS } from "../../../../server/cli/commands.ts";
import { formatCommandHelp, formatHelp } from "../../../../server/cli/help.ts";
import { parseCommandLine } from "../../../../server/cli/parse.ts";

const noEnv = () => undefined;

function parse(args: readonly string[], env: Record<string, string> = {}) {
  const parsed = parseCommandLine(args, COMMANDS, (name) => env[name], "sluice");
  if (parsed.kind !== "command") throw new Error(`expected a command, got ${parsed.kind}`);
  return parsed.invocation;
}

function throwsInvalid(args: readonly string[], message: RegExp): void {
  throws(() => parseCommandLine(args, COMMANDS, noEnv, "sluice"), (error) => {
    strictEqual(error instanceof AppError && error.code, "invalid");
    return error instanceof Error && message.test(error.message);
  });
}

Deno.test("parseCommandLine() reads arguments and options in any order", () => {
  const invocation = parse([
    "run",
    "--param",
    "a=1",
    "orders",
    "--param=b=x=y",
    "--json",
    "--select",
    "+daily",
  ]);
  deepStrictEqual(invocation.arguments, ["orders"]);
  deepStrictEqual(invocation.list("param"), ["a=1", "b=x=y"]);
  strictEqual(invocation.text("select"), "+daily");
  strictEqual(invocation.flag("json"), true);
  strictEqual(invocation.flag("quiet"), false);
});

Deno.test("parseCommandLine() takes a variable where the option is not given", () => {
  strictEqual(parse(["runs"], { SLUICE_PROJECT: "/a" }).text("project"), "/a");
  strictEqual(parse(["runs", "--project", "/b"], { SLUICE_PROJECT: "/a" }).text("project"), "/b");
  strictEqual(parse(["runs"], { SLUICE_PROJECT: "" }).text("project"), undefined);
});

Deno.test("parseCommandLine() puts pipelines into the environment that is given", () => {
  deepStrictEqual(parse(["run", "orders", "--env", "dev"]).arguments, ["orders@dev"]);
  deepStrictEqual(parse(["lineage", "orders.daily.day", "--env=dev"]).arguments, ["orders@dev.daily.day"]);
  deepStrictEqual(parse(["pause", "orders"], { SLUICE_ENV: "dev" }).arguments, ["orders@dev"]);
  deepStrictEqual(parse(["run", "orders@dev"], { SLUICE_ENV: "dev" }).arguments, ["orders@dev"]);
  deepStrictEqual(parse(["run", "orders"], { SLUICE_ENV: "" }).arguments, ["orders"]);
  strictEqual(parse(["runs", "--pipeline", "orders"], { SLUICE_ENV: "dev" }).text("pipeline"), "orders@dev");
  deepStrictEqual(
    parse(["grant", "mia", "viewer", "--pipeline", "o*"], { SLUICE_ENV: "dev" }).text("pipeline"),
    "o*",
  );
  throwsInvalid(["run", "orders@test", "--env", "dev"], /"orders@test" is in the environment test/);
  throwsInvalid(["run", "orders", "--env", "prod"], /"prod" cannot be the name of an environment/);
  throwsInvalid(["apply", "--env", "a/b"], /cannot be the name of an environment/);
  throwsInvalid(["run", "orders daily", "--env", "dev"], /cannot be the name of a pipeline/);
});

Deno.test("every command that takes one pipeline takes --env", () => {
  const without = COMMANDS.filter(({ arguments: given, options }) =>
    options["env"] === undefined && given.some(({ name }) => name.startsWith("PIPELINE"))
  );
  deepStrictEqual(without.map(({ name }) => name), []);
});

Deno.test("parseCommandLine() names the command or option that was likely meant", () => {
  throwsInvalid(["rnus"], /Unknown command "rnus": did you mean "runs"\?/);
  throwsInvalid(["xyzzy"], /Unknown command "xyzzy": see sluice help/);
  throwsInvalid(["run", "a", "--ful-refresh"], /unknown option --ful-refresh: did you mean --full-refresh\?/);
  throwsInvalid(["run", "a", "-x"], /unknown option -x/);
});

Deno.test("parseCommandLine() refuses missing, surplus and repeated parts", () => {
  throwsInvalid(["run"], /sluice run needs PIPELINE/);
  throwsInvalid(["run", "a", "b"], /unexpected "b"/);
  throwsInvalid(["run", "a", "--select"], /--select needs a value/);
  throwsInvalid(["run", "a", "--select", "--json"], /--select needs a value/);
  throwsInvalid(["run", "a", "--select=x", "--select=y"], /--select is given twice/);
  throwsInvalid(["run", "a", "--json=yes"], /--json takes no value/);
  throwsInvalid(["--project", "x", "run"], /Expected a command before "--project"/);
});

Deno.test("parseCommandLine() hands the arguments of deno on as they are", () => {
  deepStrictEqual(parse(["deno", "run", "--help", "--allow-net", "x.ts"]).arguments, [
    "run",
    "--help",
    "--allow-net",
    "x.ts",
  ]);
});

Deno.test("parseCommandLine() answers help for a command wherever --help stands", () => {
  for (const args of [["run", "--help"], ["run", "orders", "-h"], ["help", "run"]]) {
    const parsed = parseCommandLine(args, COMMANDS, noEnv, "sluice");
    strictEqual(parsed.kind === "help" && parsed.command?.name, "run");
  }
  strictEqual(parseCommandLine([], COMMANDS, noEnv, "sluice").kind, "help");
});

Deno.test("help lists every command and every option", () => {
  const all = formatHelp(COMMANDS, "sluice");
  for (const command of COMMANDS) {
    strictEqual(all.includes(command.summary), true, command.name);
    const text = formatCommandHelp(command, "sluice");
    for (const [name, option] of Object.entries(command.options)) {
      strictEqual(
        text.includes(`--${name}`) && text.includes(option.description),
        true,
        `${command.name} --${name}`,
      );
    }
  }
});

Deno.test("every command's code loads", async () => {
  const load = (command: CommandSpec) => command.load();
  for (const run of await Promise.all(COMMANDS.map(load))) strictEqual(typeof run, "function");
});
