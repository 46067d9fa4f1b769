import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as v from "valibot";
import { http } from "../../../connectors/http/connector.ts";
import { failureOf, readEndpoint } from "../../support/api_bench.ts";
import { connectorContext, never } from "../../support/connections.ts";
import { guardedWay } from "../../support/guarded_way.ts";

const folder = await Deno.makeTempDir({ prefix: "sluice-mtls-" });
/** Vouches for itself, and for nobody else: an authority's certificate would be refused as a server's. */
async function makeCertificate(
  folder: string,
  name: string,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const extensions = [`subjectAltName=DNS:${name}`, "basicConstraints=critical,CA:FALSE"];
  const kind = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-keyout",
    key,
    "-out",
    certificate,
  ];
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-noenc", "-days", "30", "-subj", `/CN=${name}`],
      ...extensions.flatMap((extension) => ["-addext", extension]),
      ...kind,
    ],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return { certificate, key };
}

const server = await makeCertificate(folder, "localhost");
const client = await makeCertificate(folder, "client");
const stranger = await makeCertificate(folder, "stranger");
const api = createServer({
  cert: await Deno.readTextFile(server.certificate),
  key: await Deno.readTextFile(server.key),
  ca: await Deno.readTextFile(client.certificate),
  requestCert: true,
  rejectUnauthorized: true,
}, (_request, response) => response.end('[{"id":1}]'));
api.listen(0, "127.0.0.1");
await once(api, "listening");
// A server that listens on a port has such an address.
const url = `https://localhost:${(api.address() as AddressInfo).port}`;
Deno.test.afterAll(async () => {
  api.closeAllConnections();
  api.close();
  await Deno.remove(folder, { recursive: true });
});

const configOf = (files?: { readonly certificate: string; readonly key: string }) => ({
  ca: server.certificate,
  ...(files === undefined ? {} : { cert: files.certificate, key: files.key }),
});
const read = (files?: { readonly certificate: string; readonly key: string }) =>
  readEndpoint(url, "items", {
    config: configOf(files),
    privateHosts: ["localhost"],
    resolve: () => Promise.resolve(["127.0.0.1"]),
  });

Deno.test("a server that wants a client's certificate gets it, and lets nobody else in", async () => {
  deepEqual((await read(client)).map(({ id }) => String(id)), ["1"]);
  for (const other of [undefined, stranger]) {
    const { code, message } = await failureOf(read(other));
    // The server may close the connection before its alert is read.
    ok(code === "unauthorized" || code === "unavailable", message);
    match(message, /check cert and key|the connection to localhost:\d+ failed/);
  }
});

Deno.test("files of such a server are read with it too", async () => {
  const config = v.parse(http.configSchema, { base_url: url, ...configOf(client) });
  await using way = guardedWay([new URL(url).host], ["localhost"], () => Promise.resolve(["127.0.0.1"]));
  await using connection = await http.open(config, connectorContext(folder, { wayOut: way.wayOut }));
  await connection.reach?.(never());
});

Deno.test("cert and key come together, and are the config's own files", () => {
  const { issues } = v.safeParse(http.configSchema, { base_url: url, cert: "a.pem" });
  match(issues?.[0].message ?? "", /cert is of no use without key/);
  const config = v.parse(http.configSchema, { base_url: url, ca: "c.pem", cert: "a.pem", key: "/k.pem" });
  const access = http.access(config, { kind: "discovery" } as never, { name: "api", projectDir: "/p" });
  deepEqual(access.config, ["/p/c.pem", "/p/a.pem", "/k.pem"]);
});

Deno.test("a file that is no certificate is named", async () => {
  const odd = join(folder, "odd.pem");
  await Deno.writeTextFile(odd, "not a certificate");
  const { code, message } = await failureOf(read({ certificate: odd, key: client.key }));
  equal(code, "invalid");
  match(message, /PEM files of ca, cert and key/);
});
