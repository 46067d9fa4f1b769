import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { commandText, shellWord } from "../../../server/cli/command_text.ts";
import { findProgram } from "../../../server/program.ts";

const commandOf = (env: Record<string, string>) =>
  findProgram("file:///opt/sluice/lib/app.mjs", (name) => env[name]).command;

Deno.test("the program is called as a person can call it again", () => {
  strictEqual(commandOf({ PATH: "/bin:/usr/local/bin", SLUICE_COMMAND: "/usr/local/bin/sluice" }), "sluice");
  strictEqual(commandOf({ PATH: "/bin", SLUICE_COMMAND: "/opt/sluice-2" }), "/opt/sluice-2");
  strictEqual(commandOf({ PATH: "/bin", SLUICE_COMMAND: "./dist/sluice" }), join(Deno.cwd(), "dist/sluice"));
  strictEqual(commandOf({}), "sluice");
  strictEqual(findProgram("file:///src/sluice/server/main.ts", () => undefined).command, "deno task sluice");
});

Deno.test("commandText() adds the folders and the policy that were named on the command line", () => {
  const program = findProgram("file:///opt/lib/app.mjs", () => undefined);
  const given: Record<string, string[]> = { project: ["/srv/it's"], policy: ["policy.yaml"] };
  const invocation = { list: (option: string) => given[option] ?? [] };
  strictEqual(commandText("check", { program }), "sluice check");
  strictEqual(
    commandText("run orders", { program }, invocation),
    "sluice run orders --project '/srv/it'\\''s' --policy policy.yaml",
  );
});

Deno.test("shellWord() leaves plain words as they are and quotes every other", () => {
  deepStrictEqual(["a/b-c.d", "a b", "$x", "", "a'b"].map(shellWord), [
    "a/b-c.d",
    "'a b'",
    "'$x'",
    "''",
    "'a'\\''b'",
  ]);
});

Deno.test("runs trust the authorities that the environment names, wherever their working folder is", () => {
  const trust = (env: Record<string, string>) =>
    findProgram("file:///src/sluice/server/main.ts", (name) => env[name]).runProcess.trust;
  deepStrictEqual(trust({}), {});
  deepStrictEqual(trust({ DENO_CERT: "ca.pem", DENO_TLS_CA_STORE: "system" }), {
    DENO_CERT: `${Deno.cwd()}/ca.pem`,
    DENO_TLS_CA_STORE: "system",
  });
});
