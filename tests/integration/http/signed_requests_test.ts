import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHash, createHmac, createVerify, generateKeyPairSync } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import * as v from "valibot";
import { http } from "../../../connectors/http/connector.ts";
import { RequestSigner } from "../../../connectors/http/sign.ts";
import { failureOf, LocalServer, readEndpoint } from "../../support/api_bench.ts";
import { linesOf, LOOPBACK_POLICY } from "../../support/api_project.ts";
import { connectorContext } from "../../support/connections.ts";
import { findSandbox } from "../../support/script_sandbox.ts";
import { type Outcome, TestProject } from "../../support/test_project.ts";

/** Requests that a script of the project signs: the server accepts each signature once. */

const KEY = "k3y-of-the-shop";
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });

interface Taken {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Uint8Array, text: string) => createHmac("sha256", key).update(text);

/** What is wrong with the signature of a request, by the first part of its path; undefined where it is right. */
const VERIFY: Readonly<Record<string, (taken: Taken) => string | undefined>> = {
  hmac: ({ method, url, headers, body }) => {
    const told = [method, `${url.pathname}${url.search}`, String(headers["x-at"]), sha256(body)].join("\n");
    return headers["x-signature"] === hmac(KEY, told).digest("base64")
      ? undefined
      : "X-Signature does not fit";
  },
  // As Signature Version 4 of Amazon's does.
  aws: ({ method, url, headers, body }) => {
    const at = String(headers["x-amz-date"]);
    const query = [...url.searchParams].sort().map((pair) => pair.map(encodeURIComponent).join("=")).join(
      "&",
    );
    const canonical = [
      ...[method, url.pathname, query, `host:${headers.host}`, `x-amz-date:${at}`, "", "host;x-amz-date"],
      sha256(body),
    ].join("\n");
    const scope = `${at.slice(0, 8)}/eu-west-1/execute-api/aws4_request`;
    let key: string | Uint8Array = `AWS4${KEY}`;
    for (const part of scope.split("/")) key = hmac(key, part).digest();
    const signature = hmac(key, ["AWS4-HMAC-SHA256", at, scope, sha256(canonical)].join("\n")).digest("hex");
    const expected =
      `AWS4-HMAC-SHA256 Credential=AKID/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`;
    return headers.authorization === expected ? undefined : "the signature does not match";
  },
  // In the query, by RSA.
  rsa: ({ url }) => {
    const signature = url.searchParams.get("signature") ?? "";
    url.searchParams.delete("signature");
    const verify = createVerify("sha256").update(`${url.pathname}${url.search}`);
    return verify.verify(RSA.publicKey, signature, "base64url") ? undefined : "signature does not fit";
  },
};

const SIGN_HMAC = `
import type { SignContext, Signature, SignRequest } from "sluice";
import { hex } from "./lib/hex.ts";

let count = 0;

export default async function (request: SignRequest, ctx: SignContext): Promise<Signature> {
  const bytes = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", bytes.encode(ctx.secret("SHOP_KEY")), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const at = \`\${request.now.toISOString()}/\${++count}\`;
  const digest = hex(await crypto.subtle.digest("SHA-256", request.body));
  const told = [request.method, request.url.pathname + request.url.search, at, digest].join("\\n");
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(told)));
  ctx.log.info(\`signed \${request.method}\`);
  return { headers: { "x-at": at, "x-signature": signature.toBase64() } };
}
`;
const HEX = "export const hex = (bytes: ArrayBuffer): string => new Uint8Array(bytes).toHex();\n";
const SIGN_AWS = `
import { createHash, createHmac } from "node:crypto";
const hmac = (key, text) => createHmac("sha256", key).update(text);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
export default ({ method, url, headers, body, now }, ctx) => {
  const at = now.toISOString().replace(/[-:]|\\.\\d+/g, "");
  const query = [...url.searchParams].sort().map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  const canonical = [method, url.pathname, query, "host:" + headers.get("host"), "x-amz-date:" + at, "", "host;x-amz-date", sha256(body)].join("\\n");
  const scope = at.slice(0, 8) + "/eu-west-1/execute-api/aws4_request";
  let key = "AWS4" + ctx.secret("SHOP_KEY");
  for (const part of scope.split("/")) key = hmac(key, part).digest();
  const signature = hmac(key, ["AWS4-HMAC-SHA256", at, scope, sha256(canonical)].join("\\n")).digest("hex");
  return { headers: {
    "x-amz-date": at,
    authorization: \`AWS4-HMAC-SHA256 Credential=AKID/\${scope}, SignedHeaders=host;x-amz-date, Signature=\${signature}\`,
  } };
};
`;
const SIGN_RSA = `
export default async function ({ url }, ctx) {
  const der = Uint8Array.fromBase64(ctx.secret("RSA_KEY"));
  const key = await crypto.subtle.importKey("pkcs8", der, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["sign"]);
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, new TextEncoder().encode(url.pathname + url.search));
  return { params: { signature: new Uint8Array(signature).toBase64({ alphabet: "base64url", omitPadding: true }) } };
}
`;

/** A file, as its server gives a part of it. */
function sendPart({ headers }: IncomingMessage, response: ServerResponse, text: string): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  const part = text.slice(Number(first), Number(last) + 1);
  const range = `bytes ${first}-${Number(first) + part.length - 1}/${text.length}`;
  response.writeHead(206, { "content-range": range, etag: '"1"', "content-length": part.length }).end(part);
}

const ENV = {
  SLUICE_SECRET_SHOP_KEY: KEY,
  SLUICE_SECRET_RSA_KEY: RSA.privateKey.export({ type: "pkcs8", format: "der" }).toBase64(),
};

Deno.test("a script signs each page, retry, row and check; one process for all requests of a connector", async () => {
  const taken: Taken[] = [];
  const seen = new Set<string>();
  const refused: string[] = [];
  let failures = 0;
  await using api = await LocalServer.http((request, response) => {
    let body = "";
    request.on("data", (piece) => body += piece);
    request.on("end", () => {
      const { method = "", headers } = request;
      const url = new URL(request.url ?? "/", `http://${headers.host}`);
      const one = { method, url: new URL(url), headers, body };
      taken.push(one);
      const [, scheme = ""] = url.pathname.split("/");
      const fault = VERIFY[scheme]?.(one);
      if (fault !== undefined) {
        refused.push(`${method} ${url.pathname}: ${fault}`);
        return response.writeHead(401).end(JSON.stringify({ message: fault }));
      }
      const signature = String(headers["x-signature"]);
      if (scheme === "hmac" && seen.has(signature)) return response.writeHead(401).end("it comes twice");
      seen.add(signature);
      if (url.pathname.endsWith(".csv")) return sendPart(request, response, "id\n1\n2\n");
      const page = Number(url.searchParams.get("page") ?? 1);
      if (page === 2 && scheme === "hmac" && failures++ === 0) return response.writeHead(503).end();
      const rows = page < 3 ? [{ id: page, name: "a b" }] : [];
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(rows));
    });
  });
  const stream = (connector: string) =>
    `  ${connector}: { connector: ${connector}, endpoint: { path: "orders/a%20b", params: { q: "x y&z=ü" }, paginator: { type: page_number, base_page: 1 } } }\n`;
  await using project = await TestProject.create({
    "policy.yaml": LOOPBACK_POLICY,
    "connectors.yaml": `
hmac: { type: http, base_url: "${api.url}/hmac", auth: { type: script, script: scripts/sign.ts, secrets: [SHOP_KEY] } }
aws: { type: http, base_url: "${api.url}/aws", auth: { type: script, script: scripts/aws.js, secrets: [SHOP_KEY], memory: 64MB, timeout: 30s } }
rsa: { type: http, base_url: "${api.url}/rsa", auth: { type: script, script: scripts/rsa.ts, secrets: [RSA_KEY] } }
files: { type: file }
`,
    "scripts/sign.ts": SIGN_HMAC,
    "scripts/lib/hex.ts": HEX,
    "scripts/aws.js": SIGN_AWS,
    "scripts/rsa.ts": SIGN_RSA,
    "pipelines/p.yaml":
      `extract:\n${
        ["hmac", "aws", "rsa"].map(stream).join("")
      }  file: { connector: aws, path: exports/t.csv }\nload:\n` +
      "  hmac: { connector: hmac, endpoint: { path: sink, method: POST, batch: 1 }, mode: append }\n" +
      "  aws: { connector: files, path: out/aws.csv }\n  rsa: { connector: files, path: out/rsa.csv }\n  file: { connector: files, path: out/file.csv }\n",
  });
  const sluice = (command: string, ...args: string[]): Promise<Outcome> =>
    project.sluice(command, args, { ...ENV, SLUICE_POLICY: `${project.projectDir}/policy.yaml` });
  const ran = await sluice("run", "p");
  equal(ran.code, 0, `${ran.stdout}${ran.stderr}${refused.join("\n")}`);
  deepEqual(refused, []);
  deepEqual(await linesOf(project, "aws"), ["id,name", "1,a b", "2,a b"]);
  deepEqual(await linesOf(project, "rsa"), ["id,name", "1,a b", "2,a b"]);
  deepEqual(await linesOf(project, "file"), ["id", "1", "2"]);
  const posted = taken.filter(({ method }) => method === "POST");
  deepEqual(posted.map(({ body }) => body), [`[{"id":1,"name":"a b"}]`, `[{"id":2,"name":"a b"}]`]);
  // The check before the run has asked for the first page, in a process of its own.
  const counts = taken.filter(({ url }) => url.pathname.startsWith("/hmac")).map(({ headers }) =>
    Number(String(headers["x-at"]).split("/")[1])
  );
  deepEqual(counts, [1, 1, 2, 3, 4, 5, 6]);
  ok(!`${ran.stdout}${ran.stderr}`.includes(KEY));

  taken.length = 0;
  const tested = await sluice("connectors", "test", "aws");
  equal(tested.code, 0, `${tested.stdout}${tested.stderr}`);
  deepEqual(taken.map(({ url }) => url.pathname), ["/aws/"]);

  await project.write({ "scripts/rsa.ts": "export const sign = 1;\n" });
  const wrong = await sluice("check");
  match(
    `${wrong.stdout}${wrong.stderr}`,
    /scripts\/rsa\.ts:1:1: it has no default export: a script that signs/,
  );
  await project.write({
    "connectors.yaml":
      `rsa: { type: http, base_url: "${api.url}", auth: { type: script, script: scripts/rso.ts } }\n`,
  });
  const missing = await sluice("check");
  match(
    `${missing.stdout}${missing.stderr}`,
    /connectors\.yaml:1:\d+: there is no file scripts\/rso\.ts \(did you mean scripts\/rsa\.ts\?\)\n[^]*: 8 errors/,
  );
});

/** By the function's body: what it fails with, and the sandbox goes on. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "throw new Error('no key')": /^scripts\/sign\.js: Error: no key$/,
  "return undefined": /its function is to return \{ headers \}/,
  "return { header: {} }": /it returned header: a signature has headers, params or url/,
  "return { headers: { a: {} } }": /the headers that it returned: a is to be a text/,
  "return { headers: { host: 'evil.example' } }": /returned a header "host" that cannot be sent/,
  "return { headers: { range: 'bytes=0-1' } }": /returned a header "range" that cannot be sent/,
  "return { headers: { a: 'b\\nc: d' } }": /returned a header "a" that cannot be sent/,
  "return { headers: { a: '\\u0394' } }": /returned a header "a" that cannot be sent/,
  "return { headers: { 'a b': 'c' } }": /returned a header "a b" that cannot be sent/,
  "return { url: 'http://169.254.169.254/latest' }":
    /returned another address than .*; it may change the query alone/,
  "const { url } = request; url.port = '1'; return { url }": /it may change the query alone/,
  "const { url } = request; url.protocol = 'https:'; return { url }": /it may change the query alone/,
  "const { url } = request; url.pathname = '/admin'; return { url }": /it may change the query alone/,
  "const { url } = request; url.username = 'me'; return { url }": /it may change the query alone/,
  "return { url: 'no address' }": /it may change the query alone/,
  "ctx.secret('OTHER')": /ctx\.secret: "OTHER" is not among the secrets/,
  "return { params: { a: ['1', { b: 1 }] } }": /the params that it returned: a is to be a text/,
};

/** By the function's body: what the read fails with whose requests it signs. */
const FATAL: Readonly<Record<string, RegExp>> = {
  "Deno.exit(0)": /^scripts\/sign\.js ended its process with exit code 0 before it had signed the request$/,
  "for (;;);": /^scripts\/sign\.js has not signed a request after 1 s and was killed: raise its timeout$/,
  "await new Promise(() => {})": /^scripts\/sign\.js has not signed a request after 1 s/,
  "await fetch(request.url)": /^scripts\/sign\.js broke off: its process sent a frame of an unknown kind/,
  "}; throw new Error('cannot load'); () => {": /^scripts\/sign\.js: Error: cannot load$/,
};

Deno.test("a script that cannot sign, or wants more than to sign, fails the request with what it did", async () => {
  const sandbox = await findSandbox();
  const auth = { type: "script", script: "scripts/sign.js", memory: "64MB", timeout: "1s" };
  const config = v.parse(http.configSchema, { base_url: "http://api.test", auth });
  ok(config.auth?.type === "script");
  const bodies = Object.keys(REFUSED).map((code) => `async (request, ctx) => { ${code} }`);
  const code =
    `const all = [${bodies}];\nexport default (request, ctx) => all[request.text]?.(request, ctx) ?? {};`;
  await using signer = new RequestSigner(
    config.auth,
    connectorContext("/nowhere", { sandbox, script: () => code }),
  );
  const sign = (body: string) =>
    signer.sign({
      method: "POST",
      url: new URL("http://api.test/a?b=%20#c"),
      headers: new Headers({ a: "1" }),
      body,
    });
  for (const [at, expected] of Object.values(REFUSED).entries()) {
    match((await failureOf(sign(String(at)))).message, expected);
  }
  const signed = await sign("none");
  deepEqual([signed.url.href, [...signed.headers]], ["http://api.test/a?b=%20", [["a", "1"]]]);

  let requests = 0;
  await using api = await LocalServer.http((_, response) => {
    requests++;
    response.writeHead(200, { "content-type": "application/json" }).end("[]");
  });
  await Promise.all(
    Object.entries(FATAL).map(async ([code, expected]) => {
      const waits: number[] = [];
      const context = { sandbox, script: () => `export default async (request, ctx) => {\n${code}\n};` };
      const reading = readEndpoint(api.url, { path: "orders" }, { waits, config: { auth }, context });
      match((await failureOf(reading)).message, expected);
      deepEqual(waits, [], `${code} is tried again`);
    }),
  );
  equal(requests, 0);
});
