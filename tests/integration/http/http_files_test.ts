import { deepEqual, equal, match, ok } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import * as v from "valibot";
import { http } from "../../../connectors/http/connector.ts";
import type { StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { LOOPBACK_POLICY, runUnderPolicy } from "../../support/api_project.ts";
import { connectorContext, never, streamOf } from "../../support/connections.ts";
import { FileServer, type ServedFile } from "../../support/file_server.ts";
import { guardedWay } from "../../support/guarded_way.ts";
import { type Outcome, TestProject } from "../../support/test_project.ts";

/** Files of a web server through whole runs, with the permissions that a run has. */

const bytes = (text: string) => new TextEncoder().encode(text);
const CSV = "id,name\n1,a\n2,b\n";
/** Several parts of a transfer. */
const LARGE = `id,text\n${Array.from({ length: 200_000 }, (_, i) => `${i},${"x".repeat(90)}`).join("\n")}\n`;

interface Ran extends Outcome {
  readonly loaded: string | undefined;
  readonly text: string;
}

/** Runs a pipeline that reads the path and writes it as a CSV file. */
async function run(url: string, path: string, more: string = "", options: string = ""): Promise<Ran> {
  await using project = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": `web: { type: http, base_url: "${url}"${more} }\nfiles: { type: file }\n`,
    "pipelines/p.yaml": `
extract:
  t: { connector: web, path: "${path}"${options} }
load:
  t: { connector: files, path: out/t.csv }
`,
  });
  const outcome = await runUnderPolicy(project);
  const loaded = await Deno.readTextFile(`${project.projectDir}/out/t.csv`).catch(() => undefined);
  return { ...outcome, loaded, text: outcome.stdout + outcome.stderr };
}

/** What the connector says of a file that it cannot read. */
async function refusal(url: string, path: string): Promise<string> {
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-http-" });
  try {
    const { wayOut, ...way } = guardedWay([new URL(url).host]);
    await using _way = way;
    const clock = { now: Date.now, sleep: () => Promise.resolve() };
    await using connection = await http.open(
      v.parse(http.configSchema, { base_url: url }),
      connectorContext(projectDir, { clock, wayOut }),
    );
    await connection.source?.scan?.(streamOf(http, { path }), never());
    throw new Error(`${path} was read`);
  } catch (error) {
    return error instanceof AppError ? error.message : String(error);
  } finally {
    await Deno.remove(projectDir, { recursive: true });
  }
}

Deno.test("a file that is what it was by its ETag is not read again", async () => {
  await using server = await FileServer.start({
    "/t.csv": { bytes: bytes(CSV), etag: '"one"' },
    "/weak.csv": { bytes: bytes(CSV), etag: 'W/"one"' },
  });
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-http-" });
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(projectDir, { recursive: true }) };
  await using way = guardedWay([new URL(server.url).host]);
  await using connection = await http.open(
    v.parse(http.configSchema, { base_url: server.url }),
    connectorContext(projectDir, { wayOut: way.wayOut }),
  );
  const scan = async (path: string, more: Partial<StreamRequest> = {}) => {
    const found = await connection.source?.scan?.({ ...streamOf(http, { path }), ...more }, never());
    ok(found !== undefined);
    return found;
  };
  const { validators } = await scan("t.csv");
  ok(validators !== undefined);
  const before = server.asked.length;
  const same = await scan("t.csv", { validators });
  deepEqual([same.isUnchanged, same.validators], [true, validators]);
  match(same.messages?.[0]?.message ?? "", /The file is what was last read, by ETag/);
  ok(server.asked.length - before <= 1, "it was not brought");
  server.files.set("/t.csv", { bytes: bytes(CSV), etag: '"two"' });
  equal((await scan("t.csv", { validators })).isUnchanged, undefined);
  equal((await scan("t.csv", { addsOnly: true })).validators, undefined, "files that are added have a state");
  equal((await scan("weak.csv")).validators, undefined);
});

for (
  const [kind, file] of Object.entries<Partial<ServedFile>>({
    "with ranges and a strong ETag": {},
    "with ranges and a weak ETag": { etag: 'W/"1"', modified: "Wed, 21 Oct 2015 07:28:00 GMT" },
    "with ranges and nothing that tells versions apart": { etag: null },
    "without ranges": { hasRanges: false },
    "in chunks of no stated length": { hasRanges: false, hasLength: false, etag: null },
  })
) {
  Deno.test(`a file of a server ${kind} is read as it is`, async () => {
    await using server = await FileServer.start({ "/exports/t.csv": { bytes: bytes(CSV), ...file } });
    const { code, loaded, text } = await run(`${server.url}/exports`, "t.csv");
    equal(code, 0, text);
    equal(loaded, CSV);
    ok(server.asked.every(({ headers }) => headers["accept-encoding"] === "identity"));
  });
}

Deno.test("formats and compressions are those of files: NDJSON, gzip, a format by option", async () => {
  await using server = await FileServer.start({
    "/a.ndjson": '{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n',
    "/b.csv.gz": { bytes: gzipSync(CSV) },
    "/export": CSV,
    "/empty.ndjson": "",
  });
  for (
    const [path, options] of [["a.ndjson", ""], ["b.csv.gz", ""], [
      "export?of=today",
      ", options: { format: csv }",
    ]]
  ) {
    const { code, loaded, text } = await run(server.url, path ?? "", "", options);
    equal(code, 0, text);
    equal(loaded, CSV, path);
  }
  const { code, text } = await run(server.url, "empty.ndjson");
  ok(code === 0 || /column/.test(text), text);
});

Deno.test("a transfer that is cut goes on from where it came, and nothing is lost", async () => {
  const whole = bytes(LARGE);
  const cuts = { left: 3 };
  const file: ServedFile = {
    bytes: whole,
    instead(request, response) {
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
      const [first, last] = [Number(range?.[1]), Number(range?.[2])];
      if (last - first < 1000 || cuts.left-- <= 0) return false;
      response.writeHead(206, {
        etag: `"${whole.length}"`,
        "content-range": `bytes ${first}-${last}/${whole.length}`,
        "content-length": String(last + 1 - first),
      });
      response.write(whole.subarray(first, first + Math.floor((last - first) / 2)), () => response.destroy());
      return true;
    },
  };
  await using server = await FileServer.start({ "/t.csv": file });
  const { code, loaded, text } = await run(server.url, "t.csv");
  equal(code, 0, text);
  equal(loaded, LARGE);
  ok(cuts.left <= 0);
});

Deno.test("a download that is always cut fails, and nothing is loaded", async () => {
  for (const length of ["content-length", "transfer-encoding"]) {
    const file: ServedFile = {
      bytes: bytes(CSV),
      instead(_request, response) {
        response.writeHead(200, length === "content-length" ? { "content-length": "1000" } : {});
        response.write(CSV, () => response.destroy());
        return true;
      },
    };
    await using server = await FileServer.start({ "/t.csv": file });
    const { code, loaded, text } = await run(server.url, "t.csv");
    equal(code, 1, text);
    equal(loaded, undefined);
    match(text, /Cannot read "http:\/\/127\.0\.0\.1:\d+\/t\.csv": the connection was cut/);
    ok(server.asked.length > 1, "it was tried again");
  }
});

Deno.test("a body that ends where the connection ends is refused: a cut one would look the same", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      await connection.write(bytes(`HTTP/1.0 200 OK\r\n\r\n${CSV}`));
      connection.close();
    }
  })();
  const { code, loaded, text } = await run(`http://127.0.0.1:${listener.addr.port}`, "t.csv");
  listener.close();
  await serving;
  ok(code !== 0, text);
  equal(loaded, undefined);
  match(text, /neither how long it is nor where it ends/);
});

Deno.test("a file that changes while it is read is no mixture of both", async () => {
  for (const etags of [['"one"', '"two"'], [null, null]] as const) {
    const other = LARGE.replaceAll("x", "y");
    let parts = 0;
    const file: ServedFile = {
      bytes: bytes(LARGE),
      etag: etags[0],
      modified: "Wed, 21 Oct 2015 07:28:00 GMT",
      instead(request) {
        const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
        if (Number(last) - Number(first) > 1000 && ++parts === 2) {
          file.bytes = bytes(other);
          file.etag = etags[1];
          file.modified = "Wed, 21 Oct 2015 07:29:00 GMT";
        }
        return false;
      },
    };
    await using server = await FileServer.start({ "/t.csv": file });
    const { code, loaded, text } = await run(server.url, "t.csv");
    ok(parts >= 2, "it was read in parts");
    // The next look finds the other file, and may be in time to read it whole.
    ok(code === 0 ? loaded === other : loaded === undefined, text);
    if (code !== 0) match(text, /it changed while it was read/);
  }
});

Deno.test("what a server refuses says what to do", async () => {
  const status = (code: number, headers: Record<string, string> = {}): ServedFile => ({
    bytes: bytes(CSV),
    instead(_request, response) {
      response.writeHead(code, headers).end();
      return true;
    },
  });
  await using server = await FileServer.start({
    "/401.csv": status(401),
    "/403.csv": status(403),
    "/500.csv": status(500),
    "/login.csv": { bytes: bytes("<html>sign in</html>"), contentType: "text/html; charset=utf-8" },
    "/loop.csv": status(302, { location: "/loop.csv" }),
    "/ftp.csv": status(302, { location: "ftp://127.0.0.1/x.csv" }),
    "/away.csv": status(302, { location: "http://localhost:1/x.csv" }),
  });
  for (
    const [path, words] of [
      ["401.csv", /answered 401 Unauthorized: it wants auth/],
      ["403.csv", /answered 403 Forbidden: what auth names may not read it/],
      ["no.csv", /answered 404 Not Found: there is no such file/],
      ["500.csv", /answered 500/],
      ["login.csv", /a page of HTML, no file/],
      ["loop.csv", /on and on/],
      ["ftp.csv", /sends the request on to ftp:/],
      [
        "away.csv",
        /sends the request on to localhost:1; if that is right, add it to the connector's redirect_hosts/,
      ],
      ["*.csv", /a web server cannot list its files/],
      ["../t.csv", /it is not below the connector's base_url/],
      ["https://other.example/t.csv", /it is not below the connector's base_url/],
    ] as const
  ) {
    const base = path === "../t.csv" ? `${server.url}/exports` : server.url;
    match(await refusal(base, path), words);
  }
});

Deno.test("a server that is busy is asked again when it says", async () => {
  await using server = await FileServer.start({
    "/t.csv": {
      bytes: bytes(CSV),
      instead(_request, response, count) {
        if (count > 2) return false;
        response.writeHead(count === 1 ? 429 : 503, { "retry-after": "0" }).end();
        return true;
      },
    },
  });
  const { code, loaded, text } = await run(server.url, "t.csv");
  equal(code, 0, text);
  equal(loaded, CSV);
});

Deno.test("auth and headers go to the server and not to another one, and no message holds them", async () => {
  await using other = await FileServer.start({ "/t.csv": CSV });
  const moved: ServedFile = {
    bytes: bytes(CSV),
    instead(_request, response) {
      response.writeHead(302, { location: `${other.url}/t.csv?signed=q-secret` }).end();
      return true;
    },
  };
  await using server = await FileServer.start({ "/t.csv": CSV, "/moved.csv": moved });
  const secret = ', auth: { type: bearer, token: "${env:TOKEN}" }, headers: { X-Team: "blue" }';
  const here = await run(server.url, "t.csv", secret);
  equal(here.code, 0, here.text);
  for (const { headers } of server.asked) {
    equal(headers["authorization"], "Bearer s3cr3t-token");
    equal(headers["x-team"], "blue");
  }
  const host = new URL(other.url).host;
  const there = await run(server.url, "moved.csv", `${secret}, redirect_hosts: ["${host}"]`);
  equal(there.code, 0, there.text);
  equal(there.loaded, CSV);
  ok(other.asked.length > 0);
  deepEqual(
    other.asked.flatMap(({ headers }) => [headers["authorization"], headers["x-team"]]).filter(Boolean),
    [],
  );
  const gone = await run(server.url, "no.csv?key=q-secret", secret);
  ok(!`${here.text}${there.text}${gone.text}`.includes("s3cr3t-token"));
  ok(!gone.text.replace(/path:.*/g, "").includes("q-secret"), gone.text);
});

Deno.test("nothing that answers is unavailable and named", async () => {
  const server = await FileServer.start();
  await server[Symbol.asyncDispose]();
  match(await refusal(server.url, "t.csv"), /nothing answers at 127\.0\.0\.1:\d+/);
  match(await refusal("http://127.0.0.1:1", "t.csv"), /a port that web servers are not on/);
});

Deno.test("a test of the connector asks the server, and tells what it says", async () => {
  await using server = await FileServer.start({
    "/": { bytes: bytes(""), instead: (_request, response) => (response.writeHead(401).end(), true) },
  });
  const closed = await FileServer.start();
  await closed[Symbol.asyncDispose]();
  await using project = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": `
web: { type: http, base_url: "${server.url}/exports" }
locked: { type: http, base_url: "${server.url}" }
gone: { type: http, base_url: "${closed.url}" }
`,
  });
  for (
    const [name, code, words] of [
      ["web", 0, /connect +ok +it can be reached/],
      ["locked", 1, /connect +failed +Cannot read .* answered 401/],
      ["gone", 1, /connect +failed +Cannot read .*: nothing answers at/],
    ] as const
  ) {
    const outcome = await project.sluice("connectors", ["test", name], {
      SLUICE_POLICY: `${project.projectDir}/policy.yaml`,
    });
    equal(outcome.code, code, outcome.stdout + outcome.stderr);
    match(outcome.stdout, words);
  }
});

Deno.test("two streams of one file each have a copy of their own", async () => {
  await using server = await FileServer.start({ "/t.csv": LARGE });
  await using project = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": `web: { type: http, base_url: "${server.url}" }\nfiles: { type: file }\n`,
    "pipelines/p.yaml": `
extract:
  a: { connector: web, path: t.csv, options: { filename: true } }
  b: { connector: web, path: t.csv }
load:
  a: { connector: files, path: out/a.csv }
  b: { connector: files, path: out/b.csv }
`,
  });
  const { code, stdout, stderr } = await runUnderPolicy(project);
  equal(code, 0, stdout + stderr);
  equal(await Deno.readTextFile(`${project.projectDir}/out/b.csv`), LARGE);
  const [, first = ""] = (await Deno.readTextFile(`${project.projectDir}/out/a.csv`)).split("\n");
  ok(first.endsWith(",t.csv"), first);
});

Deno.test("files go where the operator's policy lets requests go, on redirects and by names too", async () => {
  await using server = await FileServer.start({
    "/t.csv": CSV,
    "/moved.csv": {
      bytes: new Uint8Array(),
      instead: (_, response) => {
        response.writeHead(302, { location: "http://metadata.test/t.csv" }).end();
        return true;
      },
    },
  });
  const { port } = new URL(server.url);
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-http-" });
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(projectDir, { recursive: true }) };
  const read = async (
    base: string,
    path: string,
    privateHosts: readonly string[],
    ...addresses: string[]
  ) => {
    const redirect_hosts = ["metadata.test"];
    const config = v.parse(http.configSchema, { base_url: base, redirect_hosts });
    const { guardedHosts } = http.access(config, { kind: "discovery" }, { name: "web", projectDir });
    let asked = 0;
    await using way = guardedWay(
      guardedHosts,
      privateHosts,
      (name) =>
        Promise.resolve(
          name === "metadata.test"
            ? ["169.254.169.254"]
            : [addresses[Math.min(asked++, addresses.length - 1)] ?? ""],
        ),
    );
    const clock = { now: Date.now, sleep: () => Promise.resolve() };
    await using connection = await http.open(
      config,
      connectorContext(projectDir, { clock, wayOut: way.wayOut }),
    );
    return await connection.source?.scan?.(streamOf(http, { path }), never()).then(
      () => "read",
      (error) => error instanceof AppError ? `${error.code} ${error.message}` : String(error),
    ) ?? "";
  };
  const allowed = ["127.0.0.1"];
  equal(await read(server.url, "t.csv", allowed), "read");
  match(await read(server.url, "t.csv", []), /^forbidden .*127\.0\.0\.1:\d+: it is .*private_hosts_allow/);
  match(
    await read(server.url, "moved.csv", allowed),
    /^forbidden .*metadata\.test has the address 169\.254\.169\.254/,
  );
  equal(await read(`http://files.test:${port}`, "t.csv", allowed, "127.0.0.1"), "read");
  match(
    await read(`http://files.test:${port}`, "t.csv", [], "10.0.0.1"),
    /^forbidden .*files\.test has the address 10\.0\.0\.1/,
  );
  // The name means another address when the connection is made than when it was asked for.
  match(
    await read(`http://files.test:${port}`, "t.csv", allowed, "127.0.0.1", "192.168.0.1"),
    /^forbidden .*192\.168\.0\.1/,
  );
});
