import { strictEqual, throws } from "node:assert/strict";
import { readRemoteSettings } from "../../../../../engine/definitions/git/settings.ts";

const read = (variables: Readonly<Record<string, string>>) => readRemoteSettings((name) => variables[name]);
const URL = "https://github.com/acme/etl.git";

Deno.test("no repository is named by default, and one is looked at every five minutes", () => {
  strictEqual(read({}), undefined);
  const settings = read({ SLUICE_GIT_URL: URL, SLUICE_GIT_FOLDER: "/etl/" });
  strictEqual(settings?.ref, "main");
  strictEqual(settings?.intervalMs, 300_000);
  strictEqual(settings?.folder, "etl");
  strictEqual(read({ SLUICE_GIT_URL: URL, SLUICE_GIT_INTERVAL: "off" })?.intervalMs, undefined);
});

Deno.test("what would send a token in the clear, or is no repository, is refused without showing it", () => {
  const refused = (variables: Readonly<Record<string, string>>, message: RegExp) =>
    throws(() => read({ SLUICE_GIT_TOKEN: "s3cret", ...variables }), (error) => {
      strictEqual(message.test(String(error)), true, String(error));
      strictEqual(String(error).includes("s3cret"), false);
      return true;
    });
  refused({ SLUICE_GIT_URL: "git@github.com:acme/etl.git" }, /https address/);
  refused({ SLUICE_GIT_URL: "https://me:s3cret@github.com/acme/etl.git" }, /credentials in it/);
  refused({ SLUICE_GIT_URL: "http://git.example.org/etl.git" }, /read along/);
  refused({ SLUICE_GIT_URL: URL, SLUICE_GIT_INTERVAL: "1s" }, /10s or more/);
  refused({ SLUICE_GIT_URL: URL, SLUICE_GIT_INTERVAL: "often" }, /10s or more/);
  refused({ SLUICE_GIT_URL: URL, SLUICE_GIT_FOLDER: "../x" }, /without \.\./);
  strictEqual(
    read({ SLUICE_GIT_URL: "http://127.0.0.1/etl.git", SLUICE_GIT_TOKEN: "s3cret" })?.token,
    "s3cret",
  );
});
