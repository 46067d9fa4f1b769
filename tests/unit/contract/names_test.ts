import { equal, match, throws } from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import {
  NAME_KINDS,
  nameFault,
  type NameKind,
  quoteName,
  requireName,
  requirePathPart,
} from "../../../contract/names.ts";

const LONGEST = "a".repeat(63);
const NOT_NAMES = [
  "",
  " ",
  "a b",
  "1a",
  "a.b",
  "../x",
  "a/b",
  "a\\b",
  "a\0",
  "a\n",
  "é",
  `${LONGEST}a`,
  "a".repeat(300),
];
const SCHEMAS = ["raw", "RAW", "main", "Temp", "system", "information_schema", "PG_CATALOG", "_sluice"];
const DEVICES = ["con", "NUL", "Com1", "lpt9", "aux", "prn"];

const PEOPLE: readonly NameKind[] = ["token", "user", "group", "role"];

for (const kind of NAME_KINDS.filter((known) => !PEOPLE.includes(known))) {
  Deno.test(`nameFault() knows the pattern and length of the name of a ${kind}`, () => {
    // With a pipeline's it has to fit into the name of a file.
    const longest = kind === "environment" ? LONGEST.slice(0, 30) : LONGEST;
    for (const name of ["a", "_a", "Orders_2024", longest]) equal(nameFault(kind, name), undefined, name);
    for (const name of NOT_NAMES.filter((one) => kind !== "model" || one !== `${LONGEST}a`)) {
      match(nameFault(kind, name) ?? "", /^expected a letter or _/, JSON.stringify(name));
    }
    for (const name of ["__proto__", "constructor", "_sluice", "_SLUICE_steps"]) {
      match(nameFault(kind, name) ?? "", /^choose another name: /, name);
    }
    const hasDash = ["pipeline", "environment", "connector", "notifier", "webhook"].includes(kind);
    equal(nameFault(kind, "a-b") === undefined, hasDash);
  });
}

Deno.test("nameFault() takes addresses of mail for users, and keeps @ in front for groups", () => {
  for (const name of ["mia", "mia.k@example.com", "1st", "a+b"]) {
    equal(nameFault("user", name), undefined, name);
  }
  for (const name of ["", " mia", "@finance", "a b", "a/b", "a\n", ".a", "-a", "é", "a".repeat(101)]) {
    match(nameFault("user", name) ?? "", /^expected a letter, a digit or _/, JSON.stringify(name));
  }
  for (const name of ["admin", "Engineer"]) match(nameFault("role", name) ?? "", /always there/, name);
  for (const name of ["SLUICE_TOKEN", "constructor"]) match(nameFault("user", name) ?? "", /^choose another/);
});

Deno.test("nameFault() refuses the names of schemas for what becomes a file or a table, in any case", () => {
  for (const kind of ["pipeline", "stream", "model"] as const) {
    for (const name of SCHEMAS) {
      match(nameFault(kind, name) ?? "", /^choose another name: /, `${kind} ${name}`);
    }
  }
  equal(nameFault("connector", "main"), undefined);
});

Deno.test("nameFault() refuses the names of devices for what becomes a file", () => {
  for (const name of DEVICES) {
    match(nameFault("pipeline", name) ?? "", /Windows/, name);
    match(nameFault("model", name) ?? "", /Windows/, name);
    equal(nameFault("stream", name), undefined, name);
  }
});

Deno.test("nameFault() takes any visible text on one line for a token, but the server's own names", () => {
  for (const name of ["ci", "Ada's laptop", "é", "a".repeat(100)]) equal(nameFault("token", name), undefined);
  for (
    const name of [
      "",
      "a\nb",
      "a\0",
      "a\u2028b",
      "a".repeat(101),
      "SLUICE_TOKEN",
      "sluice_token",
      "Local Commands",
    ]
  ) {
    equal(typeof nameFault("token", name), "string", JSON.stringify(name));
  }
});

Deno.test("requireName() says the name, what it was for and what is expected, on one line", () => {
  throws(() => requireName("pipeline", "a\n\u202eb"), (error) => {
    equal(error instanceof AppError && error.code, "invalid");
    equal(error instanceof AppError && error.reason, "invalid_name");
    match(String(error), /^AppError: "a\\n.*b" cannot be the name of a pipeline: expected a letter or _/);
    return true;
  });
  requireName("pipeline", "orders");
});

Deno.test("quoteName() cuts what is long and mends half a character", () => {
  equal(quoteName("x".repeat(300)), `"${"x".repeat(80)}…"`);
  equal(quoteName("a\ud800"), '"a\ufffd"');
});

Deno.test("requirePathPart() lets old names pass that stay in their folder, and no other", () => {
  for (const name of ["my pipeline", "été", "raw", "..a"]) equal(requirePathPart(name), name);
  for (const name of ["", ".", "..", "../x", "a/b", "a\\b", "a\0b"]) {
    throws(() => requirePathPart(name), AppError, JSON.stringify(name));
  }
});
