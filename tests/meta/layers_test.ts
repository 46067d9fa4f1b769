import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { CODE_FOLDERS } from "../../server/program.ts";
import { type ModuleImports, readModuleGraph, ROOMS, ROOT, sourceFiles } from "./module_graph.ts";

/** Where the program begins; nothing imports it. With the room beside it, it alone knows all the others. */
const COMPOSITION_ROOT = "server/main.ts";
const isComposition = (path: string) => path === COMPOSITION_ROOT || path.startsWith("server/composition/");

/** What each part of the house may import beside itself. */
const MAY_IMPORT: Readonly<Record<(typeof ROOMS)[number], readonly string[]>> = {
  text: [],
  contract: ["text"],
  kernels: [],
  connectors: ["text", "contract", "kernels"],
  sql: ["text", "contract"],
  engine: ["text", "contract", "kernels", "connectors", "sql"],
  server: ["text", "contract", "connectors", "sql", "engine"],
  ui: ["text", "contract", "connectors", "sql", "engine", "server"],
};

/** Inside a part: each of its rooms, and which other ones it may import. A room that is not here fails. */
const MAY_IMPORT_INSIDE: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  engine: {
    duckdb: [],
    store: [],
    keys: [],
    secrets: [],
    // Files alone: who writes them has DuckDB, who tells of them has not.
    snapshots: [],
    grants: ["secrets"],
    warehouse: ["duckdb"],
    // The child process: the server's own rooms are not in it, and it is in none of them.
    worker: ["duckdb", "warehouse", "snapshots"],
    runs: ["store", "keys", "grants", "secrets", "snapshots"],
    definitions: ["store", "grants", "secrets", "runs"],
    control: ["store", "keys", "grants", "secrets", "snapshots", "runs", "definitions"],
  },
  sql: {
    language: [],
    format: ["language"],
    build: ["language"],
    compile: ["language", "build"],
    editing: ["language", "build"],
    lineage: ["language"],
    plan: ["language", "build"],
  },
  kernels: {
    compiled: [],
  },
  server: {
    http: ["auth"],
    auth: ["http"],
    routes: ["http", "auth"],
    // Of the routes their types: what a command may ask of a server.
    cli: ["http", "auth", "routes", "lsp"],
    lsp: [],
  },
  ui: {
    static: [],
    parts: ["static"],
    pages: ["parts", "static"],
    docs: ["parts", "static"],
  },
};

/** Files beside the rooms of a part, with what they may import of it; engine/ and sql/ have none. */
const BESIDE_ROOMS: Readonly<Record<string, readonly string[]>> = {
  "server/program.ts": [],
  "server/backend.ts": [
    "server/auth/token.ts",
    "server/data_folder.ts",
    "server/http/proxy_settings.ts",
    "server/http/tls/tls_settings.ts",
    "server/http/server_phase.ts",
  ],
  "server/data_folder.ts": ["server/close_to_others.ts"],
  "server/close_to_others.ts": [],
  "kernels/build.ts": [],
  "kernels/copy_rows.ts": [
    "kernels/column.ts",
    "kernels/compiled/copy_rows.ts",
    "kernels/instance.ts",
    "kernels/memory.ts",
  ],
  "kernels/text_rows.ts": [
    "kernels/column.ts",
    "kernels/compiled/text_rows.ts",
    "kernels/instance.ts",
    "kernels/memory.ts",
  ],
  "kernels/column.ts": ["kernels/memory.ts"],
  "kernels/row_table.ts": ["kernels/column.ts", "kernels/memory.ts"],
  "kernels/copy_fields.ts": [
    "kernels/compiled/copy_fields.ts",
    "kernels/instance.ts",
    "kernels/memory.ts",
  ],
  "kernels/known_records.ts": [
    "kernels/compiled/known_records.ts",
    "kernels/instance.ts",
    "kernels/memory.ts",
  ],
  "kernels/strings.ts": ["kernels/compiled/strings.ts", "kernels/instance.ts", "kernels/memory.ts"],
  "kernels/vectors.ts": ["kernels/compiled/vectors.ts", "kernels/instance.ts", "kernels/memory.ts"],
  "kernels/instance.ts": [],
  "kernels/memory.ts": [],
};

/** What a system's connector may know of connectors/ beside its own folder; none of it knows a system. */
const SHARED_BY_CONNECTORS = [
  "connectors/files/arrow/arrow_read.ts",
  "connectors/files/csv/csv_options.ts",
  "connectors/files/file_connection.ts",
  "connectors/files/load/target.ts",
  "connectors/files/options.ts",
  "connectors/files/record_scan.ts",
  "connectors/files/table_files.ts",
  "connectors/files/zstd_frames.ts",
  "connectors/locations/",
  "connectors/destination/",
  "connectors/network/",
  "connectors/column_choice.ts",
  "connectors/of_stream.ts",
  "connectors/empty_batch.ts",
  "connectors/cursor.ts",
  "connectors/database_file.ts",
  "connectors/one_stream.ts",
  "connectors/parse.ts",
  "connectors/pipeline_params.ts",
  "connectors/sql_text.ts",
  "connectors/used_table.ts",
  "connectors/text_cast/",
  // A seed of the project is read by the same rules.
  "connectors/files/csv/csv_records.ts",
  "connectors/files/types/type_guess.ts",
  "connectors/unfit_value.ts",
];
/** Systems that speak another one's language: what they may know of its folder, which knows no driver there. */
const GROUNDS: Readonly<Record<string, readonly string[]>> = {
  libsql: [
    "connectors/sqlite/database.ts",
    "connectors/sqlite/options.ts",
    "connectors/sqlite/table_use.ts",
    "connectors/sqlite/read/",
    "connectors/sqlite/load/catalogue.ts",
    "connectors/sqlite/load/dialect.ts",
    "connectors/sqlite/load/row_values.ts",
  ],
  // A request may be signed by a script of the project.
  http: ["connectors/script/options.ts", "connectors/script/signer.ts"],
  // Records of either are JSON, which is put into a file as it came.
  singer: [
    "connectors/http/rest/page/arriving_records.ts",
    "connectors/http/rest/page/json_walk.ts",
    "connectors/http/rest/page/record_file.ts",
  ],
};
/** The sandbox of functions of SQL is no connector's use: what calls them is the one that starts it. */
const CALLERS: Readonly<Record<string, string>> = {
  "engine/worker/functions/": "connectors/script/functions/",
  // What is read of a snapshot is written as Arrow files are.
  "engine/worker/snapshots/": "connectors/files/arrow/",
};
/** The one place that lists the systems, and those who ask it: a process's entry, or a tool of its own. */
const REGISTRY = "connectors/registry.ts";
const MAY_IMPORT_REGISTRY = [
  "server/composition/grants.ts",
  "server/composition/project.ts",
  "engine/worker/main.ts",
  "engine/worker/read_thread/main.ts",
  "engine/definitions/json_schema/write_schemas.ts",
];

/** Packages that are touched in one place only. */
const PLACE_OF_PACKAGE: Readonly<Record<string, readonly string[]>> = {
  "@duckdb/node-api": ["engine/duckdb/"],
  "@duckdb/node-bindings": ["engine/duckdb/"],
  "@libsql/client": ["engine/store/"],
  "drizzle-orm": ["engine/store/"],
  libsql: ["connectors/sqlite/"],
  mysql2: ["connectors/mysql/"],
  pg: ["connectors/postgres/"],
  postgres: ["connectors/postgres/"],
  hono: ["server/", "ui/"],
  croner: ["engine/"],
  assemblyscript: ["kernels/build.ts"],
  esbuild: ["engine/definitions/scripts/"],
};

/** A folder of more files wants rooms of its own. */
const MOST_FILES = 20;
/** Folders that are larger all the same, and why. */
const LARGER_FOLDERS: Readonly<Record<string, string>> = {
  "tests/support": "each file helps tests of another kind",
};

const partOf = (path: string) => ROOMS.find((room) => path.startsWith(`${room}/`));

/** `engine/duckdb/into/writer.ts` → duckdb; undefined for a file beside the rooms. */
const roomOf = (path: string) => /^[^/]+\/([^/]+)\//.exec(path)?.[1];

function findCycle(graph: ReadonlyMap<string, ModuleImports>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of graph.get(path)?.own ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Imports within one part of the house that go up, or sideways to where they may not. */
function wrongInside(graph: ReadonlyMap<string, ModuleImports>): string[] {
  const wrong: string[] = [];
  for (const [path, { own }] of graph) {
    const part = partOf(path);
    const rooms = MAY_IMPORT_INSIDE[part ?? ""];
    if (rooms === undefined || isComposition(path)) continue;
    const room = roomOf(path);
    if (room === undefined ? BESIDE_ROOMS[path] === undefined : rooms[room] === undefined) {
      wrong.push(`${path} lies in no room`);
      continue;
    }
    for (const target of own) {
      if (partOf(target) !== part) continue;
      const to = roomOf(target);
      const isAllowed = room === undefined
        ? BESIDE_ROOMS[path]?.includes(target)
        : to === room || (to === undefined ? BESIDE_ROOMS[target] !== undefined : rooms[room]?.includes(to));
      if (isAllowed !== true) wrong.push(`${path} → ${target}`);
    }
  }
  return wrong;
}

Deno.test("imports point down, packages stay in their places, and there are no cycles", async (t) => {
  const graph = await readModuleGraph();
  ok(graph.size > 50, "deno info found the modules");

  await t.step("imports point down", () => {
    const wrong: string[] = [];
    for (const [path, { own }] of graph) {
      const part = partOf(path);
      if (own.includes(COMPOSITION_ROOT)) wrong.push(`${path} → ${COMPOSITION_ROOT}, which nothing imports`);
      if (part === undefined || isComposition(path)) continue;
      for (const target of own) {
        const to = partOf(target);
        if (to === undefined || (to !== part && !MAY_IMPORT[part].includes(to))) {
          wrong.push(`${path} → ${target}`);
        }
        if (isComposition(target)) wrong.push(`${path} → ${target}, which only the program's entry imports`);
      }
    }
    deepStrictEqual(wrong, []);
  });

  await t.step("imports point down between the rooms of engine, sql, server and ui", () => {
    deepStrictEqual(wrongInside(graph), []);
  });

  await t.step("only a run's process knows DuckDB and warehouses (rule 4)", () => {
    const isOfRuns = (path: string) => /^engine\/(?:duckdb|warehouse|worker)\//.test(path);
    const wrong = [...graph].flatMap(([path, { own }]) =>
      isOfRuns(path) ? [] : own.filter(isOfRuns).map((target) => `${path} → ${target}`)
    );
    deepStrictEqual(wrong, []);
  });

  await t.step("a connector knows its own system and what is shared, and only the registry knows all", () => {
    const wrong: string[] = [];
    for (const [path, { own }] of graph) {
      for (const target of own) {
        if (!target.startsWith("connectors/")) continue;
        if (target === REGISTRY) {
          if (!MAY_IMPORT_REGISTRY.includes(path)) wrong.push(`${path} → ${target}`);
        } else if (path.startsWith("connectors/") && path !== REGISTRY) {
          const isOwn = roomOf(path) !== undefined && roomOf(path) === roomOf(target);
          const isSharedTarget = SHARED_BY_CONNECTORS.some((shared) => target.startsWith(shared));
          const isGround = GROUNDS[roomOf(path) ?? ""]?.some((ground) => target.startsWith(ground));
          if (!isOwn && !isSharedTarget && !isGround) wrong.push(`${path} → ${target}`);
        } else if (path !== REGISTRY && SHARED_BY_CONNECTORS.every((shared) => !target.startsWith(shared))) {
          const isCaller = Object.entries(CALLERS).some(([from, to]) =>
            path.startsWith(from) && target.startsWith(to)
          );
          if (!isCaller) wrong.push(`${path} → ${target}`);
        }
      }
    }
    deepStrictEqual(wrong, []);
  });

  await t.step("what a system shares with another knows no driver", () => {
    const shared = Object.values(GROUNDS).flat();
    const wrong = [...graph].flatMap(([path, { own }]) =>
      shared.some((ground) => path.startsWith(ground))
        ? own.filter((target) => /\/(?:driver|connection|session)\.ts$/.test(target)).map((target) =>
          `${path} → ${target}`
        )
        : []
    );
    deepStrictEqual(wrong, []);
  });

  await t.step("the formats of files know no location but by its port", () => {
    const wrong: string[] = [];
    for (const [path, { own }] of graph) {
      if (!path.startsWith("connectors/files/") || path === "connectors/files/connector.ts") continue;
      wrong.push(
        ...own.filter((target) => /^connectors\/locations\/[^/]+\//.test(target)).map((to) =>
          `${path} → ${to}`
        ),
      );
    }
    deepStrictEqual(wrong, []);
  });

  await t.step("packages stay in their places", () => {
    const wrong: string[] = [];
    for (const [path, { packages }] of graph) {
      for (const name of packages) {
        const places = PLACE_OF_PACKAGE[name];
        if (places?.some((place) => path.startsWith(place)) === false) wrong.push(`${path} → ${name}`);
      }
    }
    deepStrictEqual(wrong, []);
  });

  await t.step("there are no cycles", () => {
    deepStrictEqual(findCycle(graph), undefined);
  });
});

Deno.test("a run's process may read all that its program can be made of", () => {
  deepStrictEqual([...MAY_IMPORT.engine, "engine"].toSorted(), CODE_FOLDERS.toSorted());
});

Deno.test("every folder is small enough to be one room", async () => {
  const counts = new Map<string, number>();
  for (const folder of [...ROOMS, "tests"]) {
    for (const path of await sourceFiles(folder)) {
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    }
  }
  const large = [...counts].filter(([folder, files]) => files > MOST_FILES && !(folder in LARGER_FOLDERS));
  deepStrictEqual(large, []);
});

Deno.test("there are no barrels and no files without a subject", async () => {
  const wrong: string[] = [];
  for (const room of ROOMS) {
    for (const path of await sourceFiles(room)) {
      if (/(?:^|\/)(?:index|mod|utils?|helpers?|common|misc|pieces)\.tsx?$/.test(path)) wrong.push(path);
      if (/^export \* from/m.test(await Deno.readTextFile(join(ROOT, path)))) {
        wrong.push(`${path} exports everything of another module`);
      }
    }
  }
  deepStrictEqual(wrong, []);
});

Deno.test("the formats of files do not touch the disk by themselves", async () => {
  const wrong: string[] = [];
  for (const path of await sourceFiles("connectors/files")) {
    const text = await Deno.readTextFile(join(ROOT, path));
    const calls = text.match(/\bDeno\.(?!errors\b)\w+|^import (?!type ).*"node:fs(?:\/promises)?"/gm) ?? [];
    wrong.push(...calls.map((call) => `${path}: ${call}`));
  }
  deepStrictEqual(wrong, []);
});

Deno.test("no module has mutable state of its own", async () => {
  const wrong: string[] = [];
  for (const room of ROOMS) {
    for (const path of await sourceFiles(room)) {
      const text = await Deno.readTextFile(join(ROOT, path));
      for (const line of text.match(/^(?:export )?(?:let|var) .*/gm) ?? []) wrong.push(`${path}: ${line}`);
    }
  }
  deepStrictEqual(wrong, []);
});
