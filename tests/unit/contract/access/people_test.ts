import { equal } from "node:assert/strict";
import * as v from "valibot";
import { newUserSchema, userChangeSchema } from "../../../../contract/access/people.ts";

const takes = (more: { readonly email?: string; readonly display_name?: string }) =>
  v.is(newUserSchema, { name: "mia", ...more }) && v.is(userChangeSchema, more);

Deno.test("addresses and names that are shown have nothing in them that cannot be seen", () => {
  for (const email of ["mia@example.com", "mia+x@example.com", "zoë@exämple.com"]) {
    equal(takes({ email }), true);
  }
  for (const email of ["mia", "a@b@c", "a b@c", "a\r\nBcc: b@c", "a\u001b[2J@b", "a\u202e@b", "a\u0000@b"]) {
    equal(takes({ email }), false, JSON.stringify(email));
  }
  for (const name of ["Mia Moss", "Zoë", "日本", "می‌خواهم", "👩‍🔧"]) {
    equal(takes({ display_name: name }), true, name);
  }
  for (const name of ["\u001b[31mMia", "\u202eaim", "Mia\nadmin", "a\u2066b", " "]) {
    equal(takes({ display_name: name }), false, JSON.stringify(name));
  }
});
