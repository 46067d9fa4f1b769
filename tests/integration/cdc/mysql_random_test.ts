import { FollowedProject } from "../../support/followed_project.ts";
import { acquireMariadb } from "../../support/mariadb.ts";
import { randomFrom } from "../../support/random.ts";
import { MYSQL_STREAMS, MYSQL_TABLES, RandomMysqlWorkload } from "../../support/random_mysql_workload.ts";

/** Random changes from several sessions at a time, while runs follow them: after each catch-up raw has the source's rows. */

const ROUNDS = Number(Deno.env.get("SLUICE_TEST_ROUNDS") ?? 3);
/** Set it to see a failure again. */
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Date.now() % 1_000_000);

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const HISTORY = Object.fromEntries(
  Object.entries(MYSQL_STREAMS).map(([name, stream]) => [name, { ...stream, history: true }]),
);

Deno.test("random changes, merged and as history", async () => {
  const random = randomFrom(SEED);
  await using database = await server.createDatabase();
  await database.run(MYSQL_TABLES);
  const workload = new RandomMysqlWorkload(database.pool, random);
  await workload.transactions(20);
  await using merged = await FollowedProject.create(database.url);
  await using history = await FollowedProject.create(database.url);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const when = `seed ${SEED}, round ${round}`;
    // A run while the changes go on, and one when all is there.
    await Promise.all([workload.transactions(30), merged.run(MYSQL_STREAMS)]);
    await workload.transactions(10);
    await merged.run(MYSQL_STREAMS);
    await merged.equalsSource(MYSQL_STREAMS, when);
    // In the first round changes go on while the tables are read.
    if (round === 1) await Promise.all([workload.transactions(20), history.run(HISTORY)]);
    await Promise.all([history.run(HISTORY), merged.run(MYSQL_STREAMS)]);
    await history.historyLeadsTo(merged, { plain: "id", pairs: "x, y", simple: "k", parted: "id" }, when);
  }
});

Deno.test("random changes of rows and of columns", async () => {
  const random = randomFrom(SEED + 1);
  await using database = await server.createDatabase();
  await database.run(MYSQL_TABLES);
  const workload = new RandomMysqlWorkload(database.pool, random);
  await workload.transactions(20);
  await using project = await FollowedProject.create(database.url);
  const done: string[] = [];
  await project.run(MYSQL_STREAMS);
  for (let round = 1; round <= ROUNDS; round += 1) {
    await workload.transactions(10);
    for (let changes = random() < 0.3 ? 0 : 2; changes > 0; changes -= 1) {
      done.push(await workload.changeShape());
      await workload.transactions(5);
    }
    await workload.touch();
    await project.run(MYSQL_STREAMS);
    await project.equalsSource(MYSQL_STREAMS, `seed ${SEED}, round ${round}, after ${done.join("; ")}`);
  }
});
