import { resolve } from "node:path";
import * as v from "valibot";
import { AppError } from "../../contract/errors.ts";
import { durationMs, someTime } from "../../contract/pipeline/words.ts";
import type { Fault } from "../../text/fault.ts";
import { checkSchema } from "../../text/schema_faults.ts";
import { parseSize, SIZE_PATTERN } from "../../text/size.ts";
import { parseYamlDocument } from "../../text/yaml_document.ts";
import { commandWords } from "../secrets/command/command_words.ts";
import { type HostRule, parseHostRule } from "./host_rules.ts";

/** What the operator allows, whatever a project asks for. docs/security.md describes each key. */
export interface Policy {
  /** Folders that connectors may read and write files in. Absolute. */
  readonly fileRoots: readonly string[];
  /** The only hosts that connectors may connect to; undefined: all. */
  readonly hostsAllow: readonly HostRule[] | undefined;
  readonly hostsDeny: readonly HostRule[];
  /** Private addresses that connectors of HTTP, and scripts, may connect to; they may to no other. */
  readonly privateHostsAllow: readonly HostRule[];
  /** Other machines at which connectors may sign in without encryption. */
  readonly plainHostsAllow: readonly HostRule[];
  /** Programs that may be started. */
  readonly commandsAllow: readonly string[];
  /** Commands that references may run, each by its first words; none by default. */
  readonly secretCommandsAllow: readonly string[];
  /** The only paths of Vault that references may name; undefined: all that the server itself may have. */
  readonly vaultPathsAllow: readonly string[] | undefined;
  /** The only secrets and parameters of AWS, likewise. */
  readonly awsSecretsAllow: readonly string[] | undefined;
  readonly scripts: boolean;
  readonly scriptCeilings: PolicyCeilings;
  /** The only hosts that scripts may ask; undefined: all that `hostsAllow` has. */
  readonly scriptHostsAllow: readonly HostRule[] | undefined;
  /** The interpreter of scripts in Python, an absolute path; none may run where it is undefined. */
  readonly python: string | undefined;
  /** Whether loads may run SQL of the project's at their destination: pre_sql and post_sql. */
  readonly loadSql: boolean;
  /** The most that a run's DuckDB may take. */
  readonly memoryMax: Size | undefined;
  /** The most that a run may spill to the disk. */
  readonly spillMax: Size | undefined;
  /** The file that it came from. Absolute. */
  readonly path: string | undefined;
}

/** The most that a script may ask for; undefined: as much as it wants. */
export interface PolicyCeilings {
  readonly memory: Size | undefined;
  readonly output: Size | undefined;
  readonly timeout: Time | undefined;
  /** Of a processor. */
  readonly cpu: Time | undefined;
}

export interface Time {
  /** As it was written: `10m`. */
  readonly text: string;
  readonly ms: number;
}

export interface Size {
  /** As it was written, which DuckDB understands: `4GB`. */
  readonly text: string;
  readonly bytes: number;
}

const texts = v.array(v.pipe(v.string(), v.nonEmpty("expected some text")));
const hosts = v.array(
  v.pipe(
    v.string(),
    v.check(
      (text) => parseHostRule(text) !== undefined,
      "expected a host, *.suffix, an address or a range such as 10.0.0.0/8, with or without :port",
    ),
  ),
);
const size = v.pipe(v.string(), v.regex(SIZE_PATTERN, "expected a size such as 512MB or 2GiB"));
const toggle = v.union([v.boolean(), v.picklist(["on", "off"])]);

export const policySchema = v.strictObject({
  $schema: v.optional(v.string()),
  file_roots: v.optional(texts),
  hosts_allow: v.optional(hosts),
  hosts_deny: v.optional(hosts),
  private_hosts_allow: v.optional(hosts),
  plain_hosts_allow: v.optional(hosts),
  commands_allow: v.optional(texts),
  secret_commands_allow: v.optional(
    v.array(
      v.pipe(
        v.string(),
        v.check(
          (text) => commandWords(text)?.[0]?.startsWith("/") === true,
          "expected a program by its whole path, as /usr/bin/pass show",
        ),
      ),
    ),
  ),
  vault_paths_allow: v.optional(texts),
  aws_secrets_allow: v.optional(texts),
  scripts: v.optional(toggle),
  script_memory_max: v.optional(
    v.pipe(size, v.check((text) => (parseSize(text) ?? 0) >= 32e6, "expected at least 32MB")),
  ),
  script_timeout_max: v.optional(someTime),
  script_cpu_max: v.optional(someTime),
  script_output_max: v.optional(size),
  script_hosts_allow: v.optional(hosts),
  python: v.optional(v.pipe(v.string(), v.regex(/^\/./, "expected an absolute path, as /usr/bin/python3"))),
  load_sql: v.optional(toggle),
  memory_max: v.optional(size),
  spill_max: v.optional(size),
});

/** The policy where the operator gives none: files of the project, all hosts, no limits of size. */
export function defaultPolicy(projectDir: string): Policy {
  return policyOf({}, projectDir, undefined);
}

/** Reads a policy file. Throws `invalid` with every fault of it, `not_found` and `forbidden` where it cannot be read. */
export async function readPolicy(path: string, projectDir: string): Promise<Policy> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new AppError("not_found", `Cannot read the policy ${path}: there is no such file`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("forbidden", `Cannot read the policy ${path}: ${reason}`, { cause: error });
  }
  const parsed = parsePolicy(text, path, projectDir);
  if ("policy" in parsed) return parsed.policy;
  throw new AppError("invalid", `The policy ${path} has faults: nothing runs without it`, {
    faults: parsed.faults,
  });
}

/** The policy that the text says, or what is wrong with it, each with its place. */
export function parsePolicy(
  text: string,
  path: string,
  projectDir: string,
): { readonly policy: Policy } | { readonly faults: readonly Fault[] } {
  const document = parseYamlDocument(text, path);
  if (document.value === undefined) return { faults: document.faults };
  if (Array.isArray(document.value)) {
    const message = "expected keys with values but got a list";
    return { faults: [{ ...document.valuePlace([]), message, severity: "error" }] };
  }
  const checked = checkSchema(policySchema, document.value);
  if ("output" in checked) return { policy: policyOf(checked.output, projectDir, path) };
  return {
    faults: checked.faults.map(({ path: at, at: part, message }) => ({
      ...(part === "key" ? document.place(at) : document.valuePlace(at)),
      message,
      severity: "error",
    })),
  };
}

function policyOf(
  written: v.InferOutput<typeof policySchema>,
  projectDir: string,
  path: string | undefined,
): Policy {
  const rules = (list: readonly string[]) =>
    list.map(parseHostRule).filter((rule): rule is HostRule => rule !== undefined);
  return {
    fileRoots: (written.file_roots ?? ["."]).map((root) => resolve(projectDir, root)),
    hostsAllow: written.hosts_allow === undefined ? undefined : rules(written.hosts_allow),
    hostsDeny: rules(written.hosts_deny ?? []),
    privateHostsAllow: rules(written.private_hosts_allow ?? []),
    plainHostsAllow: rules(written.plain_hosts_allow ?? []),
    commandsAllow: written.commands_allow ?? [],
    secretCommandsAllow: written.secret_commands_allow ?? [],
    vaultPathsAllow: written.vault_paths_allow,
    awsSecretsAllow: written.aws_secrets_allow,
    scripts: isOn(written.scripts),
    scriptCeilings: {
      memory: sizeOf(written.script_memory_max),
      output: sizeOf(written.script_output_max),
      timeout: timeOf(written.script_timeout_max),
      cpu: timeOf(written.script_cpu_max),
    },
    scriptHostsAllow: written.script_hosts_allow === undefined
      ? undefined
      : rules(written.script_hosts_allow),
    python: written.python,
    loadSql: isOn(written.load_sql),
    memoryMax: sizeOf(written.memory_max),
    spillMax: sizeOf(written.spill_max),
    path,
  };
}

const isOn = (written: boolean | "on" | "off" | undefined): boolean => written !== false && written !== "off";

const timeOf = (text: string | undefined): Time | undefined =>
  text === undefined ? undefined : { text, ms: durationMs(text) };

function sizeOf(text: string | undefined): Size | undefined {
  const bytes = text === undefined ? undefined : parseSize(text);
  return text === undefined || bytes === undefined ? undefined : { text, bytes };
}
