import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { COMMANDS } from "../../../../server/cli/commands.ts";
import { bashScript } from "../../../../server/cli/completion/bash.ts";
import { fishScript } from "../../../../server/cli/completion/fish.ts";
import { offerOfArgument } from "../../../../server/cli/completion/words.ts";
import { zshScript } from "../../../../server/cli/completion/zsh.ts";

/** What bash offers behind each of the command lines, in `folder`. */
async function offered(folder: string, lines: readonly (readonly string[])[]): Promise<string[][]> {
  const script = [
    bashScript(COMMANDS),
    ...lines.map((words) =>
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${
        words.length - 1
      }; _sluice; ` +
      'printf "%s\\n" "${COMPREPLY[*]}"'
    ),
  ].join("\n");
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["--norc", "-c", script],
    cwd: folder,
    env: { SLUICE_PROJECT: "" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  strictEqual(decoder.decode(stderr), "");
  return decoder.decode(stdout).trimEnd().split("\n").map((line) =>
    line.split(" ").filter((word) => word !== "")
  );
}

Deno.test("bash completes commands, options, their values, and the project's pipelines", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-completion-" });
  try {
    await Deno.mkdir(join(folder, "pipelines"));
    await Deno.mkdir(join(folder, "shop/pipelines"), { recursive: true });
    for (const file of ["pipelines/orders.yaml", "pipelines/other.yml", "shop/pipelines/hello.yaml"]) {
      await Deno.writeTextFile(join(folder, file), "");
    }
    const found = await offered(folder, [
      ["sluice", "pi"],
      ["sluice", "run", "o"],
      ["sluice", "run", "--project", "shop", ""],
      ["sluice", "serve", "--run", "ord"],
      ["sluice", "run", "--pro"],
      ["sluice", "runs", "--state", "su"],
      ["sluice", "tokens", "re"],
      ["sluice", "check", "--project", "sh"],
      ["sluice", "completion", ""],
      ["sluice", "rejects", "--project", "shop", "re"],
      ["sluice", "rejects", "replay", "or"],
      ["sluice", "backfill", "--every", "1d", "or"],
      ["sluice", "backf"],
      ["sluice", "rerun", "x", "--de"],
    ]);
    deepStrictEqual(found, [
      ["pipelines"],
      ["orders", "other"],
      ["hello"],
      ["orders"],
      ["--project"],
      ["succeeded"],
      ["revoke"],
      ["shop"],
      ["bash", "zsh", "fish"],
      ["replay"],
      ["orders"],
      ["orders"],
      ["backfill", "backfills"],
      ["--detach"],
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (const [shell, script] of [["zsh", zshScript(COMMANDS)], ["fish", fishScript(COMMANDS)]] as const) {
  Deno.test(`the script for ${shell} has every command and option`, () => {
    for (const { name, options } of COMMANDS) {
      ok(script.includes(name), name);
      for (const option of Object.keys(options)) {
        ok(shell === "fish" ? script.includes(`-l ${option}`) : script.includes(`--${option}[`), option);
      }
    }
  });
}

Deno.test("what a command can do is offered, and is what its help says", () => {
  for (const command of COMMANDS) {
    for (const argument of command.arguments.filter(({ name }) => name === "ACTION")) {
      const offer = offerOfArgument(command, argument);
      ok(offer.kind === "words", command.name);
      const said = argument.description.replace(/\([^)]*\)/g, "").split(/,| or /).map((part) => part.trim());
      deepStrictEqual(
        said.filter((part) => /^[a-z-]+$/.test(part) && part !== "nothing").toSorted(),
        [...offer.words].toSorted(),
        command.name,
      );
    }
  }
});
