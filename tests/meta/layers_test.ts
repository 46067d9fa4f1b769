import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { type ModuleImports, readModuleGraph, ROOMS, ROOT, sourceFiles } from "./module_graph.ts";

/** The one module that knows all the others. */
const COMPOSITION_ROOT = "server/main.ts";

/** What each room may import beside itself. */
const MAY_IMPORT: Readonly<Record<(typeof ROOMS)[number], readonly string[]>> = {
  text: [],
  contract: ["text"],
  connectors: ["text", "contract"],
  sql: ["text", "contract"],
  engine: ["text", "contract", "connectors", "sql"],
  server: ["text", "contract", "connectors", "sql", "engine"],
  ui: ["text", "contract", "connectors", "sql", "engine", "server"],
};

/** Packages that are touched in one place only. */
const PLACE_OF_PACKAGE: Readonly<Record<string, readonly string[]>> = {
  "@duckdb/node-api": ["engine/duckdb/"],
  "@duckdb/node-bindings": ["engine/duckdb/"],
  "@libsql/client": ["engine/store/"],
  "drizzle-orm": ["engine/store/"],
  libsql: ["connectors/sqlite/"],
  postgres: ["connectors/postgres/"],
  hono: ["server/", "ui/"],
  croner: ["engine/"],
};

const roomOf = (path: string) => ROOMS.find((room) => path.startsWith(`${room}/`));

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

Deno.test("imports point down, packages stay in their places, and there are no cycles", async (t) => {
  const graph = await readModuleGraph();
  ok(graph.size > 50, "deno info found the modules");

  await t.step("imports point down", () => {
    const wrong: string[] = [];
    for (const [path, { own }] of graph) {
      const room = roomOf(path);
      if (room === undefined || path === COMPOSITION_ROOT) continue;
      for (const target of own) {
        const to = roomOf(target);
        if (to === undefined || (to !== room && !MAY_IMPORT[room].includes(to))) {
          wrong.push(`${path} → ${target}`);
        }
        if (target === COMPOSITION_ROOT) wrong.push(`${path} → ${target}, which nothing imports`);
      }
    }
    deepStrictEqual(wrong, []);
  });

  await t.step("a connector does not know another one", () => {
    // Locations and the mode planner are shared; they know no system either.
    const SHARED = ["locations", "destination"];
    const systemOf = (path: string) => /^connectors\/([^/]+)\//.exec(path)?.[1];
    const wrong = [...graph].flatMap(([path, { own }]) => {
      const system = systemOf(path);
      const others = own.filter((target) => {
        const other = systemOf(target);
        return other !== undefined && other !== system && !SHARED.includes(other);
      });
      return system === undefined ? [] : others.map((target) => `${path} → ${target}`);
    });
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

Deno.test("there are no barrels and no files without a subject", async () => {
  const wrong: string[] = [];
  for (const room of ROOMS) {
    for (const path of await sourceFiles(room)) {
      if (/(?:^|\/)(?:index|mod|utils?|helpers?|common|misc)\.tsx?$/.test(path)) wrong.push(path);
      if (/^export \* from/m.test(await Deno.readTextFile(join(ROOT, path)))) {
        wrong.push(`${path} exports everything of another module`);
      }
    }
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
