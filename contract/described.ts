import * as v from "valibot";

/** The schema with what it is for: editors and the API's document show it. */
export function described<S extends v.GenericSchema>(schema: S, text: string) {
  return v.pipe(schema, v.description(text));
}

/** The same for a value that no message may show. */
export function secretDescribed<S extends v.GenericSchema>(schema: S, text: string) {
  return v.pipe(schema, v.description(text), v.metadata({ secret: true }));
}
