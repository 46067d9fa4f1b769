import * as v from "valibot";
import { isPython, SCRIPT_PATH_PATTERN } from "../../contract/pipeline/scripts.ts";
import { durationMs, someTime, text } from "../../contract/pipeline/words.ts";
import type { RateLimit, WrittenScriptLimits } from "../../contract/connector/connector.ts";
import { rateLimit, rateLimitOf, type WrittenRate } from "../network/rate_limit.ts";
import { parseSize, SIZE_PATTERN } from "../../text/size.ts";
import { needsInput, type StreamTypes, typesSchema } from "./stream_types.ts";

/** A script of the project, and what it may do. */
export interface ScriptUse {
  /** Relative to the project, as `scripts/orders.ts`. */
  readonly script: string;
  /** `name:port`, in lower case. */
  readonly hosts: readonly string[];
  readonly secrets: readonly string[];
  readonly limits: ScriptLimits;
  /** What of them its definition writes. */
  readonly written: Omit<WrittenScriptLimits, "hosts">;
  /** Of its requests to each host; undefined for as many as it sends. */
  readonly rateLimit: RateLimit | undefined;
}

export interface ScriptLimits {
  readonly memoryBytes: number;
  readonly timeoutMs: number;
  /** Of a processor. */
  readonly cpuMs: number;
  /** Of all rows as they are handed over. */
  readonly outputBytes: number;
}

/** A script that gives rows. */
export interface ScriptStream extends ScriptUse {
  /** Streams of the pipeline whose rows it is given. */
  readonly inputs: readonly string[];
  /** The most rows of them that it is given at a time. */
  readonly batchRows: number;
  readonly types: StreamTypes;
}

/** A script that takes rows. */
export interface ScriptTarget extends ScriptUse {
  /** The most rows that it is given at a time. */
  readonly batchRows: number;
}

const DEFAULT_BATCH_ROWS = 1_000;
const DEFAULT_INPUT_ROWS = 2_000;
const MAX_BATCH_ROWS = 100_000;

const DEFAULTS = { memory: "256MB", timeout: "30m", output: "100GB" };

const HOST = /^(?:\[[0-9a-f:.]+\]|[^\s/:@[\]*]+)(?::\d{1,5})?$/i;
const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const sizeText = v.pipe(v.string(), v.regex(SIZE_PATTERN, "expected a size such as 256MB or 1GB"));
const secrets = v.optional(
  v.pipe(
    v.array(v.pipe(v.string(), v.regex(SECRET_NAME, "expected the name of a secret"))),
    v.description("Secrets that the script gets by ctx.secret(name), and no others."),
  ),
  [],
);
const memoryOf = (byDefault: string) =>
  v.optional(
    v.pipe(
      sizeText,
      v.check((size) => sizeBytes(size) >= 32e6, "expected at least 32MB"),
      v.description(`The most memory of the script's own; ${byDefault} by default.`),
    ),
  );

/** HTTPS where nothing else is said. */
const withPort = (host: string): string =>
  /:\d+$/.test(host) ? host.toLowerCase() : `${host.toLowerCase()}:443`;

const sizeBytes = (size: string): number => parseSize(size) ?? 0;

/** What scripts have in common, wherever a pipeline names one. */
const scriptKeys = {
  script: v.pipe(
    text,
    v.regex(SCRIPT_PATH_PATTERN, "expected a file of the project's folder scripts/, as scripts/orders.ts"),
    v.description("A script of the project that gives the rows, as scripts/orders.ts; it runs in a sandbox."),
  ),
  hosts: v.optional(
    v.pipe(
      v.array(
        v.pipe(v.string(), v.regex(HOST, "expected a host, as api.example.com or api.example.com:8443")),
      ),
      v.description(
        "Hosts that the script may ask by ctx.fetch, as api.example.com; the port is 443 where none is named. Redirects may lead to these only.",
      ),
    ),
    [],
  ),
  secrets,
  memory: memoryOf(DEFAULTS.memory),
  timeout: v.optional(
    v.pipe(
      someTime,
      v.description(
        `The longest that it may take, after which it is killed; ${DEFAULTS.timeout} by default.`,
      ),
    ),
  ),
  cpu: v.optional(
    v.pipe(
      someTime,
      v.description("The most time of a processor that it may take, as 5m; as much as timeout by default."),
    ),
  ),
  rate_limit: v.optional(
    v.pipe(
      rateLimit,
      v.description(
        "The most requests of the script's to each of its hosts, with all other requests that the server sends there, as {requests: 10, per: 1s}.",
      ),
    ),
  ),
  output: v.optional(
    v.pipe(
      sizeText,
      v.description(`The most bytes of rows that it may hand over; ${DEFAULTS.output} by default.`),
    ),
  ),
};

const batchSize = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_BATCH_ROWS));

export const streamSchema = v.pipe(
  v.strictObject({
    ...scriptKeys,
    input: v.optional(
      v.pipe(
        v.union(
          [text, v.pipe(v.array(text), v.minLength(1))],
          "expected the name of a stream, or a list of such",
        ),
        v.description(
          "Another stream of the pipeline, or several, whose rows the script gets by ctx.input; it runs after them.",
        ),
      ),
    ),
    batch: v.optional(
      v.pipe(
        batchSize,
        v.description(
          `The most rows of its input that it is given at a time; ${DEFAULT_INPUT_ROWS} by default.`,
        ),
      ),
      DEFAULT_INPUT_ROWS,
    ),
    types: typesSchema,
    options: v.optional(v.strictObject({}), {}),
  }),
  v.check(
    ({ input, types }) => input !== undefined || !needsInput(types),
    "types of the input are of no use without one: name it by the key input",
  ),
  v.transform(({ input = [], batch, types, ...keys }): ScriptStream => ({
    ...useOf(keys),
    inputs: [input].flat(),
    batchRows: batch,
    types,
  })),
);

const { output: _, ...targetKeys } = scriptKeys;

export const loadSchema = v.pipe(
  v.strictObject({
    ...targetKeys,
    script: v.pipe(
      text,
      v.regex(SCRIPT_PATH_PATTERN, "expected a file of the project's folder scripts/, as scripts/push.ts"),
      v.description("A script of the project that takes the rows, as scripts/push.ts; it runs in a sandbox."),
    ),
    batch: v.optional(
      v.pipe(
        batchSize,
        v.description(`The most rows that it is given at a time; ${DEFAULT_BATCH_ROWS} by default.`),
      ),
      DEFAULT_BATCH_ROWS,
    ),
    options: v.optional(v.strictObject({}), {}),
  }),
  v.transform(({ batch, ...keys }): ScriptTarget => ({
    ...useOf(keys),
    batchRows: batch,
  })),
);

/** Of a script that signs requests. */
const SIGNER_DEFAULTS = { memory: "128MB", timeout: "10s", cpu: "1h" };

/** The keys of a connector's entry that say which script signs its requests, and what it may do. */
export const signerKeys = {
  script: v.pipe(
    text,
    v.regex(SCRIPT_PATH_PATTERN, "expected a file of the project's folder scripts/, as scripts/sign.ts"),
    v.check((path) => !isPython(path), "a script in Python signs no requests: write this one in TypeScript"),
    v.description(
      "A script of the project that signs each request, as scripts/sign.ts; it runs in a sandbox.",
    ),
  ),
  secrets,
  memory: memoryOf(SIGNER_DEFAULTS.memory),
  timeout: v.optional(
    v.pipe(
      someTime,
      v.description(
        `The longest that one signature may take; ${SIGNER_DEFAULTS.timeout} by default.`,
      ),
    ),
  ),
  cpu: v.optional(
    v.pipe(
      someTime,
      v.description(
        `The most time of a processor for all signatures of a run; ${SIGNER_DEFAULTS.cpu} by default.`,
      ),
    ),
  ),
};

/** The script of an entry with `signerKeys`; its limit of time is that of one signature. */
export function signerOf({ script, secrets, ...written }: WrittenSigner): ScriptUse {
  const { memory, timeout, cpu } = { ...SIGNER_DEFAULTS, ...given(written) };
  return {
    script,
    hosts: [],
    secrets: [...new Set(secrets)],
    limits: {
      memoryBytes: sizeBytes(memory),
      timeoutMs: durationMs(timeout),
      cpuMs: durationMs(cpu),
      // What it hands over are signatures, each of them small.
      outputBytes: Infinity,
    },
    written: { memory: written.memory, timeout: written.timeout, cpu: written.cpu },
    rateLimit: undefined,
  };
}

interface WrittenSigner extends Omit<WrittenScriptLimits, "hosts" | "output"> {
  readonly script: string;
  readonly secrets: readonly string[];
}

interface WrittenUse extends WrittenScriptLimits {
  readonly script: string;
  readonly secrets: readonly string[];
  readonly rate_limit?: WrittenRate | undefined;
}

function useOf({ script, hosts, secrets, rate_limit: rate, ...written }: WrittenUse): ScriptUse {
  const { memory, timeout, output } = { ...DEFAULTS, ...given(written) };
  const { cpu = timeout } = written;
  return {
    script,
    hosts: [...new Set(hosts.map(withPort))],
    secrets: [...new Set(secrets)],
    limits: {
      memoryBytes: sizeBytes(memory),
      timeoutMs: durationMs(timeout),
      cpuMs: durationMs(cpu),
      outputBytes: sizeBytes(output),
    },
    written: { memory: written.memory, timeout: written.timeout, cpu: written.cpu, output: written.output },
    rateLimit: rate === undefined ? undefined : rateLimitOf(rate),
  };
}

/** Those that are there. */
const given = (written: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(written).flatMap(([key, value]) => typeof value === "string" ? [[key, value]] : []),
  );
