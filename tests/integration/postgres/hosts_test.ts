import assert from "node:assert/strict";
import * as v from "valibot";
import { postgres } from "../../../connectors/postgres/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { rowsOf } from "../../support/arrow_rows.ts";
import { openPostgres, readAll, testContext } from "../../support/postgres_connector.ts";
import { startPostgresWithTls, startStandby } from "../../support/postgres.ts";

const primary = await startPostgresWithTls();
const standby = await startStandby(primary);
Deno.test.afterAll(async () => {
  await standby[Symbol.asyncDispose]();
  await primary[Symbol.asyncDispose]();
});

/** A port that refuses. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function url(ports: readonly number[], parameters = ""): string {
  const { username, password } = new URL(primary.url);
  return `postgres://${username}:${password}@${
    ports.map((port) => `127.0.0.1:${port}`).join(",")
  }/postgres?sslmode=prefer${parameters}`;
}

/** The port of the server that the session came to. */
async function reached(address: string): Promise<unknown> {
  await using connection = await openPostgres(undefined, { url: address });
  return rowsOf(await readAll(connection, { query: "SELECT inet_server_port()" }))[0]?.[0];
}

Deno.test("several hosts are tried in order, until one accepts the session", async () => {
  assert.equal(await reached(url([closedPort(), standby.port, primary.port])), standby.port);
  const [first, second] = [closedPort(), closedPort()];
  await assert.rejects(reached(url([first, second])), (error) => {
    assert(error instanceof AppError);
    assert.equal(error.code, "unavailable");
    assert.match(
      error.message,
      new RegExp(`${first}: connection refused; 127.0.0.1:${second}: connection refused`),
    );
    return true;
  });
});

Deno.test("a server that refuses the user ends the search", async () => {
  const wrong = url([primary.port, standby.port]).replace(/:[^:@]+@/, ":wrong@");
  await assert.rejects(reached(wrong), { code: "unauthorized" });
});

Deno.test("target_session_attrs finds the host of the wanted kind", async () => {
  const both = [standby.port, primary.port];
  const kinds = {
    "any": standby.port,
    "primary": primary.port,
    "read-write": primary.port,
    "standby": standby.port,
    "read-only": standby.port,
    "prefer-standby": standby.port,
  };
  for (const [kind, port] of Object.entries(kinds)) {
    assert.equal(await reached(url(both, `&target_session_attrs=${kind}`)), port, kind);
  }
  assert.equal(await reached(url([primary.port], "&target_session_attrs=prefer-standby")), primary.port);
  // What the session is for counts, not what the server is.
  const readOnly = "&options=-c%20default_transaction_read_only%3Don";
  assert.equal(
    await reached(url([primary.port], `&target_session_attrs=read-only${readOnly}`)),
    primary.port,
  );
  await assert.rejects(reached(url([standby.port], "&target_session_attrs=primary")), {
    code: "unavailable",
    message: /it is a standby, read-only, and target_session_attrs is primary/,
  });
});

Deno.test("options sets what the session is to be like", async () => {
  const address = url([primary.port], "&options=-c%20work_mem%3D7MB%20-c%20search_path%3Dsales");
  await using connection = await openPostgres(undefined, { url: address });
  const query = "SELECT current_setting('work_mem') AS a, current_setting('search_path') AS b";
  assert.deepEqual(rowsOf(await readAll(connection, { query })), [["7MB", "sales"]]);
});

Deno.test("what access() asks for is enough to connect, and no less is", async (t) => {
  const { username, password } = new URL(primary.url);
  const folder = encodeURIComponent(primary.folder);
  const authority = encodeURIComponent(primary.authority);
  const cases: Readonly<Record<string, string>> = {
    "a host": url([primary.port]),
    "several hosts, the last of which answers": url([closedPort(), closedPort(), primary.port]),
    "a Unix socket": `postgres://${username}:${password}@${folder}:${primary.port}/postgres`,
    "a host with an authority of its own":
      `postgres://${username}:${password}@localhost:${primary.port}/postgres?sslmode=verify-full&sslrootcert=${authority}`,
  };
  for (const [what, address] of Object.entries(cases)) {
    await t.step(what, async () => {
      const config = v.parse(postgres.configSchema, { url: address });
      const use = { kind: "source", stream: v.parse(postgres.streamSchema, { query: "SELECT 1" }) } as const;
      const access = postgres.access(config, use, testContext());
      // As grants/asks.ts has it: to connect to a socket is to read and write its path.
      const sockets = access.hosts.filter((host) => host.startsWith("unix:")).map((host) => host.slice(5));
      const permissions = [
        `--allow-net=${access.hosts.join(",")}`,
        ...[...access.config ?? [], ...sockets].map((path) => `--allow-read=${path}`),
        ...sockets.map((path) => `--allow-write=${path}`),
      ];
      assert.deepEqual([access.read, access.write], [[], []]);
      const { rows, error } = await readInChild(address, permissions);
      assert.equal(error, "");
      assert.equal(rows, 1);
      for (const permission of permissions) {
        const withoutIt = permissions.filter((other) => other !== permission);
        assert.notEqual((await readInChild(address, withoutIt)).error, "", `not without ${permission}`);
      }
    });
  }
});

/** A process without environment that may do just this. */
async function readInChild(
  address: string,
  permissions: readonly string[],
): Promise<{ rows: unknown; error: string }> {
  const script = new URL("../../support/read_rows.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--cached-only", "--ignore-env", ...permissions, script.pathname],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    clearEnv: true,
    env: { DENO_DIR: Deno.env.get("DENO_DIR") ?? "", HOME: Deno.env.get("HOME") ?? "", NO_COLOR: "1" },
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(
    new TextEncoder().encode(
      JSON.stringify({ type: "postgres", entry: { url: address }, query: "SELECT 1 AS n" }),
    ),
  );
  await input.close();
  const { stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout);
  return {
    rows: said === "" ? undefined : JSON.parse(said).rows,
    error: new TextDecoder().decode(stderr),
  };
}
