import assert from "node:assert/strict";
import fc from "fast-check";
import { firstWord, scanSql, withoutTerminators } from "../../../../sql/language/scan_sql.ts";

const kinds = (sql: string) =>
  [...scanSql(sql)].filter(({ kind }) => kind !== "space").map(({ kind, start, end }) =>
    `${kind}:${sql.slice(start, end)}`
  );

Deno.test("scanSql() tells comments, strings and names from SQL", () => {
  assert.deepEqual(kinds("a -- ; '\n'b;''c' ;"), [
    "word:a",
    "comment:-- ; '",
    "text:'b;''c'",
    "terminator:;",
  ]);
  assert.deepEqual(kinds('"a;""b"; /* ; /* ; */ ; */;'), [
    'text:"a;""b"',
    "terminator:;",
    "comment:/* ; /* ; */ ; */",
    "terminator:;",
  ]);
  assert.deepEqual(kinds("E'a\\';' $$ ; ' $$ $x$ $$;$x$;"), [
    "text:E'a\\';'",
    "text:$$ ; ' $$",
    "text:$x$ $$;$x$",
    "terminator:;",
  ]);
  assert.deepEqual(kinds("größe_1$ 'open ;"), ["word:größe_1$", "text:'open ;"]);
});

Deno.test("scanSql() gives every unit of any text to one token", () => {
  const piece = fc.constantFrom("'", '"', "--", "/*", "*/", ";", "$$", "$a$", "E'", "\\", "\n", "é😀", "a1 ");
  fc.assert(fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 30 }), (pieces) => {
    const sql = pieces.join("");
    let end = 0;
    for (const token of scanSql(sql)) {
      assert.equal(token.start, end);
      assert.ok(token.end > token.start);
      end = token.end;
    }
    assert.equal(end, sql.length);
  }));
});

Deno.test("withoutTerminators() keeps every position", () => {
  assert.equal(withoutTerminators("SELECT ';' -- ;\n; /* ; */;"), "SELECT ';' -- ;\n  /* ; */ ");
});

Deno.test("firstWord() looks behind comments and brackets", () => {
  assert.deepEqual(firstWord("-- a\n /* b */ ((select 1))"), { word: "SELECT", position: 16 });
  assert.equal(firstWord(" -- select"), undefined);
  assert.equal(firstWord("'select'"), undefined);
});
