import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { parseConnectors } from "../../../../engine/definitions/parse_connectors.ts";
import { commandWords } from "../../../../engine/secrets/command/command_words.ts";
import {
  hasReference,
  parseReferences,
  referencesIn,
  referenceText,
} from "../../../../engine/secrets/references.ts";
import { checkReferences } from "../../../../engine/secrets/check_references.ts";
import { PLACEHOLDER_DOCUMENT, type SecretStore } from "../../../../engine/secrets/secret_store.ts";
import { resolveConnector } from "../../../../engine/secrets/resolve.ts";
import {
  chainSecrets,
  defaultSecrets,
  environmentSecrets,
  folderSecrets,
  namedPlaces,
} from "../../../../engine/secrets/named_secrets.ts";
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
    "${vault:x#}",
    "${vault:#field}",
    "${vault:/secret/shop#a}",
    "${vault:secret//shop#a}",
    "${vault:secret/../sys#a}",
    "${vault:secret/%2e%2e/sys#a}",
    "${vault:secret/shop?version=0#a}",
    "${vault:secret/shop?versoin=1#a}",
    "${vault:secret/sh\nop#a}",
    "${aws-sm:}",
    "${aws-sm:shop db}",
    "${aws-sm:shop#}",
    "${aws-sm:shop?version=1&stage=AWSPREVIOUS}",
    "${aws-ssm:/shop/pass word}",
    "${cmd:}",
    "${cmd:pass show shop}",
    "${cmd:/usr/bin/pass 'show}",
    "${vualt:secret/shop#a}",
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

const referenceOf = (text: string) => referencesIn(text)[0];

Deno.test("parseReferences() reads paths, fields, versions and commands", () => {
  assert.deepEqual(referenceOf("${vault:secret/shop/db#password}"), {
    kind: "vault",
    name: "secret/shop/db",
    field: "password",
  });
  assert.deepEqual(referenceOf("${vault:kv/a b/ü@x?version=3#user#name}"), {
    kind: "vault",
    name: "kv/a b/ü@x",
    field: "user#name",
    version: "3",
  });
  assert.deepEqual(referenceOf("${aws-sm:prod/shop?stage=AWSPREVIOUS#url}"), {
    kind: "aws-sm",
    name: "prod/shop",
    field: "url",
    stage: "AWSPREVIOUS",
  });
  const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf";
  assert.deepEqual(referenceOf(`\${aws-sm:${arn}}`), { kind: "aws-sm", name: arn });
  assert.deepEqual(referenceOf("${aws-ssm:/shop/password:3}"), { kind: "aws-ssm", name: "/shop/password:3" });
  assert.deepEqual(referenceOf("${cmd:/usr/bin/pass show 'shop db'}"), {
    kind: "cmd",
    name: "/usr/bin/pass show 'shop db'",
  });
});

Deno.test("referenceText() writes a reference as it was read", () => {
  for (
    const text of [
      "${env:HOST}",
      "${vault:secret/shop?version=3#password}",
      "${aws-sm:shop?stage=AWSPREVIOUS#url}",
      "${aws-ssm:/shop/password:3}",
      "${cmd:/usr/bin/pass show shop}",
    ]
  ) {
    const reference = referenceOf(text);
    assert.equal(reference === undefined ? "" : referenceText(reference), text);
    assert.equal(hasReference(text), true);
    assert.equal(hasReference(`$${text}`), false);
  }
});

Deno.test("parseReferences() guesses which kind was meant, and names them all", () => {
  assert.throws(
    () => parseReferences("${vualt:secret/shop#a}"),
    /no kind "vualt" \(did you mean vault\?\).*aws-ssm/,
  );
});

Deno.test("commandWords() splits at spaces, and knows quotes and nothing else", () => {
  assert.deepEqual(commandWords(`/bin/x  -a "b c" d'e f'g "" $HOME \\n`), [
    "/bin/x",
    "-a",
    "b c",
    "de fg",
    "",
    "$HOME",
    "\\n",
  ]);
  assert.equal(commandWords(`/bin/x "a`), undefined);
});

Deno.test("resolveConnector() takes all fields of a secret from one reading of it", async () => {
  let readings = 0;
  const vault: SecretStore = {
    get: (name) => {
      readings++;
      return Promise.resolve(
        name === "database/creds/shop"
          ? { fields: { username: `u${readings}`, password: `p${readings}` } }
          : undefined,
      );
    },
  };
  const sources = { env: environment({}), secrets: environmentSecrets(environment({})), stores: { vault } };
  const definition = {
    type: "database",
    user: "${vault:database/creds/shop#username}",
    password: "${vault:database/creds/shop#password}",
  };
  const { config, secrets, references } = await resolveConnector("shop", definition, sources);
  assert.deepEqual(config, { user: "u1", password: "p1" });
  assert.deepEqual(secrets.sort(), ["p1", "u1"]);
  assert.deepEqual(references.map(referenceText), [definition.user, definition.password]);
  await assert.rejects(
    resolveConnector("shop", { type: "database", user: "${vault:database/creds/shop#nope}" }, sources),
    /Cannot resolve \$\{vault:database\/creds\/shop#nope\} .* key user: it has no field "nope", but username, password/,
  );
  await assert.rejects(
    resolveConnector("shop", { type: "database", user: "${vault:kv/none#a}" }, sources),
    /key user: there is no secret at this path/,
  );
  await assert.rejects(
    resolveConnector("shop", { type: "database", user: "${aws-ssm:/none}" }, sources),
    /there is no store of the kind aws-ssm here/,
  );
});

Deno.test("a field of a secret in JSON keeps a number as it is written", async () => {
  const sm: SecretStore = {
    get: () => Promise.resolve('{"password":"p","id":12345678901234567890,"deep":{"n":1.10},"none":null}'),
  };
  const sources = {
    env: environment({}),
    secrets: environmentSecrets(environment({})),
    stores: { "aws-sm": sm },
  };
  const { config } = await resolveConnector("shop", {
    type: "x",
    a: "${aws-sm:shop#password}",
    b: "${aws-sm:shop#id}",
    c: "${aws-sm:shop#deep}",
  }, sources);
  assert.deepEqual(config, { a: "p", b: "12345678901234567890", c: '{"n":1.10}' });
});

Deno.test("no project gets what the server itself signs in with", async () => {
  const env = environment({
    SLUICE_TOKEN: "server-token",
    VAULT_TOKEN: "vault-token",
    OPENLINEAGE_API_KEY: "k",
    SHOP: "fine",
  });
  const sources = { env, secrets: environmentSecrets(env) };
  for (const name of ["SLUICE_TOKEN", "VAULT_TOKEN", "OPENLINEAGE_API_KEY"]) {
    for (const kind of ["env", "secret"]) {
      await assert.rejects(
        resolveConnector("shop", { type: "x", url: `\${${kind}:${name}}` }, sources),
        /it is the server's own, and no project gets it/,
      );
    }
  }
  assert.deepEqual((await resolveConnector("shop", { type: "x", url: "${env:SHOP}" }, sources)).config, {
    url: "fine",
  });
});

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
          "set it by `sluice secrets set SHOP_PASSWORD`, put it into a file SHOP_PASSWORD in the folder of " +
          "SLUICE_SECRETS_DIR, or set SLUICE_SECRET_SHOP_PASSWORD",
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

Deno.test("defaultSecrets() asks the control store, then the folders that the environment names, then the environment", async () => {
  await using folder = await ProjectFixture.create({ "one/A": "1", "two/A": "2", "two/B": "2" });
  const env = environment({
    SLUICE_SECRETS_DIR: join(folder.dir, "one"),
    CREDENTIALS_DIRECTORY: join(folder.dir, "two"),
    SLUICE_SECRET_B: "environment",
    C: "environment",
  });
  const stored = {
    get: (name: string) => Promise.resolve(name === "S" || name === "A" ? "stored" : undefined),
  };
  for (
    const [name, plain, withStore] of [["A", "1", "stored"], ["B", "2", "2"], [
      "C",
      "environment",
      "environment",
    ]]
  ) {
    assert.equal(await defaultSecrets(env).get(name ?? ""), plain);
    assert.equal(await defaultSecrets(env, stored).get(name ?? ""), withStore);
  }
});

Deno.test("checkReferences() says where each reference's value comes from, and never the value", async () => {
  await using folder = await ProjectFixture.create({ "secrets/IN_FILE": "file-value" });
  const env = environment({
    SLUICE_SECRETS_DIR: join(folder.dir, "secrets"),
    SLUICE_SECRET_IN_ENV: "env-value",
  });
  const stored = { get: (name: string) => Promise.resolve(name === "STORED" ? "stored-value" : undefined) };
  const vault: SecretStore = {
    get: (path) => {
      if (path === "secret/shop") return Promise.resolve({ fields: { password: "vault-value" } });
      if (path === "database/creds/ro") return Promise.resolve(PLACEHOLDER_DOCUMENT);
      return Promise.reject(new AppError("forbidden", "permission denied"));
    },
  };
  const sources = { env, secrets: defaultSecrets(env, stored), stores: { vault } };
  const definition = {
    type: "x",
    a: "${secret:STORED} ${secret:IN_FILE}",
    b: { c: ["${secret:IN_ENV}"] },
    d: "${vault:secret/shop#password}",
    e: "${vault:database/creds/ro#username}",
    f: "${vault:other#x}",
    g: "${secret:NOWHERE}",
  };
  const checks = await checkReferences(
    [{ kind: "connector", name: "shop", definition }],
    sources,
    namedPlaces(env, stored),
  );
  assert.deepEqual(checks.map(({ key, reference, state, from }) => [key, reference, state, from]), [
    ["a", "${secret:STORED}", "ok", "the control store"],
    ["a", "${secret:IN_FILE}", "ok", join(folder.dir, "secrets")],
    ["b.c.0", "${secret:IN_ENV}", "ok", "the environment"],
    ["d", "${vault:secret/shop#password}", "ok", "Vault"],
    ["e", "${vault:database/creds/ro#username}", "leased", "Vault"],
    ["f", "${vault:other#x}", "failed", null],
    ["g", "${secret:NOWHERE}", "failed", null],
  ]);
  assert.match(checks[5]?.message ?? "", /permission denied/);
  assert.equal(/-value/.test(JSON.stringify(checks)), false);
});

Deno.test("no project gets the server's own key out of a folder with secrets", async () => {
  await using folder = await ProjectFixture.create({
    "secrets/sluice-key": "root key",
    "secrets/approle": "secret id",
    "secrets/fine": "fine",
  });
  const env = environment({
    CREDENTIALS_DIRECTORY: join(folder.dir, "secrets"),
    SLUICE_VAULT_SECRET_ID_FILE: join(folder.dir, "secrets/../secrets/approle"),
  });
  const secrets = defaultSecrets(env);
  assert.equal(await secrets.get("sluice-key"), undefined);
  assert.equal(await secrets.get("approle"), undefined);
  assert.equal(await secrets.get("fine"), "fine");
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
