import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { fileName, pipelinePath, tablePath } from "../../../../ui/docs/site_paths.ts";
import { renderSite } from "../../../../ui/docs/render_site.tsx";
import { DOCS_SAMPLE } from "../../../support/docs_sample.ts";

async function filesOf(docs = DOCS_SAMPLE): Promise<Map<string, string>> {
  const files = await Array.fromAsync(renderSite(docs));
  const byPath = new Map(files.map(({ path, text }) => [path, text]));
  strictEqual(byPath.size, files.length, "a path is written twice");
  return byPath;
}

const unescape = (text: string) =>
  text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");

Deno.test("the same docs give the same files in the same order", async () => {
  deepStrictEqual([...await filesOf()], [...await filesOf(structuredClone(DOCS_SAMPLE))]);
});

Deno.test("every address on a page leads to a file beside it, and to a place that is there", async () => {
  const files = await filesOf();
  let links = 0;
  for (const [path, html] of files) {
    if (!path.endsWith(".html")) continue;
    for (const [, written = ""] of html.matchAll(/ (?:href|src|data-search)="([^"]*)"/g)) {
      const [target = "", anchor] = unescape(written).split("#");
      const page = target === "" ? path : join(dirname(path), target);
      const found = files.get(page);
      ok(found !== undefined, `${path} names ${written}`);
      if (anchor !== undefined) ok(unescape(found).includes(`id="${anchor}"`), `${path} names ${written}`);
      links += 1;
    }
  }
  ok(links > 40, String(links));
  const catalog: unknown = JSON.parse(files.get("catalog.json") ?? "");
  deepStrictEqual(catalog, DOCS_SAMPLE);
});

Deno.test("what the search finds is there", async () => {
  const files = await filesOf();
  const script = files.get("assets/search_index.js") ?? "";
  const rows: unknown = JSON.parse(script.slice("globalThis.sluiceSearch = ".length, -";\n".length));
  ok(Array.isArray(rows));
  deepStrictEqual(
    rows.map(([kind, name]) => `${kind} ${name}`).filter((name) => !name.startsWith("column")),
    [
      "pipeline shop",
      "stream raw.orders",
      "model Daily",
      "model index",
      "pipeline Shop",
      `macro odd "id" <b>#?%`,
    ],
  );
  for (const [, , , path] of rows) {
    const [page = "", anchor] = String(path).split("#");
    const html = files.get(page);
    ok(html !== undefined, page);
    if (anchor !== undefined) ok(html.includes(`id="${anchor}"`), path);
  }
});

Deno.test("names, descriptions and SQL are text on every page, and no page has a script of its own", async () => {
  for (const [path, html] of await filesOf()) {
    if (!path.endsWith(".html")) continue;
    deepStrictEqual(html.match(/<script[^>]*>/g)?.length, 1, path);
    ok(!/<script(?![^>]*\bsrc=")[^>]*>/.test(html), path);
    ok(!/<img|<b>|\son\w+="|\sstyle="|javascript:|https?:/i.test(html.replaceAll(/&lt;[^<]*/g, "")), path);
    ok(!html.includes("\u202e"), path);
    ok(!/(?:href|src)="\//.test(html), path);
  }
});

Deno.test("files of names that differ by case alone, or that systems keep, are others", () => {
  const names = ["shop", "Shop", "SHOP", "con", "index", "a b", "a-b", "a/b", "..", "", "é", "x".repeat(300)];
  const files = names.map(fileName);
  strictEqual(new Set(files.map((name) => name.toLowerCase())).size, names.length);
  for (const file of files) {
    ok(/^[a-z0-9_][a-z0-9_-]{0,79}$/.test(file), file);
    ok(!/^(?:con|index)$/.test(file), file);
  }
  strictEqual(fileName("daily_delays"), "daily_delays");
  // What looks like one of ours is not taken as it is.
  const made = fileName("Shop");
  notStrictEqual(fileName(made), made);
  strictEqual(pipelinePath("shop"), "pipelines/shop/index.html");
  strictEqual(
    tablePath("shop", { id: "raw.daily", kind: "stream", name: "daily" }),
    "pipelines/shop/raw.daily.html",
  );
  notStrictEqual(
    tablePath("shop", { id: "main.index", kind: "model", name: "index" }),
    "pipelines/shop/index.html",
  );
});
