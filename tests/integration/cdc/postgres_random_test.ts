import { FollowedProject } from "../../support/followed_project.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { randomFrom } from "../../support/random.ts";
import { RandomWorkload, STREAMS, TABLES } from "../../support/random_workload.ts";

/**
 * Random changes from several sessions at a time, while runs follow them: after each catch-up raw has the
 * source's rows, and a history leads to them too.
 */

const ROUNDS = 8;
/** Set it to see a failure again. */
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Date.now() % 1_000_000);

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const HISTORY = Object.fromEntries(
  Object.entries(STREAMS).map(([name, stream]) => [name, { ...stream, history: true }]),
);

Deno.test("random changes, merged and as history", async () => {
  const random = randomFrom(SEED);
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe(TABLES);
  const workload = new RandomWorkload(sql, random);
  await workload.transactions(20);
  await using merged = await FollowedProject.create(database.url);
  await using history = await FollowedProject.create(database.url);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const when = `seed ${SEED}, round ${round}`;
    // A run while the changes go on, and one when all is there.
    await Promise.all([workload.transactions(30), merged.run(STREAMS)]);
    await workload.transactions(10);
    await merged.run(STREAMS);
    await merged.equalsSource(STREAMS, when);
    await history.run(HISTORY);
    await history.historyLeadsTo(merged, { plain: "id", pairs: "x, y", whole: "k", parted: "id" }, when);
  }
});

Deno.test("random changes of rows and of columns", async () => {
  const random = randomFrom(SEED + 1);
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe(TABLES);
  const workload = new RandomWorkload(sql, random);
  await workload.transactions(20);
  await using project = await FollowedProject.create(database.url);
  const done: string[] = [];
  await project.run(STREAMS);
  for (let round = 1; round <= ROUNDS; round += 1) {
    await workload.transactions(10);
    for (let changes = random() < 0.3 ? 0 : 2; changes > 0; changes -= 1) {
      done.push(await workload.changeShape());
      await workload.transactions(5);
    }
    await project.run(STREAMS);
    await project.equalsSource(STREAMS, `seed ${SEED}, round ${round}, after ${done.join("; ")}`);
  }
});
