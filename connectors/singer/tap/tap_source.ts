import type { ConnectorContext } from "../../../contract/connector/connector.ts";
import type { DiscoveredStream, Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { Workplace } from "../command/workplace.ts";
import { programOf, RunningCommand } from "../command/run_command.ts";
import type { SingerConfig } from "../config.ts";
import { prepareWith, type RecordSurvey, recordSurvey, scanRecords } from "../../files/record_scan.ts";
import { DiskFile } from "../../locations/disk/disk_file.ts";
import { Scratch } from "../../locations/scratch.ts";
import type { SingerStream } from "../options.ts";
import { CatalogKeeper } from "./catalog_keeper.ts";
import { type CatalogEntry, findEntry, selectStream } from "./catalog.ts";
import { declaredTypes } from "./json_schema.ts";
import { readTap, type TapOutput } from "./read_tap.ts";
import { RecordVersions } from "./record_versions.ts";
import { showSchemas } from "./seen_schemas.ts";
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

  /** Runs the tap to its end; see Source.scan. */
  async scan(request: Request, signal: AbortSignal): Promise<Scan> {
    const catalog = await this.#catalog.find(signal);
    const { stream } = request.address;
    const entry = catalog === undefined ? undefined : findEntry(catalog, stream, this.#subject);
    await using stack = new AsyncDisposableStack();
    const scratch = stack.use(new Scratch(this.#context.scratchDir));
    // A survey cannot leave records out.
    const survey = recordSurvey(request);
    const records = stack.use(new RecordVersions(scratch, survey));
    const schemas: unknown[] = entry === undefined ? [] : [entry.schema];
    if (request.isSample === true) {
      const scan = await this.#scanOf(request, await records.finish(), schemas, survey, signal);
      stack.move();
      return scan;
    }
    const isRange = request.until?.isRange === true;
    const before = isRange ? NO_STATE : tapState(request.state);
    const output = await this.#run(
      request,
      { scratch, records, before, keepsRows: request.state !== undefined && !isRange },
      catalog === undefined || entry === undefined
        ? undefined
        : selectStream(catalog, entry, selectionOf(request)),
      entry,
      (schema) => schemas.push(schema),
      signal,
    );
    this.#check(request, output, before);
    const count = records.records;
    const scan = await this.#scanOf(request, await records.finish(), schemas, survey, signal);
    const state = isRange ? request.state : storedState(output.state);
    return {
      ...scan,
      ...(state === undefined ? {} : { state }),
      repeats: true,
      messages: messagesOf(count, output),
      prepare: prepareWith(scan, stack.move()),
    };
  }

  async #run(
    { name, address: { stream } }: Request,
    { scratch, records, before, keepsRows }: {
      readonly scratch: Scratch;
      readonly records: RecordVersions;
      readonly before: TapState;
      readonly keepsRows: boolean;
    },
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
      state: before,
      keepsRows,
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

  async #scanOf(
    request: Request,
    path: string,
    schemas: readonly unknown[],
    survey: RecordSurvey | undefined,
    signal: AbortSignal,
  ): Promise<Scan> {
    const { address: { stream, options } } = request;
    const file = new DiskFile(path, `${stream} of ${programOf(this.#config)}`, await Deno.stat(path));
    const types = survey === undefined
      ? Object.assign({}, ...schemas.map((schema) => declaredTypes(schema, "texts")))
      : showSchemas(schemas, survey, file);
    const columns = { ...types, ...options.columns };
    const scan = await scanRecords([file], columns, request, this.#context.scratchDir, signal, survey);
    return { ...scan, files: [], verify: () => Promise.resolve() };
  }
}

function selectionOf(
  { columns, updateKey, addsOnly, address: { options } }: Request,
): Parameters<typeof selectStream>[2] {
  const asked = options.replication_method;
  return {
    columns,
    needed: updateKey === undefined ? [] : [updateKey],
    replicationKey: updateKey,
    method: asked ?? (updateKey !== undefined ? "INCREMENTAL" : addsOnly === true ? undefined : "FULL_TABLE"),
  };
}

function messagesOf(records: number, { others, state }: TapOutput): NonNullable<Scan["messages"]> {
  return [
    {
      level: "info",
      message: `${records} ${records === 1 ? "record" : "records"}${
        state.text === undefined ? ", no STATE" : ""
      }`,
    },
    ...(others === 0 ? [] : [
      {
        level: "info",
        message: `${others} records of other streams were left out: the tap does not go by its catalog`,
      } as const,
    ]),
  ];
}
