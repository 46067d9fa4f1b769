import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { createCommandStore } from "../../../../engine/secrets/command/command_store.ts";

const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    return `gave ${await work}`;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${error.code} ${error.message}`;
  }
};

async function withScript(
  text: string,
  work: (path: string, store: ReturnType<typeof createCommandStore>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "read-secret");
    await Deno.writeTextFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    await work(
      path,
      createCommandStore({ commandsAllow: [`${path} show`], home: "/home/sluice", timeoutMs: 4_000 }),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a command gets its words as they are, in a clean environment, and its output is the secret", async () => {
  await withScript('printf "%s|" "$@"; env | sort | tr "\\n" ","; pwd', async (path, store) => {
    const given = String(await store.get(`${path} show 'shop db' "$HOME;id" *`));
    const [words, rest = ""] = [
      given.slice(0, given.lastIndexOf("|")),
      given.slice(given.lastIndexOf("|") + 1),
    ];
    deepEqual(words.split("|"), ["show", "shop db", "$HOME;id", "*"]);
    deepEqual(
      rest.split(",").filter((line) => !line.startsWith("_=") && !line.startsWith("PWD=")),
      ["HOME=/home/sluice", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin", "/"],
    );
  });
  await withScript('printf " two\\nlines \\n\\n"', async (path, store) => {
    equal(await store.get(`${path} show`), " two\nlines \n");
  });
});

Deno.test("only what the policy names runs, by its first words", async () => {
  await withScript("echo ran", async (path, store) => {
    for (
      const command of [
        `${path}`,
        `${path} shows`,
        `${path} "show me"`,
        `${path} delete show`,
        "/bin/echo show",
        `${path}/../read-secret show`,
      ]
    ) {
      match(
        await refusal(store.get(command)),
        /^forbidden the command is not among secret_commands_allow/,
        command,
      );
    }
    equal(await store.get(`${path} show x`), "ran");
    match(
      await refusal(createCommandStore({ commandsAllow: [], home: undefined }).get("/bin/echo x")),
      /^forbidden/,
    );
  });
});

Deno.test("what goes wrong with a command is told without what it wrote", async () => {
  for (
    const [script, expected] of [
      ["echo the-secret; echo the-secret >&2; exit 3", /^unavailable .* ended with exit code 3/],
      ["echo the-secret; kill -9 $$", /^unavailable .* ended with SIGKILL/],
      ["printf '\\377\\376the-secret'", /^invalid .* no UTF-8/],
      ["head -c 100000 /dev/zero", /^invalid .* wrote more than 64 KiB/],
      ["echo the-secret; sleep 60 & sleep 60", /^timeout .* took longer than 4 s/],
    ] as const
  ) {
    await withScript(script, async (path, store) => {
      const said = await refusal(store.get(`${path} show`));
      match(said, expected);
      equal(said.includes("the-secret"), false, said);
    });
  }
  const store = createCommandStore({ commandsAllow: ["/nowhere/program"], home: undefined });
  match(await refusal(store.get("/nowhere/program x")), /^unavailable .*there is no such program/);
});
