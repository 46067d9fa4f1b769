import { tableFromIPC } from "apache-arrow";
import { dirname } from "node:path";
import { FileServer } from "../../../support/file_server.ts";
import type { SourceRow } from "../expectation.ts";
import { type FilePlace, inS3, onDisk, overSftp } from "../../../support/file_places.ts";
import {
  behindRelay,
  type Cells,
  type DestinationKind,
  duckRows,
  readIf,
  selectOf,
  type SourceKind,
} from "./system.ts";

/** Files in every format that the campaign tries, wherever they are, in the modes that the format has. */

const FOLDER_MODES = ["replace", "append", "merge", "delete_insert"] as const;
const FILE_MODES = ["replace", "merge"] as const;
const COLUMNS = { id: "BIGINT", name: "VARCHAR", part: "BIGINT", gone: "BOOLEAN", moved: "BIGINT" } as const;

type Place = (projectDir: string) => Promise<FilePlace>;
const disk: Place = (projectDir) => Promise.resolve(onDisk(projectDir));

export const FILES: Readonly<Record<string, DestinationKind>> = {
  "a folder of Parquet": folder(disk),
  "a CSV file": oneFile(disk, "t.csv"),
  "a folder of Parquet in S3": folder(inS3),
  "partitioned Parquet in S3": folder(inS3, { partition_by: ["part"] }),
  "a folder of NDJSON in S3": folder(inS3, { format: "ndjson" }, ["replace", "append"]),
  "a CSV file in S3": oneFile(inS3, "t.csv"),
  "a compressed JSON file in S3": oneFile(inS3, "t.json.gz", ["replace"]),
  "an Arrow file in S3": oneFile(inS3, "t.arrow", ["replace"]),
  "a Parquet file in S3": oneFile(inS3, "t.parquet"),
  "a folder of Parquet over SFTP": folder(overSftp),
  "a CSV file over SFTP": oneFile(overSftp, "t.csv"),
};

function folder(
  at: Place,
  options: { readonly format?: string; readonly partition_by?: readonly string[] } = {},
  modes: DestinationKind["modes"] = FOLDER_MODES,
) {
  return kindOf(at, modes, { path: "out/t/", options }, async (place) => {
    const files = await place.list("out/t");
    return await readCopies(place, files.map((path) => `out/t/${path}`), options.format ?? "parquet");
  });
}

function oneFile(at: Place, name: string, modes: DestinationKind["modes"] = FILE_MODES) {
  const path = `out/${name}`;
  const format = /\.(\w+)/.exec(name)?.[1] ?? "";
  return kindOf(at, modes, { path }, (place) => readCopies(place, [path], format));
}

function kindOf(
  at: Place,
  modes: DestinationKind["modes"],
  target: Readonly<Record<string, unknown>>,
  read: (place: FilePlace) => Promise<readonly Cells[]>,
): DestinationKind {
  return {
    modes,
    async start(_servers, projectDir) {
      const place = await at(projectDir);
      const { connector, relay, isLocal } = place;
      return {
        connector,
        target,
        ...(relay === undefined ? {} : { relay }),
        ...(isLocal === undefined ? {} : { isLocal }),
        rows: () => readIf(() => read(place)),
        [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
      };
    },
  };
}

/** The rows of the files that are there, by DuckDB or, where it cannot read them, Arrow's own library. */
async function readCopies(
  place: FilePlace,
  paths: readonly string[],
  format: string,
): Promise<readonly Cells[]> {
  const copies = await Deno.makeTempDir({ prefix: "sluice-copies-" });
  try {
    for (const path of paths) {
      const bytes = await place.get(path);
      if (bytes === undefined) continue;
      if (format === "arrow") return arrowRows(bytes);
      await Deno.mkdir(dirname(`${copies}/${path}`), { recursive: true });
      await Deno.writeFile(`${copies}/${path}`, bytes);
    }
    return await duckRows(
      ":memory:",
      selectOf(readerOf(format, `${copies}/**/t*`, `${copies}/**/*.*`), false),
    );
  } finally {
    await Deno.remove(copies, { recursive: true });
  }
}

function readerOf(format: string, file: string, all: string): string {
  switch (format) {
    case "parquet":
      return `read_parquet('${all}', hive_partitioning = true)`;
    case "csv":
      return `read_csv('${file}', header = true, all_varchar = true)`;
    default:
      return `read_json('${all}', columns = {id: 'BIGINT', name: 'VARCHAR', part: 'BIGINT'})`;
  }
}

const arrowRows = (bytes: Uint8Array): Cells[] =>
  [...tableFromIPC(bytes)].map((row) => {
    const { id, name, part } = row?.toJSON() ?? {};
    return [id, name, part];
  });

export const FILE_SOURCES: Readonly<Record<string, SourceKind>> = {
  csv: sourceOf(disk, "csv"),
  "csv in S3": sourceOf(inS3, "csv"),
  "ndjson in S3": sourceOf(inS3, "ndjson"),
  "parquet in S3": sourceOf(inS3, "parquet"),
  "csv over SFTP": sourceOf(overSftp, "csv"),
  "parquet over SFTP": sourceOf(overSftp, "parquet"),
  "ndjson over HTTP": servedSource("ndjson"),
  "parquet over HTTP": servedSource("parquet"),
};

type Format = "csv" | "ndjson" | "parquet";

function streamOf(format: Format): Readonly<Record<string, unknown>> {
  return { path: `src.${format}`, ...(format === "parquet" ? {} : { options: { columns: COLUMNS } }) };
}

function sourceOf(at: Place, format: Format): SourceKind {
  return async (_servers, projectDir) => {
    const place = await at(`${projectDir}/in`);
    return {
      connector: place.connector,
      stream: streamOf(format),
      ...(place.relay === undefined ? {} : { relay: place.relay }),
      write: async (rows) => await place.put(`src.${format}`, await bytesOf(rows, format)),
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  };
}

function servedSource(format: Format): SourceKind {
  return async () => {
    const server = await FileServer.start();
    const { url, behind } = behindRelay(server);
    let version = 0;
    return {
      connector: { type: "http", base_url: url },
      stream: streamOf(format),
      ...behind,
      async write(rows) {
        server.files.set(`/src.${format}`, { bytes: await bytesOf(rows, format), etag: `"${++version}"` });
      },
    };
  };
}

async function bytesOf(rows: readonly SourceRow[], format: Format): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  const names = Object.keys(COLUMNS);
  if (format === "csv") {
    const lines = rows.map(({ id, name, part, gone, moved }) =>
      [id, name ?? "", part, gone, moved].join(",")
    );
    return encoder.encode([names.join(","), ...lines].join("\n") + "\n");
  }
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  if (format === "ndjson") return encoder.encode(text);
  const work = await Deno.makeTempDir({ prefix: "sluice-source-" });
  try {
    await Deno.writeTextFile(`${work}/rows.ndjson`, text);
    const columns = JSON.stringify(COLUMNS).replaceAll('"', "'");
    const rowsOf =
      `SELECT * FROM read_json('${work}/rows.ndjson', format = 'newline_delimited', columns = ${columns})`;
    await duckRows(":memory:", `COPY (${rowsOf}) TO '${work}/rows.parquet' (ROW_GROUP_SIZE 2048)`);
    return await Deno.readFile(`${work}/rows.parquet`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
