import { join, resolve } from "node:path";

/** Deno is MIT-licensed; its npm package carries no notice of its own. */
const DENO_NOTICE = `deno ${Deno.version.deno}
MIT License, Copyright 2018-2026 the Deno authors. The notices of what deno itself is made of are
published with its source code.`;

/** The notices of every package that is in the file. */
export async function collectLicenses(root: string, packages: readonly string[]): Promise<Uint8Array> {
  const notices = new Map<string, string>();
  for (const folder of packages) {
    const path = resolve(root, folder);
    const manifest: unknown = JSON.parse(await Deno.readTextFile(join(path, "package.json")));
    if (typeof manifest !== "object" || manifest === null) continue;
    const field = (key: string) => String(Object.entries(manifest).find(([name]) => name === key)?.[1] ?? "");
    const title = `${field("name")} ${field("version")}`;
    notices.set(title, `${title}\n${field("license")}\n${await noticeOf(path)}`);
  }
  const sorted = [...notices.entries()].toSorted(([a], [b]) => a < b ? -1 : 1).map(([, notice]) =>
    notice.trim()
  );
  return new TextEncoder().encode([DENO_NOTICE, ...sorted].join(`\n\n${"-".repeat(80)}\n\n`) + "\n");
}

async function noticeOf(folder: string): Promise<string> {
  const texts: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isFile && /^(?:licen[cs]e|notice|copying)/i.test(entry.name)) {
      texts.push(await Deno.readTextFile(join(folder, entry.name)));
    }
  }
  return texts.toSorted().join("\n");
}
