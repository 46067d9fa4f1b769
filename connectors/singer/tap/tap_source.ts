import type { ConnectorContext } from "../../../contract/connector/connector.ts";
import type { DiscoveredStream, Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { formatPlural } from "../../../text/format.ts";
import { Workplace } from "../command/workplace.ts";
import { programOf, RunningCommand } from "../command/run_command.ts";
import type { SingerConfig } from "../config.ts";
import { prepareWith, scanRecords, scanTables } from "../../files/record_scan.ts";
import type { ArrivingRecords } from "../../http/rest/page/arriving_records.ts";
import type { StoredFile } from "../../locations/location.ts";
import { Scratch } from "../../locations/scratch.ts";
import type { SingerStream } from "../options.ts";
import { CatalogKeeper } from "./catalog_keeper.ts";
import { type CatalogEntry, findEntry, methodOf, type Selection, selectStream } from "./catalog.ts";
import { CommitPace } from "./commit_pace.ts";
import { heldRecords } from "./held_records.ts";
import { declaredTypes } from "./json_schema.ts";
import { readTap, type TapOutput, type TapReading } from "./read_tap.ts";
import type { RecordVersions } from "./record_versions.ts";
import { storedState, type TapState, tapState } from "./tap_state.ts";

type Request = StreamRequest<SingerStream>;
const NO_STATE: TapState = { text: undefined, version: undefined };

/** A tap as a source: each stream is one start of it, with that stream alone selected and its own state. */
export class TapSource {
  readonly #config: SingerConfig;
  readonly #context: ConnectorContext;
  readonly #catalog: CatalogKeeper;
  readonly #subject: string;

  constructor(config: SingerConfig, context: ConnectorContext) {
    this.#config = config;
    this.#context = context;
    this.#catalog = new CatalogKeeper(config, context);
    this.#subject = `Connector "${context.name}": ${programOf(config)}`;
  }

  async *discover(signal: AbortSignal): AsyncGenerator<DiscoveredStream> {
    const catalog = await this.#catalog.find(signal);
    for (const { id, schema, primaryKey } of catalog?.streams ?? []) {
      yield {
        address: { stream: id },
        name: id,
        kind: "table",
        columns: Object.entries(declaredTypes(schema, "typed")).map(([name, type]) => ({
          name,
          type,
          nullable: !primaryKey.includes(name),
        })),
        primaryKey,
        rows: null,
        sizeBytes: null,
      };
    }
  }

  /** See Source.scan: the tap runs to its end, or while the rows are stored. */
  async scan(request: Request, signal: AbortSignal): Promise<Scan> {
    const catalog = await this.#catalog.find(signal);
    const { stream } = request.address;
    const entry = catalog === undefined ? undefined : findEntry(catalog, stream, this.#subject);
    const isRange = request.until?.isRange === true;
    const before = isRange ? NO_STATE : tapState(request.state);
    await using stack = new AsyncDisposableStack();
    const scratch = stack.use(new Scratch(this.#context.scratchDir));
    const shown = `${stream} of ${programOf(this.#config)}`;
    const held = heldRecords(request, { scratch, active: before.version, shown, schema: entry?.schema });
    const { records, arriving } = stack.use(held);
    const whole = async () => {
      const { scratchDir } = this.#context;
      const { files, tables } = records;
      const scan = tables.length > 0
        ? await scanTables(tables, request.address.options.columns, request, scratchDir, signal)
        : await scanRecords(files, held.columns(), request, scratchDir, signal, held.survey);
      return { ...scan, ...NO_FILES };
    };
    if (request.isSample === true) {
      await records.finish();
      const scan = await whole();
      stack.move();
      return scan;
    }
    const selection = selectionOf(request, entry);
    const commits = arriving === undefined || isRange
      ? () => false
      : commitsOf(request, selection, this.#context);
    const selected = catalog && entry && selectStream(catalog, entry, selection);
    const stop = new AbortController();
    const reading = this.#run(
      request,
      { ...held, scratch, before, isCommitted: commits },
      selected,
      entry,
      (schema) => held.schemas.push(schema),
      AbortSignal.any([signal, stop.signal]),
    ).then(async (output) => {
      this.#check(request, output, before);
      await records.finish();
      const state = isRange ? request.state : storedState(output.state);
      return { state, messages: messagesOf(records, output) };
    });
    // Whoever reads the rows hears of it.
    reading.catch(() => {});
    const relation = await arriving?.beginning(reading);
    if (arriving !== undefined && relation !== undefined) {
      const end = stack.move();
      end.defer(async () => {
        stop.abort();
        await reading.catch(() => {});
      });
      return this.#arrivingScan(request, { relation, arriving, records, reading, end });
    }
    const { state, messages } = await reading;
    const scan = await whole();
    return { ...scan, state, messages, repeats: true, prepare: prepareWith(scan, stack.move()) };
  }

  /** Of rows that are stored while the tap still runs. */
  #arrivingScan(
    { name }: Request,
    { relation, arriving, records, reading, end }: {
      readonly relation: string;
      readonly arriving: ArrivingRecords;
      readonly records: RecordVersions;
      readonly reading: Promise<Pick<Scan, "state" | "messages">>;
      readonly end: AsyncDisposable;
    },
  ): Scan {
    const { log } = this.#context;
    let state: Scan["state"];
    return {
      relation,
      ...NO_FILES,
      get sizeBytes() {
        return records.sizeBytes;
      },
      get state() {
        return state;
      },
      repeats: true,
      explain: (error) => arriving.explain(error),
      async *arriving() {
        await using _end = end;
        yield* arriving.rows(reading.then(() => undefined), removeFiles);
        const ended = await reading;
        state = ended.state;
        for (const { level, message } of ended.messages ?? []) log(level, `${name}: ${message}`);
      },
    };
  }

  async #run(
    { name, address: { stream }, state, until }: Request,
    { scratch, before, records, survey, isCommitted }:
      & { readonly scratch: Scratch; readonly before: TapState }
      & Pick<TapReading, "records" | "survey" | "isCommitted">,
    catalog: string | undefined,
    entry: CatalogEntry | undefined,
    onSchema: (schema: unknown) => void,
    signal: AbortSignal,
  ): Promise<TapOutput> {
    const { budget, log } = this.#context;
    const { config, catalogFlag, environment } = this.#config;
    using _place = await budget.acquire(signal);
    const workplace = await Workplace.create(scratch, environment);
    const args = [
      ...["--config", await workplace.put("config.json", JSON.stringify(config))],
      ...(catalog === undefined ? [] : [catalogFlag, await workplace.put("catalog.json", catalog)]),
      ...(before.text === undefined ? [] : ["--state", await workplace.put("state.json", before.text)]),
    ];
    await using command = RunningCommand.start(this.#config, args, workplace, this.#context, signal);
    await command.stdin.close();
    const output = await readTap({
      subject: this.#subject,
      command,
      names: entry === undefined ? [stream] : [...new Set([stream, ...entry.names])],
      records,
      survey,
      state: before,
      keepsRows: state !== undefined && until?.isRange !== true,
      isCommitted,
      folder: workplace.folder,
      onSchema,
      log: (level, message) => log(level, `${name}: ${message}`),
    });
    await workplace.clear();
    return output;
  }

  /** A tap that says nothing of its stream may not have understood what was asked of it. */
  #check({ address: { stream } }: Request, { hasSchema, known }: TapOutput, before: TapState): void {
    if (hasSchema || before.text !== undefined && known.size === 0) return;
    const sent = known.size === 0 ? "nothing" : `only ${[...known].slice(0, 20).join(", ")}`;
    throw new AppError(
      "invalid",
      `${this.#subject} sent no SCHEMA of the stream "${stream}": it sent ${sent}`,
    );
  }
}

/** Those that are read are the process's own. */
const NO_FILES = { files: [], verify: () => Promise.resolve() };

async function removeFiles(files: readonly StoredFile[]): Promise<void> {
  // What cannot be removed goes with the scratch.
  for (const { path } of files) await Deno.remove(path).catch(() => {});
}

/**
 * At which STATEs rows are committed: at none where the stream does not go on from one, or nothing says that the tap does and rows
 * that came again would be there twice.
 */
function commitsOf(
  { updateKey, addsOnly }: Request,
  { method }: Selection,
  { clock }: ConnectorContext,
): TapReading["isCommitted"] {
  const isExact = addsOnly === true;
  const isResumable = method === "INCREMENTAL" || method === "LOG_BASED";
  if (updateKey === undefined && !(isExact && isResumable)) return () => false;
  const pace = new CommitPace(clock, { isExact });
  return (state, records) => pace.take(state, records);
}

function selectionOf(
  { columns, updateKey, addsOnly, address: { options } }: Request,
  entry: CatalogEntry | undefined,
): Selection {
  const asked = options.replication_method;
  const own = addsOnly === true ? entry && methodOf(entry) : "FULL_TABLE";
  return {
    columns,
    needed: updateKey === undefined ? [] : [updateKey],
    replicationKey: updateKey,
    method: asked ?? (updateKey !== undefined ? "INCREMENTAL" : own),
  };
}

function messagesOf(
  { records, tables }: Pick<RecordVersions, "records" | "tables">,
  { others, state }: TapOutput,
): NonNullable<Scan["messages"]> {
  const what = tables.length > 0
    ? formatPlural(tables.length, "Parquet file")
    : formatPlural(records, "record");
  return [
    { level: "info", message: `${what}${state.text === undefined ? ", no STATE" : ""}` },
    ...(others === 0 ? [] : [
      {
        level: "info",
        message: `${others} records of other streams were left out: the tap does not go by its catalog`,
      } as const,
    ]),
  ];
}
