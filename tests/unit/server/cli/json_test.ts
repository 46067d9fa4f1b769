import { deepStrictEqual, ok } from "node:assert/strict";
import { findProgram } from "../../../../server/program.ts";
import { openDataFolder } from "../../../../server/data_folder.ts";
import { runCommandLine } from "../../../../server/cli/cli.ts";
import type { CliContext } from "../../../../server/cli/command.ts";
import { COMMANDS } from "../../../../server/cli/commands.ts";
import { createFakeProject, RUN_IDS } from "../../../support/fake_project.ts";
import { PageServer } from "../../../support/page_server.ts";
import { RecordedTerminal } from "../../../support/recorded_terminal.ts";

/** Commands that print no JSON, and why. */
const WITHOUT_JSON: Readonly<Record<string, string>> = {
  serve: "prints its log, and goes on",
  deno: "prints what deno prints",
  completion: "prints a script for a shell",
  lsp: "speaks with an editor",
};

Deno.test("every command prints JSON for programs, or there is a reason", () => {
  const without = COMMANDS.filter(({ options }) => options["json"] === undefined).map(({ name }) => name);
  deepStrictEqual(without.toSorted(), Object.keys(WITHOUT_JSON).toSorted());
});

const { running, failed, succeeded } = RUN_IDS;

/** What a command prints with --json, and where the API has the same. */
const SAME_AS_API: readonly (readonly [string, string])[] = [
  ["pipelines", "/api/pipelines"],
  ["runs --all", "/api/runs?limit=500"],
  ["runs --pipeline orders --state failed", "/api/runs?pipeline=orders&state=failed"],
  [`show ${failed}`, `/api/runs/${failed}`],
  [`show ${succeeded} --manifest`, `/api/runs/${succeeded}/manifest`],
  [`replay ${succeeded}`, `/api/runs/${succeeded}/replay POST`],
  ["preview flights", "/api/pipelines/flights/tables"],
  ["preview flights hourly_weather", "/api/pipelines/flights/tables/hourly_weather"],
  ["lineage flights", "/api/pipelines/flights/lineage"],
  ["lineage flights.daily --upstream", "/api/pipelines/flights/lineage?model=daily&direction=upstream"],
  ["lineage flights.raw.orders.amount", "/api/pipelines/flights/lineage?model=raw.orders&column=amount"],
  ["data flights", "/api/pipelines/flights/data"],
  ["rejects list flights", "/api/pipelines/flights/rejects"],
  ["rejects list flights flights", "/api/pipelines/flights/rejects/flights"],
  ["connectors", "/api/connectors"],
  ["connectors discover shop", "/api/connectors/shop/streams"],
  ["connectors test shop", "/api/connectors/shop/test POST"],
  ["alerts", "/api/problems?state=open"],
  ["alerts list --all", "/api/problems"],
  ["alerts notifiers", "/api/notifiers"],
  ["alerts deliveries", "/api/deliveries"],
  ["tokens", "/api/tokens"],
  ["backfills", "/api/backfills"],
  ["schema flights flights", "/api/pipelines/flights/schemas/flights"],
  ["apply", "/api/apply POST"],
  // What a change prints is what is there then.
  [`note ${succeeded} late`, `/api/runs/${succeeded}`],
  [`cancel ${running}`, `/api/runs/${running}`],
  ["pause orders", "/api/pipelines/orders"],
  ["resume orders", "/api/pipelines/orders"],
];

Deno.test("with --json commands print what the API returns, by a server", async (t) => {
  await using server = await PageServer.start(createFakeProject());
  const folder = await Deno.makeTempDir({ prefix: "sluice-json-" });
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
  const data = await openDataFolder(`${folder}/data`, "serve");
  ok(data);
  cleanUp.use(data);
  await data.announce({ url: server.url, token: server.tokens.admin });

  const run = async (line: string) => {
    const terminal = new RecordedTerminal();
    const context = contextOf(terminal, folder);
    const code = await runCommandLine([...line.split(" "), "--json", "--data", `${folder}/data`], context);
    return { code, out: terminal.outs.join("\n"), notes: terminal.notes };
  };
  const ask = async (place: string): Promise<unknown> => {
    const [path = "", method = "GET"] = place.split(" ");
    const headers = { authorization: `Bearer ${server.tokens.admin}` };
    return await (await fetch(server.url + path, { method, headers })).json();
  };
  for (const [line, place] of SAME_AS_API) {
    await t.step(`sluice ${line}`, async () => {
      const { code, out, notes } = await run(line);
      ok(code === 0 || code === 1, notes.join("\n"));
      const printed = JSON.parse(out);
      const expected = await ask(place);
      deepStrictEqual(
        line.startsWith("connectors test") ? { ...printed } : subsetOf(expected, printed),
        printed,
      );
      deepStrictEqual(notes, []);
    });
  }
  await t.step("sluice logs prints an object a line", async () => {
    const { out } = await run(`logs ${failed}`);
    deepStrictEqual(out.split("\n").map((text) => JSON.parse(text)), await ask(`/api/runs/${failed}/logs`));
  });
});

/** A summary has fewer keys than what is asked for by itself. */
function subsetOf(whole: unknown, part: unknown): unknown {
  if (Array.isArray(whole) || typeof whole !== "object" || whole === null) return whole;
  if (typeof part !== "object" || part === null) return whole;
  return Object.fromEntries(Object.entries(whole).filter(([key]) => Object.hasOwn(part, key)));
}

const NO_INPUT = {
  isTerminal: false,
  ask: () => Promise.reject(new Error("Nobody is there")),
  readAll: () => Promise.resolve(""),
  readLine: () => Promise.resolve(""),
};

function contextOf(terminal: RecordedTerminal, cwd: string): CliContext {
  const unused = () => Promise.reject(new Error("the server does it"));
  return {
    terminal,
    secretInput: NO_INPUT,
    program: findProgram(new URL("../../../../server/main.ts", import.meta.url).href, () => undefined),
    backend: {
      openEngine: unused,
      projectSchemas: unused,
      checkProject: unused,
      planProject: unused,
      testProject: unused,
      missingReferences: unused,
      checkReferences: unused,
      tryScript: unused,
      formatTexts: unused,
      describeProject: unused,
      openLive: unused,
      // deno-lint-ignore require-yield -- nothing is rendered here
      async *renderDocs() {
        await unused();
      },
      listen: unused,
    },
    cwd,
    env: () => undefined,
    exit: (code) => {
      throw new Error(`exit ${code}`);
    },
    onInterrupt: () => ({ [Symbol.dispose]: () => {} }),
    onHangup: () => ({ [Symbol.dispose]: () => {} }),
  };
}
