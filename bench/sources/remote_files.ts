/**
 * CSV and NDJSON files into a table of DuckDB: by DuckDB alone from the local disk, by the connector `file`, and by the
 * connectors `s3` and `http` from servers on this machine, one after the other in the same run. A server takes its part of
 * the processor; seconds of processor are those of this process alone. Beside them stands what the wire itself takes: the
 * same files brought to the disk by a bare fetch() and by the SDK, whole and one after the other.
 *
 * deno task bench remote_files [--rows 1000000] [--rounds 3] [--files 1] [--format csv,ndjson]
 */
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as v from "valibot";
import { file } from "../../connectors/files/connector.ts";
import { http } from "../../connectors/http/connector.ts";
import { s3 } from "../../connectors/s3/connector.ts";
import type { Connection, Connector } from "../../contract/connector/connector.ts";
import { type Database, openDatabase } from "../../engine/duckdb/database.ts";
import { startS3 } from "../../tests/runner/s3_server.ts";
import { connectorContext, streamOf } from "../../tests/support/connections.ts";
import { guardedWay } from "../../tests/support/guarded_way.ts";
import { S3Bucket, s3Url } from "../../tests/support/s3_bucket.ts";
import { Costs, timed } from "../lib/costs.ts";
import type { Cost } from "../lib/sluice_run.ts";
import { startServer } from "../lib/server_process.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rows: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      files: { type: "string", default: "1" },
      format: { type: "string", default: "csv,ndjson" },
    },
  });
  const root = join(import.meta.dirname ?? ".", "..", "..");
  await using server = await startS3(
    root,
    () => Promise.reject(new Error("python3 and its venv must be there")),
  );
  Deno.env.set("SLUICE_TEST_S3_URL", server.url);
  await using bucket = await S3Bucket.create();
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const config = v.parse(s3.configSchema, bucket.config({ endpoint: s3Url() }));
    await using web = await startServer("file_server.ts", folder);
    const base = v.parse(http.configSchema, { base_url: `${web.url}/` });
    await using way = guardedWay([new URL(web.url).host]);
    const connections = [
      ["disk", file, await file.open({}, connectorContext(folder))],
      ["s3", s3, await s3.open(config, connectorContext(folder))],
      ["http", http, await http.open(base, connectorContext(folder, { wayOut: way.wayOut }))],
    ] as const;
    for (const format of values.format.split(",")) {
      await writeFiles(folder, format, Number(values.rows), Number(values.files));
      for await (const { name } of Deno.readDir(join(folder, format))) {
        const body = await Deno.readFile(join(folder, format, name));
        await bucket.client.send(
          new PutObjectCommand({ Bucket: bucket.name, Key: `${format}/${name}`, Body: body }),
        );
      }
      const costs = new Costs(Number(values.rows));
      const add = async (way: string, work: (database: Database) => Promise<void>) =>
        costs.add(`${format}: ${way}`, await measure(folder, work));
      const paths = Array.from({ length: Number(values.files) }, (_, i) => `${format}/${i}.${format}`);
      for (let round = 0; round < Number(values.rounds); round++) {
        await add("DuckDB", (database) => readBare(database, folder, format));
        for (const [name, connector, connection] of connections) {
          // A web server has no list.
          const each = name === "http" ? paths : [`${format}/*.${format}`];
          await add(name, (database) => readOurs(database, connector, connection, each));
        }
        const target = join(folder, "brought");
        const bring = async (way: string, bodyOf: (path: string) => Promise<ReadableStream<Uint8Array>>) => {
          const work = async () => {
            for (const path of paths) await Deno.writeFile(target, await bodyOf(path));
          };
          costs.add(`${format}: ${way}`, await timed(work));
        };
        await bring("bare fetch()", async (path) => bodyOf((await fetch(`${web.url}/${path}`)).body));
        await bring("bare SDK", async (path) => {
          const command = new GetObjectCommand({ Bucket: bucket.name, Key: path });
          return bodyOf((await bucket.client.send(command)).Body?.transformToWebStream());
        });
      }
      costs.report(`${format}: DuckDB`);
      for (const [name] of connections) costs.report(`${format}: ${name}`, `${format}: DuckDB`);
      for (const way of ["bare fetch()", "bare SDK"]) costs.report(`${format}: ${way}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function bodyOf(body: ReadableStream<Uint8Array> | null | undefined): ReadableStream<Uint8Array> {
  if (body === null || body === undefined) throw new Error("there is no body");
  return body;
}

async function writeFiles(folder: string, format: string, rows: number, files: number): Promise<void> {
  await Deno.mkdir(join(folder, format));
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [folder] });
  await using session = await database.session();
  for (let i = 0; i < files; i++) {
    const [from, to] = [Math.floor(rows * i / files), Math.floor(rows * (i + 1) / files)];
    await session.run(
      `COPY (
         SELECT i AS id, 'customer ' || (hash(i) % 50000)::VARCHAR AS customer, (hash(i, 1) % 10000) / 100.0 AS amount,
           TIMESTAMP '2024-01-01' + to_seconds(i) AS ordered_at, ['new', 'paid', 'sent'][(1 + i % 3)::BIGINT] AS state,
           'a note of some length about order ' || i AS note
         FROM range(${from}, ${to}) AS r(i)
       ) TO '${join(folder, format, `${i}.${format}`)}' (FORMAT ${
        format === "csv" ? "csv, HEADER" : "json"
      })`,
    );
  }
}

async function measure(folder: string, work: (database: Database) => Promise<void>): Promise<Cost> {
  await using database = await openDatabase({ path: join(folder, "w.duckdb"), allowedDirectories: [folder] });
  const cost = await timed(() => work(database));
  await using session = await database.session();
  await session.run("DROP TABLE t");
  return cost;
}

async function readBare(database: Database, folder: string, format: string): Promise<void> {
  await using session = await database.session();
  const reader = format === "csv" ? "read_csv" : "read_json";
  await session.run(`CREATE TABLE t AS SELECT * FROM ${reader}('${folder}/${format}/*')`);
}

/** As extract steps do. */
async function readOurs(
  database: Database,
  connector: Connector,
  { source }: Connection,
  paths: readonly string[],
): Promise<void> {
  const signal = new AbortController().signal;
  await using session = await database.session();
  for (const [index, path] of paths.entries()) {
    const scan = await source?.scan?.({ ...streamOf(connector, { path }), mayGuess: true }, signal);
    if (scan === undefined) throw new Error("there is nothing to scan");
    await using prepared = await scan.prepare?.(signal);
    const into = index === 0 ? "CREATE TABLE t AS" : "INSERT INTO t";
    await session.run(`${into} SELECT * FROM ${prepared?.relation ?? scan.relation}`);
    await prepared?.confirm?.();
    await scan.verify();
  }
}

await main();
