import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { generateKeyText } from "../../../engine/keys/root_key.ts";
import { PATIENCE_MS, Served } from "../../support/served_project.ts";
import { TOKEN, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "orders.csv": "id\n1\n",
  "connectors.yaml": 'files: { type: file }\nlite: { type: sqlite, path: "${secret:LITE_FILE}" }\n',
  "pipelines/quick.yaml":
    "extract:\n  orders: { connector: files, path: orders.csv }\nload:\n  orders: { connector: lite, table: orders }\n",
};

interface Keys {
  readonly key: { readonly id: string } | null;
  readonly data_keys: readonly { readonly id: string; readonly seals: Readonly<Record<string, number>> }[];
  readonly problem: string | null;
}

/** The status and body of a request with the admin's token. */
async function ask(
  { server }: Served,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

/** The files below a folder that hold one of the texts as it is, in Base64 or in hexadecimal. */
async function filesWith(folder: string, texts: readonly string[]): Promise<string[]> {
  const forms = texts.flatMap((text) => {
    const bytes = new TextEncoder().encode(text);
    return [text, bytes.toBase64({ omitPadding: true }), bytes.toHex()];
  });
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) found.push(...await filesWith(path, texts));
    else if (entry.isFile) {
      const content = new TextDecoder("latin1").decode(await Deno.readFile(path));
      if (forms.some((form) => content.includes(form))) found.push(entry.name);
    }
  }
  return found;
}

Deno.test("a secret of the control store: set, used, replaced, sealed anew and kept from everybody", async () => {
  await using before = await TestProject.create(FILES);
  const [first, second] = ["out/canary-first-4711.sqlite", "out/canary-second-4711.sqlite"];
  const oldKey = generateKeyText();
  const newKey = generateKeyText();
  const place = { old: join(before.folder, "old.key"), next: join(before.folder, "new.key") };
  await Deno.writeTextFile(place.old, oldKey, { mode: 0o600 });
  await Deno.writeTextFile(place.next, newKey, { mode: 0o600 });
  const environment = { SLUICE_KEY_FILE: place.old };

  await using served = await Served.start(FILES, environment);
  const { project } = served;
  strictEqual(
    (await ask(served, "POST", "/api/pipelines/quick/runs", {})).status,
    400,
    "it has no secret yet",
  );

  // By the API: what waited for it can run without a restart.
  strictEqual((await ask(served, "PUT", "/api/secrets/LITE_FILE", { value: first })).status, 200);
  const isRight = async () => {
    const { faults } = (await ask(served, "GET", "/api/pipelines/quick")).body;
    return Array.isArray(faults) && faults.length === 0 ? true : undefined;
  };
  ok(await waitFor(isRight, PATIENCE_MS));
  await served.succeed("quick");
  ok((await Deno.stat(join(project.projectDir, first))).isFile);

  // By the command line, beside the server.
  await Deno.writeTextFile(join(before.folder, "value"), `${second}\n`);
  const set = await project.sluice("secrets", ["set", "LITE_FILE", "--file", join(before.folder, "value")]);
  deepStrictEqual([set.code, set.stdout, set.stderr], [0, "Set the secret LITE_FILE\n", ""]);
  await served.succeed("quick");
  ok((await Deno.stat(join(project.projectDir, second))).isFile);

  const listed = await ask(served, "GET", "/api/secrets");
  deepStrictEqual(
    Object.values(listed.body).map((one) =>
      Object.entries(one as object).filter(([key]) => /name|by$/.test(key))
    ),
    [[["name", "LITE_FILE"], ["created_by", "SLUICE_TOKEN"], ["changed_by", "local commands"], [
      "used_by",
      ["connector lite"],
    ]]],
  );
  const refused = await ask(served, "DELETE", "/api/secrets/LITE_FILE");
  deepStrictEqual([refused.status, refused.body["detail"]?.toString().includes("connector lite")], [
    409,
    true,
  ]);
  for (const value of ["", "x".repeat(65_537), "half \ud800"]) {
    const { status, body } = await ask(served, "PUT", "/api/secrets/OTHER", { value });
    ok(status === 400 && !JSON.stringify(body).includes("xxxxxxx"), JSON.stringify(body).slice(0, 200));
  }
  strictEqual((await ask(served, "PUT", "/api/secrets/..%2Fx", { value: "x" })).status, 400);

  // A new data key while the server works; another root key by a command on this machine alone.
  const rotated = await ask(served, "POST", "/api/keys/rotate", {});
  // The secret, two connectors, and those of the revision.
  deepStrictEqual([rotated.status, rotated.body["resealed"], rotated.body["unreadable"]], [200, 4, []]);
  const far = await ask(served, "POST", "/api/keys/rotate", { new_key_file: place.next });
  deepStrictEqual([far.status, far.body["code"]], [403, "forbidden"]);
  const near = await project.sluice("keys", ["rotate", "--new-key-file", place.next]);
  strictEqual(near.code, 0, near.stderr);
  match(near.stdout, /wraps 2 data keys now\. Before the next start: SLUICE_KEY_FILE=/);
  await served.succeed("quick");

  // The old key opens nothing any more: the server starts all the same, and says which key is wanted.
  await served.restart();
  const keys = (await ask(served, "GET", "/api/keys")).body as unknown as Keys;
  match(
    keys.problem ?? "",
    /^The key [0-9a-f]{16} is wanted and not here: SLUICE_KEY_FILE \(.*old\.key\) is the key/,
  );
  const failed = await served.runToEnd("quick");
  match(
    failed.error?.message ?? "",
    /Cannot open (?:secret\/LITE_FILE|revision\/[0-9a-f]+): The key [0-9a-f]{16} is wanted and not here/,
  );
  strictEqual((await ask(served, "PUT", "/api/secrets/OTHER", { value: "x" })).status, 503);
  environment.SLUICE_KEY_FILE = place.next;
  await served.restart();
  await served.succeed("quick");
  strictEqual(((await ask(served, "GET", "/api/keys")).body as unknown as Keys).problem, null);

  // No byte of the data folder or of a backup tells a value or a key.
  const canaries = [first, second, "canary-first", "canary-second", oldKey, newKey];
  deepStrictEqual(await filesWith(project.dataDir, canaries), []);
  const archive = join(before.folder, "backup");
  strictEqual((await project.sluice("backup", [archive])).code, 0);
  const { code, stderr } = await before.sluice("restore", [archive]);
  strictEqual(code, 0, stderr);
  deepStrictEqual(await filesWith(before.dataDir, canaries), []);
  const audited = JSON.stringify((await ask(served, "GET", "/api/keys")).body);
  ok(!canaries.some((canary) => audited.includes(canary)));
});
