import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { parseConnectors } from "../../../../engine/definitions/parse_connectors.ts";
import { parseReferences, resolveConnector } from "../../../../engine/grants/references.ts";
import {
  chainSecrets,
  defaultSecrets,
  environmentSecrets,
  folderSecrets,
} from "../../../../engine/grants/secrets.ts";
import { CONNECTOR_TYPES, ProjectFixture } from "../definitions/project_fixture.ts";

const environment = (values: Record<string, string>) => (name: string): string | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;

Deno.test("parseReferences() finds references and leaves escaped ones alone", () => {
  assert.deepEqual(parseReferences("plain $5 {x}"), [{ text: "plain $5 {x}" }]);
  assert.deepEqual(parseReferences("a-${env:HOST}:${secret:db.password}"), [
    { text: "a-" },
    { reference: { kind: "env", name: "HOST" } },
    { text: ":" },
    { reference: { kind: "secret", name: "db.password" } },
  ]);
  assert.deepEqual(
    parseReferences("$${env:HOST}").map((part) => "text" in part ? part.text : "?").join(""),
    "${env:HOST}",
  );
});

for (
  const text of [
    "${HOST}",
    "${env:}",
    "${env:A B}",
    "${secret:../etc/passwd}",
    "${vault:x}",
    "${env:OPEN",
    "${}",
  ]
) {
  Deno.test(`parseReferences() refuses ${text}`, () => {
    assert.throws(
      () => parseReferences(text),
      (error) =>
        error instanceof AppError && error.code === "invalid" && error.message.includes("is no reference"),
    );
  });
}

Deno.test("resolveConnector() replaces references at any depth and collects the secrets", async () => {
  const env = environment({ HOST: "db.local", SLUICE_SECRET_PASSWORD: "s3cr3t ${env:HOST}" });
  const { config, secrets } = await resolveConnector("shop", {
    type: "database",
    url: "postgres://u:${secret:PASSWORD}@${env:HOST}/x",
    nested: { list: ["${env:HOST}", 5, null, "$${kept}"] },
  }, { env, secrets: environmentSecrets(env) });
  assert.deepEqual(config, {
    url: "postgres://u:s3cr3t ${env:HOST}@db.local/x",
    nested: { list: ["db.local", 5, null, "${kept}"] },
  });
  assert.deepEqual(secrets, ["s3cr3t ${env:HOST}"]);
});

Deno.test("resolveConnector() names connector, key, reference and remedy where nothing answers", async () => {
  const env = environment({});
  const sources = { env, secrets: environmentSecrets(env) };
  await assert.rejects(
    resolveConnector("shop", { type: "database", auth: { password: "${secret:SHOP_PASSWORD}" } }, sources),
    (error) =>
      error instanceof AppError && error.code === "invalid" &&
      error.message === 'Cannot resolve ${secret:SHOP_PASSWORD} of connector "shop", key auth.password: ' +
          "set SLUICE_SECRET_SHOP_PASSWORD, or put it into a file SHOP_PASSWORD in the folder of SLUICE_SECRETS_DIR",
  );
  await assert.rejects(
    resolveConnector("shop", { type: "database", url: "${env:URL}" }, sources),
    /Cannot resolve \$\{env:URL\} of connector "shop", key url: set the environment variable URL/,
  );
});

Deno.test("environmentSecrets() prefers the prefixed variable", async () => {
  const secrets = environmentSecrets(environment({ A: "plain", SLUICE_SECRET_A: "prefixed", B: "only" }));
  assert.equal(await secrets.get("A"), "prefixed");
  assert.equal(await secrets.get("B"), "only");
  assert.equal(await secrets.get("C"), undefined);
});

Deno.test("folderSecrets() reads one file a secret and nothing outside its folder", async () => {
  await using folder = await ProjectFixture.create({
    "secrets/TOKEN": "abc\n",
    "secrets/TWO_LINES": "a\nb\n\n",
    "secrets/WINDOWS": "abc\r\n",
    "secrets/EMPTY": "",
    "secrets/FOLDER/x": "y",
    "outside": "no",
  });
  const secrets = folderSecrets(join(folder.dir, "secrets"));
  assert.equal(await secrets.get("TOKEN"), "abc");
  assert.equal(await secrets.get("TWO_LINES"), "a\nb\n");
  assert.equal(await secrets.get("WINDOWS"), "abc");
  assert.equal(await secrets.get("EMPTY"), "");
  for (const name of ["FOLDER", "NONE", "../outside", "FOLDER/x", ".", "..", "", "a\0b"]) {
    assert.equal(await secrets.get(name), undefined, name);
  }
  assert.equal(await folderSecrets(join(folder.dir, "nowhere")).get("TOKEN"), undefined);
});

Deno.test("chainSecrets() asks the next store where one has nothing", async () => {
  await using folder = await ProjectFixture.create({ "A": "from file", "B": "from file" });
  const secrets = chainSecrets([
    environmentSecrets(environment({ A: "from env" })),
    folderSecrets(folder.dir),
  ]);
  assert.equal(await secrets.get("A"), "from env");
  assert.equal(await secrets.get("B"), "from file");
  assert.equal(await secrets.get("C"), undefined);
});

Deno.test("defaultSecrets() reads the folders that the environment names", async () => {
  await using folder = await ProjectFixture.create({ "one/A": "1", "two/A": "2", "two/B": "2" });
  const env = environment({
    SLUICE_SECRETS_DIR: join(folder.dir, "one"),
    CREDENTIALS_DIRECTORY: join(folder.dir, "two"),
  });
  const secrets = defaultSecrets(env);
  assert.equal(await secrets.get("A"), "1");
  assert.equal(await secrets.get("B"), "2");
});

Deno.test("parseConnectors() lets a reference stand for a text but not for a number", () => {
  const { faults, connectors } = parseConnectors(
    'a: { type: database, url: "${secret:URL}" }\nb: { type: database, url: "${env:URL}", port: "${env:PORT}" }\n',
    CONNECTOR_TYPES,
  );
  assert.deepEqual(Object.keys(connectors), ["a"]);
  assert.equal(faults.length, 1);
  assert.equal(faults[0]?.line, 2);
  assert.match(faults[0]?.message ?? "", /^b\.port: expected a number but got "\$\{env:PORT\}"/);
});

Deno.test("parseConnectors() reports types, keys, formats and references with their places", () => {
  const { faults, broken } = parseConnectors(
    [
      "a: { type: databas, url: x }",
      "b: { type: database, url: nope }",
      "c: { type: database, ulr: 'http://x' }",
      "d: { type: database, url: '${URL}' }",
      "e: { url: x }",
      "f: 5",
      "'9 x': { type: folder }",
    ].join("\n"),
    CONNECTOR_TYPES,
  );
  const byLine = new Map(faults.map((fault) => [fault.line, fault.message]));
  assert.match(byLine.get(1) ?? "", /unknown connector type "databas" \(did you mean database\?\)/);
  assert.match(byLine.get(2) ?? "", /b\.url: expected a URL but got "nope"/);
  assert.match(byLine.get(3) ?? "", /c\.ulr: unknown key \(did you mean url\?\)/);
  assert.match(byLine.get(4) ?? "", /d\.url: \$\{URL\} is no reference/);
  assert.match(byLine.get(5) ?? "", /e: missing key type/);
  assert.match(byLine.get(6) ?? "", /f: expected keys with values but got 5/);
  assert.match(byLine.get(7) ?? "", /9 x: expected a letter or _/);
  assert.deepEqual([...broken].sort(), ["9 x", "a", "b", "c", "d", "e", "f"]);
});
