import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { STYLESHEET as style } from "../../../ui/static/stylesheet.ts";

/** The custom properties of the first `:root` block after the mark. */
function palette(after: string): Map<string, string> {
  const start = style.indexOf(":root {", style.indexOf(after));
  const block = style.slice(start, style.indexOf("}", start));
  return new Map(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((match) => [match[1] ?? "", match[2] ?? ""]),
  );
}

/** Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((start) => parseInt(colour.slice(start, start + 2), 16) / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const PAIRS = [
  ...["bg", "surface", "sunken", "hover", "idle-soft"].flatMap((
    ground,
  ) => [["text", ground], ["muted", ground]]),
  ...["bg", "surface", "sunken", "accent-soft"].map((ground) => ["accent", ground]),
  ...["ok", "bad", "warn", "run", "idle"].flatMap((state) => [[state, "surface"], [state, `${state}-soft`]]),
  ...["text", "muted"].flatMap((text) => [[text, "bad-soft"], [text, "warn-soft"]]),
  ["accent-text", "accent"],
  ["accent-text", "accent-hover"],
  ...["comment", "string", "number", "keyword", "name"].map((token) => [`tok-${token}`, "sunken"]),
];

for (const [mode, mark] of Object.entries({ light: "", dark: "prefers-color-scheme: dark" })) {
  Deno.test(`text keeps the contrast of WCAG AA in ${mode}`, () => {
    const colours = palette(mark);
    const faint = PAIRS.flatMap(([text = "", ground = ""]) => {
      const ratio = contrast(colours.get(text) ?? "", colours.get(ground) ?? "");
      return ratio >= 4.5 ? [] : [`${text} on ${ground}: ${ratio.toFixed(2)}`];
    });
    deepEqual(faint, []);
  });
}

Deno.test("light and dark set the same colours", () => {
  deepEqual([...palette("").keys()].sort(), [...palette("prefers-color-scheme: dark").keys()].sort());
});

Deno.test("the stylesheet loads nothing and uses only colours that it sets", () => {
  equal(/url\(|@import|https?:/.test(style), false);
  const used = new Set([...style.matchAll(/var\(--([\w-]+)\)/g)].map((match) => match[1] ?? ""));
  const set = new Set([...style.matchAll(/--([\w-]+):/g)].map((match) => match[1] ?? ""));
  deepEqual([...used].filter((name) => !set.has(name)), []);
  ok(used.size > 20);
});

async function* pieces(folder: string): AsyncIterable<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* pieces(path);
    else yield path;
  }
}

Deno.test("the stylesheet has every piece, once", async () => {
  const folder = join(import.meta.dirname ?? ".", "../../../ui/static/style");
  let length = -1;
  for await (const path of pieces(folder)) {
    const text = await Deno.readTextFile(path);
    equal(style.split(text).length, 2, path);
    length += text.length + 1;
  }
  equal(style.length, length);
});
