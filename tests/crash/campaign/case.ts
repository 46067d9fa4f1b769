import { SmallDisk } from "../../support/small_disk.ts";
import { randomFrom } from "../../support/random.ts";
import { type Attempted, attemptInProcess, type WorkerProject } from "../../support/worker_process.ts";
import {
  afterLoad,
  afterRead,
  type LoadKeys,
  type SourceRow,
  type TargetRow,
  textsOf,
} from "./expectation.ts";
import { DATABASE_SOURCES, DATABASES } from "./systems/databases.ts";
import { FILE_SOURCES, FILES } from "./systems/files.ts";
import { FOLLOWED_SOURCES } from "./systems/followed.ts";
import type { Destination, Servers, Source } from "./systems/system.ts";

/**
 * A case is a short history of runs that move what a source has to a destination. Attempts are killed at a named point
 * or at any moment, connections are cut, the disk is full; a run is then tried again, or left as it is and the
 * next one comes. After each attempt the destination holds just the rows from before or just those of the
 * load, and in the end the right ones.
 */

const ROUNDS = 3;
const DISK_BYTES = 64 * 2 ** 20;
const HOUR_MS = 3_600_000;
/** Longer than any wait for a lock of a process that died. */
const HANGS_AFTER_MS = 300_000;
const LOAD_POINTS = ["after claim", "after stage", "after apply", "before commit", "after commit"] as const;
const EXTRACT_POINTS = ["after read", "before commit", "after commit"] as const;
const FOLLOW_POINTS = ["after read", "before checkpoint", "after checkpoint", "after commit"] as const;

const SOURCES = { ...DATABASE_SOURCES, ...FILE_SOURCES, ...FOLLOWED_SOURCES };
const DESTINATIONS = { ...DATABASES, ...FILES };

/** The rows as they are by a history of their changes. */
const ROWS_OF_HISTORY = `
  SELECT * EXCLUDE (_sluice_operation, _sluice_position, _sluice_committed_at, _sluice_sequence) FROM (
    FROM raw.s WHERE _sluice_sequence >
      (SELECT coalesce(max(_sluice_sequence), 0) FROM raw.s WHERE _sluice_operation = 'truncate')
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY _sluice_sequence DESC) = 1
  ) WHERE _sluice_operation <> 'delete'`;

/** Every destination in every mode. */
const COMBINATIONS = Object.entries(DESTINATIONS).flatMap(([destination, { modes }]) =>
  modes.map((mode) => ({ destination, mode }))
);

export interface CaseReport {
  /** What was tried, for a person. */
  readonly title: string;
  /** How many attempts were made to fail. */
  readonly failures: number;
}

export class CaseFailure extends Error {
  override readonly name = "CaseFailure";
}

/**
 * Throws CaseFailure where a row is lost, doubled or wrong. The same seed gives the same case, but for moments. The
 * source is one of `sources`, of all by default.
 */
export async function runCase(
  seed: number,
  servers: Servers,
  sources?: readonly string[],
): Promise<CaseReport> {
  const random = randomFrom(seed);
  const pick = <T>(list: readonly T[]): T => {
    const found = list[Math.floor(random() * list.length)];
    if (found === undefined) throw new Error("there is nothing to choose from");
    return found;
  };
  const { destination, mode } = COMBINATIONS[seed % COMBINATIONS.length] ?? pick(COMBINATIONS);
  const source = pick(sources ?? Object.keys(SOURCES));
  const chosen = chooseKeys(mode, random);
  const folder = await Deno.makeTempDir({ prefix: "sluice-campaign-" });
  const disk = SmallDisk.isPossible && random() < 0.3 ? await SmallDisk.mount(DISK_BYTES) : undefined;
  try {
    const projectDir = disk === undefined ? `${folder}/project` : `${disk.path}/project`;
    await Deno.mkdir(`${projectDir}/out`, { recursive: true });
    const from = SOURCES[source];
    const to = DESTINATIONS[destination];
    if (from === undefined || to === undefined) throw new Error("no such system");
    await using sourceSystem = await from(servers, projectDir, random);
    const keys = sourceSystem.isFollowed === true ? followedKeys(chosen, random) : chosen;
    await using destinationSystem = await to.start(servers, projectDir);
    const title = `${source} → ${destination}, ${describeKeys(keys)}`;
    const history = new History({
      seed,
      repeat: ["", ...sources ?? []].join(" --source "),
      title,
      folder,
      projectDir,
      disk,
      keys,
      random,
      pick,
      source: sourceSystem,
      destination: destinationSystem,
    });
    return { title, failures: await history.run() };
  } finally {
    await disk?.[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
}

interface CaseKeys extends LoadKeys {
  /** How the stream is read: with `incremental` and `append` the table keeps what was read before. */
  readonly reads: "full" | "incremental" | "append";
  /** Every change is kept, of a stream that is followed; a model finds the rows of it. */
  readonly isHistory: boolean;
  readonly changedOnly: boolean;
  /** The stream is loaded as it is, which may pass through. */
  readonly isDirect: boolean;
}

function chooseKeys(mode: LoadKeys["mode"], random: () => number): CaseKeys {
  const isKeyed = mode === "merge" || mode === "scd2";
  const hardDelete = isKeyed && random() < 0.3;
  const isKept = random() < 0.4;
  return {
    mode,
    // A key comes twice in what was added, which only modes without keys take.
    reads: !isKept ? "full" : isKeyed || random() < 0.5 ? "incremental" : "append",
    isHistory: false,
    deletesMissing: isKeyed && random() < 0.3,
    hardDelete,
    changedOnly: isKeyed && random() < 0.5,
    isDirect: (mode === "replace" || mode === "append") && random() < 0.5,
  };
}

/** Such a stream's table has just the source's rows, as after a full read. */
function followedKeys(keys: CaseKeys, random: () => number): CaseKeys {
  const isHistory = random() < 0.3;
  return { ...keys, reads: "full", isHistory, isDirect: keys.isDirect && !isHistory };
}

function describeKeys(keys: CaseKeys): string {
  const { mode, reads, isHistory, deletesMissing, hardDelete, changedOnly, isDirect } = keys;
  const words = [
    mode,
    ...isHistory ? ["of a history"] : [],
    ...reads === "full" ? [] : [`of what is read as ${reads}`],
    ...deletesMissing ? ["deletes"] : [],
    ...hardDelete ? ["hard_delete"] : [],
    ...changedOnly ? ["changed_only"] : [],
    ...isDirect ? ["as it is"] : [],
  ];
  return words.join(" ");
}

/** How an attempt is made to fail. */
type Failure =
  | { readonly kind: "point"; readonly dieAt: string }
  | { readonly kind: "moment"; readonly afterMs: number }
  | { readonly kind: "cut"; readonly which: "source" | "destination"; readonly bytes: number }
  | { readonly kind: "full disk" };

interface HistoryOptions {
  readonly seed: number;
  /** What the command that repeats the case has beside its seed. */
  readonly repeat: string;
  readonly title: string;
  readonly folder: string;
  readonly projectDir: string;
  readonly disk: SmallDisk | undefined;
  readonly keys: CaseKeys;
  readonly random: () => number;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly source: Source;
  readonly destination: Destination;
}

class History {
  readonly #options: HistoryOptions;
  readonly #project: WorkerProject;
  readonly #log: string[] = [];

  constructor(options: HistoryOptions) {
    this.#options = options;
    const { folder, projectDir, source, destination, keys } = options;
    this.#project = {
      folder,
      projectDir,
      connectors: { from: source.connector, there: destination.connector },
      // A web server is on this machine.
      privateHosts: ["127.0.0.1"],
      pipeline: {
        extract: {
          s: {
            connector: "from",
            ...source.stream,
            ...streamKeys(keys),
            ...keys.isHistory ? { history: true } : {},
          },
        },
        load: {
          [keys.isDirect ? "s" : "t"]: { connector: "there", ...destination.target, ...loadKeys(keys) },
        },
        resources: { threads: 2 },
      },
    };
  }

  /** Returns how many attempts were made to fail. */
  async run(): Promise<number> {
    const { random, source, destination, keys } = this.#options;
    const isHistory = keys.mode === "scd2";
    let before: readonly TargetRow[] = [];
    let read: readonly SourceRow[] = [];
    let failures = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      const rows = this.#rows(round);
      await source.write(rows);
      read = afterRead(read, rows, keys.reads);
      const after = afterLoad(before, read, keys);
      let attempt = 0;
      for (let tried = 0; tried < 2 && random() < 0.6; tried++) {
        failures++;
        await this.#fail(this.#failure(), round, ++attempt);
        const seen = textsOf(await destination.rows(isHistory));
        if (![before, after].some((state) => textsOf(state).join() === seen.join())) {
          throw this.#wrong(
            `attempt ${attempt} of round ${round} left neither what was there nor all of the load`,
            seen,
            after,
          );
        }
      }
      // Nobody knows whether what was left was read; the next read begins behind it or not.
      const isLeft = attempt > 0 && keys.reads === "full" && random() < 0.25;
      if (!isLeft) {
        const { error } = await this.#attempt(round, ++attempt);
        if (error !== null) throw this.#wrong(`round ${round} fails: ${JSON.stringify(error)}`, [], after);
      }
      const found = await destination.rows(isHistory);
      if (!isLeft && textsOf(found).join() !== textsOf(after).join()) {
        throw this.#wrong(`round ${round} left other rows`, textsOf(found), after);
      }
      before = found;
    }
    return failures;
  }

  /** Mostly a handful; at times enough for several batches. Keys are few, so that rounds share them. */
  #rows(round: number): SourceRow[] {
    const { random } = this.#options;
    const most = random() < 0.15 ? 5_000 : 12;
    const rows: SourceRow[] = [];
    for (let id = 1; id <= most; id++) {
      if (random() < 0.4) continue;
      const name = random() < 0.1 ? null : `n${id} ${random() < 0.5 ? "same" : round}`;
      rows.push({ id, name, part: id % 4, gone: random() < 0.2, moved: round });
    }
    return rows;
  }

  #failure(): Failure {
    const { random, pick, source, destination, disk, keys } = this.#options;
    const load = `load:${keys.isDirect ? "s" : "t"}→there`;
    const points = [
      // On both sides of what makes the load take effect it is most likely to go wrong.
      ...["before commit", "after commit", "after commit"].map((point) => `${load} ${point}`),
      ...LOAD_POINTS.map((point) => `${load} ${point}`),
      ...(source.isFollowed === true ? FOLLOW_POINTS : EXTRACT_POINTS).map((point) => `extract:s ${point}`),
      ...keys.changedOnly ? [`${load} after note`] : [],
    ];
    const kinds: Failure["kind"][] = ["point", "point", "moment"];
    const relays = (["source", "destination"] as const).filter((which) =>
      (which === "source" ? source : destination).relay !== undefined
    );
    if (relays.length > 0) kinds.push("cut", "cut");
    if (disk !== undefined && destination.isLocal) kinds.push("full disk", "full disk");
    const kind = pick(kinds);
    switch (kind) {
      case "point":
        return { kind, dieAt: pick(points) };
      case "moment":
        return { kind, afterMs: Math.floor(200 + random() * 2_500) };
      case "cut":
        return { kind, which: pick(relays), bytes: Math.floor(200 * 300 ** random()) };
      case "full disk":
        return { kind };
    }
  }

  async #fail(failure: Failure, round: number, attempt: number): Promise<void> {
    const { source, destination, disk } = this.#options;
    this.#log.push(`round ${round}, attempt ${attempt}: ${JSON.stringify(failure)}`);
    const relay = failure.kind === "cut"
      ? (failure.which === "source" ? source : destination).relay
      : undefined;
    if (failure.kind === "cut") relay?.cutAfter(failure.bytes);
    if (failure.kind === "full disk") await disk?.fill();
    try {
      const { signal, error } = await this.#attempt(round, attempt, failure);
      this.#log.push(`  ended with ${signal ?? JSON.stringify(error)}`);
    } finally {
      relay?.mend();
      if (failure.kind === "full disk") await disk?.free();
    }
  }

  async #attempt(round: number, attempt: number, failure?: Failure): Promise<Attempted> {
    const { keys } = this.#options;
    const attempted = await attemptInProcess(this.#project, {
      runId: `round${round}`,
      attempt,
      models: keys.isDirect ? {} : {
        t: `SELECT * EXCLUDE (${keys.hardDelete ? "moved" : "gone, moved"}) FROM ${
          keys.isHistory ? `(${ROWS_OF_HISTORY})` : "raw.s"
        }`,
      },
      windowEndMs: round * HOUR_MS,
      ...(failure?.kind === "point" ? { dieAt: failure.dieAt } : {}),
      killAfterMs: failure?.kind === "moment" ? failure.afterMs : HANGS_AFTER_MS,
    });
    if (attempted.signal === null || failure?.kind === "moment" || failure?.kind === "point") {
      return attempted;
    }
    throw this.#wrong(
      `attempt ${attempt} of round ${round} hangs: ${attempted.log.slice(-5).join("; ")}`,
      [],
      [],
    );
  }

  #wrong(what: string, seen: readonly string[], expected: readonly TargetRow[]): CaseFailure {
    const { seed, repeat, title } = this.#options;
    const wanted = textsOf(expected);
    const [missing, more] = [difference(wanted, seen), difference(seen, wanted)];
    return new CaseFailure(
      [
        `seed ${seed} (${title}): ${what}`,
        ...this.#log.map((line) => `  ${line}`),
        `  missing: ${missing.slice(0, 5).join(" ")}${
          missing.length > 5 ? ` and ${missing.length - 5} more` : ""
        }`,
        `  more: ${more.slice(0, 5).join(" ")}${more.length > 5 ? ` and ${more.length - 5} more` : ""}`,
        `  repeat it: deno task crash --seed ${seed} --cases 1${repeat}`,
      ].join("\n"),
    );
  }
}

/** What the one list has that the other has not, or not as often. */
function difference(one: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return one.filter((text) => {
    const at = left.indexOf(text);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function streamKeys({ reads }: CaseKeys): Record<string, unknown> {
  if (reads === "full") return {};
  return { mode: reads, update_key: "moved", ...(reads === "incremental" ? { primary_key: ["id"] } : {}) };
}

function loadKeys({ mode, deletesMissing, hardDelete, changedOnly }: CaseKeys): Record<string, unknown> {
  return {
    mode,
    ...(mode === "merge" || mode === "scd2" ? { primary_key: ["id"] } : {}),
    ...(mode === "delete_insert" ? { partition_by: ["part"] } : {}),
    ...(deletesMissing ? { deletes: mode === "scd2" ? "soft" : "hard" } : {}),
    ...(hardDelete ? { hard_delete: "gone" } : {}),
    ...(changedOnly ? { changed_only: true } : {}),
  };
}
