import { deepEqual, equal, ok } from "node:assert/strict";
import { LocalServer } from "../../support/api_bench.ts";
import { apiProject, runUnderPolicy } from "../../support/api_project.ts";
import { PATIENCE_MS } from "../../support/served_project.ts";
import { sluiceArgs, SluiceServer } from "../../support/sluice_server.ts";

/** A server whose refresh tokens are good once, and whose access tokens are good until the next one. */
class RotatingServer {
  readonly used: string[] = [];
  /** Refresh tokens that were good no more. */
  readonly stale: string[] = [];
  refresh = "refresh-token-0";
  access = "";
  /** Told of each request for data that comes with a good token; false leaves it open. */
  onData: (count: number) => boolean = () => true;
  #data = 0;

  listen(): Promise<LocalServer> {
    return LocalServer.http((request, response) => {
      let body = "";
      request.on("data", (piece) => body += piece);
      request.on("end", () => {
        if (request.url === "/token") {
          const asked = new URLSearchParams(body).get("refresh_token") ?? "";
          this.used.push(asked);
          if (asked !== this.refresh) {
            this.stale.push(asked);
            response.writeHead(400).end('{"error":"invalid_grant"}');
            return;
          }
          this.refresh = `refresh-token-${this.used.length}`;
          this.access = `access-token-${this.used.length}`;
          const told = { access_token: this.access, refresh_token: this.refresh, expires_in: 3600 };
          response.end(JSON.stringify(told));
        } else if (request.headers.authorization !== `Bearer ${this.access}`) {
          response.writeHead(401).end("{}");
        } else if (this.onData(++this.#data)) {
          const page = Number(new URL(request.url ?? "", "http://x").searchParams.get("page"));
          response.end(JSON.stringify(page < 4 ? [{ id: page }] : []));
        }
      });
    });
  }
}

const PIPELINE = `
extract:
  a: { connector: api, endpoint: { path: a, paginator: { type: page_number } } }
  b: { connector: api, endpoint: { path: b, paginator: { type: page_number } } }
`;

Deno.test("a refresh token that is good once is never lost: by a kill, by runs at a time, beside a check", async () => {
  const auth = new RotatingServer();
  await using api = await auth.listen();
  await using made = await apiProject(
    api.url,
    PIPELINE,
    `, auth: { type: oauth2_refresh_token, access_token_url: "${api.url}/token", client_id: me, refresh_token: "refresh-token-0" }`,
  );
  await made.write({ "pipelines/q.yaml": PIPELINE });
  const env = { SLUICE_POLICY: `${made.projectDir}/policy.yaml` };

  // Killed when the new token is first used.
  const asked = Promise.withResolvers<void>();
  auth.onData = () => (asked.resolve(), false);
  await using killed = new Deno.Command(Deno.execPath(), {
    args: [...sluiceArgs("run", "p"), "--project", made.projectDir, "--data", made.dataDir],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await asked.promise;
  killed.kill("SIGKILL");
  await killed.status;
  deepEqual(auth.used, ["refresh-token-0"]);

  // Taken back in the middle, so that both runs and the check want another.
  auth.onData = (count) => {
    if (count % 7 === 0) auth.access = "none";
    return true;
  };
  {
    await using server = await SluiceServer.start(made.projectDir, made.dataDir, env);
    const runs = await Promise.all(["p", "q"].map((pipeline) => server.trigger(pipeline)));
    const [checked, ...ended] = await Promise.all([
      made.sluice("check", [], env),
      ...runs.map(({ id }) => server.ended(id, PATIENCE_MS)),
    ]);
    deepEqual(ended.map(({ state, error }) => [state, error]), [["succeeded", null], ["succeeded", null]]);
    equal(checked.code, 0, checked.stdout + checked.stderr);
    for (const { id } of runs) {
      const told = JSON.stringify([await server.run(id), await server.call("GET", `/api/runs/${id}/logs`)]);
      ok(!/(?:refresh|access)-token-/.test(told), told);
    }
    await server.stop();
  }
  auth.onData = () => true;
  const last = await runUnderPolicy(made);
  equal(last.code, 0, last.stdout + last.stderr);
  ok(auth.used.length >= 3, `${auth.used}`);
  deepEqual(auth.stale, []);
  deepEqual(auth.used, auth.used.map((_, at) => `refresh-token-${at}`));
});
