/**
 * What it costs that connectors lie sealed in the control store: reading the heads of all pipelines, opening the
 * connectors of one, sealing what an older version left, with the file written anew, and a rotation of the key.
 *
 * deno task bench sealing [--pipelines 1000] [--revisions 5000] [--connectors 3]
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import * as v from "valibot";
import { systemClock } from "../../contract/clock.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import { pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import { createKeyRing, type KeyRing } from "../../engine/keys/key_ring.ts";
import { rotateKeys } from "../../engine/keys/rotate.ts";
import { openStore } from "../../engine/store/open.ts";
import type { Store } from "../../engine/store/store.ts";

const TRIES = 50;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      pipelines: { type: "string", default: "1000" },
      revisions: { type: "string", default: "5000" },
      connectors: { type: "string", default: "3" },
    },
  });
  const [pipelines, revisions] = [Number(values.pipelines), Number(values.revisions)];
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const path = join(folder, "sluice.db");
    const opened: Promise<Store> = openStore(`file:${path}`, { sealer: lazy(() => ring()) });
    const ring = async (): Promise<KeyRing> => {
      keys ??= createKeyRing({
        store: (await opened).dataKeys,
        clock: systemClock,
        dataDir: folder,
        projectDir: join(folder, "project"),
        env: () => undefined,
        transit: () => Promise.reject(new Error("there is no Vault")),
      });
      return keys;
    };
    let keys: KeyRing | undefined;
    await using store = await opened;
    fill(path, { pipelines, revisions, connectors: Number(values.connectors) });
    const heads = () => store.revisions.headsInForce();
    await report(`heads of ${pipelines} pipelines, plain`, TRIES, heads);
    const { size } = Deno.statSync(path);
    await report(
      `${revisions} revisions sealed, ${(size / 1e6).toFixed(0)} MB written anew`,
      1,
      store.plainEntries.seal,
    );
    await report(`heads of ${pipelines} pipelines, sealed`, TRIES, heads);
    let next = 0;
    await report("connectors of one", 20 * TRIES, () => store.revisions.connectors(`r${next++ % revisions}`));
    const { sealer } = await ring();
    const sealed = await sealer.seal(JSON.stringify(entries(3)), "revision/r0");
    await report("of that, opened", 20 * TRIES, () => sealer.open(sealed, "revision/r0"));
    await report(
      `rotation over ${revisions} revisions`,
      1,
      async () => rotateKeys(await ring(), store.sealedPlaces, {}),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const lazy = (ring: () => Promise<KeyRing>): Sealer => ({
  seal: async (text, place) => await (await ring()).sealer.seal(text, place),
  open: async (sealed, place) => await (await ring()).sealer.open(sealed, place),
});

const entries = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `c${at}`,
      {
        type: "postgres",
        host: "db.example.com",
        database: "shop",
        user: "reader",
        password: "${secret:SHOP}",
      },
    ]),
  );

/** As the version before sealed connectors left it. */
function fill(
  path: string,
  { pipelines, revisions, connectors }: Readonly<Record<"pipelines" | "revisions" | "connectors", number>>,
): void {
  using database = new DatabaseSync(path);
  const definition = JSON.stringify(
    v.parse(pipelineSchema, { transform: "shop", schedule: { cron: "0 3 * * *" } }),
  );
  const text = JSON.stringify(entries(connectors));
  database.exec("begin");
  const insert = database.prepare(
    "insert into revisions (id, pipeline, definition, connectors) values (?, ?, ?, ?)",
  );
  for (let at = 0; at < revisions; at++) insert.run(`r${at}`, `p${at % pipelines}`, definition, text);
  const put = database.prepare(
    "insert into pipelines (name, origin, revision, faults) values (?, 'files', ?, '[]')",
  );
  for (let at = 0; at < pipelines; at++) put.run(`p${at}`, `r${at}`);
  database.exec("commit");
}

async function report(title: string, tries: number, work: () => Promise<unknown>): Promise<void> {
  const taken: number[] = [];
  for (let index = 0; index < tries; index++) {
    const beganMs = performance.now();
    await work();
    taken.push(performance.now() - beganMs);
  }
  const sorted = taken.toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(3);
  console.log(`${title.padEnd(48)} ${at(0.5)} ms at the median, ${at(0.95)} ms at p95`);
}

await main();
