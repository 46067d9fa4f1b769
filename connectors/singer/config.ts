import * as v from "valibot";
import { duration, durationMs } from "../../contract/pipeline/words.ts";
import { parseSize, SIZE_PATTERN } from "../../text/size.ts";

/** A Singer tap or target, as connectors.yaml says it. */
export interface SingerConfig {
  /** An absolute path, and arguments that come before those of Singer. */
  readonly command: readonly [string, ...string[]];
  /** What the command gets as its `--config`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the catalog comes from: the command's own `--discover`, a file, the entry itself, or nowhere. */
  readonly catalog: CatalogOrigin;
  /** By which argument the command takes its catalog. */
  readonly catalogFlag: "--catalog" | "--properties";
  readonly environment: Readonly<Record<string, string>>;
  /** Of each process of the command. */
  readonly memoryBytes: number;
  readonly timeoutMs: number;
  readonly timeout: string;
}

export type CatalogOrigin =
  | { readonly kind: "discovered" }
  /** Absolute or relative to the project. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "inline"; readonly catalog: unknown }
  | { readonly kind: "none" };

const DEFAULT_TIMEOUT = "6h";
const DEFAULT_MEMORY = "2GB";
const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const absolutePath = v.pipe(
  text,
  v.startsWith("/", "expected the whole path of a program, as /opt/taps/bin/tap-csv"),
);
/** Its loader would take code from anywhere by them. */
const OF_THE_LOADER = /^(?:LD|DYLD)_/;
/** The folder is the process's own; see command/workplace.ts. */
const OWN_VARIABLES = ["HOME", "TMPDIR"];
const variableName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of a variable"),
  v.check(
    (name) => !OF_THE_LOADER.test(name) && !OWN_VARIABLES.includes(name),
    "expected a variable other than HOME, TMPDIR, LD_… and DYLD_…",
  ),
);

const entrySchema = v.strictObject({
  command: v.pipe(
    v.union(
      [
        v.pipe(absolutePath, v.transform((path): string[] => [path])),
        v.tupleWithRest([absolutePath], v.string()),
      ],
      "expected a list: the whole path of a program, as /opt/taps/bin/tap-csv, and its arguments",
    ),
    v.description(
      "The tap or target: the whole path of a program, which the operator's policy has to allow, and its own arguments.",
    ),
  ),
  config: v.optional(
    v.pipe(
      v.record(v.string(), v.unknown()),
      v.description("Its config, as its own manual says; it gets it as a file that only its user can read."),
    ),
    {},
  ),
  catalog: v.optional(
    v.pipe(
      v.union(
        [
          text,
          v.looseObject({
            streams: v.pipe(
              v.array(v.unknown()),
              v.description("The streams, as --discover of the tap says them."),
            ),
          }),
          v.literal(false),
        ],
        "expected a file, a catalog with its streams, or false",
      ),
      v.description(
        "Its catalog: a JSON file, or the catalog itself; by default what --discover says. false: it takes none.",
      ),
    ),
  ),
  catalog_flag: v.optional(
    v.pipe(
      v.picklist(["--catalog", "--properties"]),
      v.description("How it is told the catalog; old taps take --properties."),
    ),
    "--catalog",
  ),
  environment: v.optional(
    v.pipe(
      v.record(variableName, v.string()),
      v.description("Variables of its environment; it gets none of the server's."),
    ),
    {},
  ),
  memory: v.optional(
    v.pipe(
      v.string(),
      v.regex(SIZE_PATTERN, "expected a size such as 512MB or 2GB"),
      v.description(`The most memory for data of each of its processes; ${DEFAULT_MEMORY} by default.`),
    ),
    DEFAULT_MEMORY,
  ),
  timeout: v.optional(
    v.pipe(duration, v.description(`It is killed where it takes longer; ${DEFAULT_TIMEOUT} by default.`)),
    DEFAULT_TIMEOUT,
  ),
});

export const configSchema = v.pipe(
  entrySchema,
  v.transform((
    { command: [program, ...args], catalog, catalog_flag, memory, timeout, ...entry },
  ): SingerConfig => ({
    ...entry,
    command: [program ?? "", ...args],
    catalog: originOf(catalog),
    catalogFlag: catalog_flag,
    memoryBytes: parseSize(memory) ?? 0,
    timeoutMs: durationMs(timeout),
    timeout,
  })),
);

function originOf(catalog: string | { streams: unknown[] } | false | undefined): CatalogOrigin {
  if (catalog === undefined) return { kind: "discovered" };
  if (catalog === false) return { kind: "none" };
  return typeof catalog === "string" ? { kind: "file", path: catalog } : { kind: "inline", catalog };
}

/** A key whose value is nobody's business. */
const SECRET_KEY = /pass|secret|token|api_?key|private|credential|auth|dsn|url$/i;
/** Shorter ones are found in every text. */
const MIN_SECRET_LENGTH = 6;

/** Values that are never printed, by their keys; what a reference stands for is known without that. */
export function secretsOf({ config, environment }: SingerConfig): string[] {
  const found: string[] = [];
  const look = (value: unknown, isSecret: boolean): void => {
    if (typeof value === "string") {
      if (isSecret && value.length >= MIN_SECRET_LENGTH) found.push(value);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) look(inner, isSecret || SECRET_KEY.test(key));
    }
  };
  look(config, false);
  look(environment, false);
  return found;
}
