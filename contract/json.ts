/** What JSON can hold: the states of sources, and whatever else is stored without a shape of its own. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
