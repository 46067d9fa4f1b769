import type * as v from "valibot";
import type { RequestSchema, Route, TypedRoute } from "./route.ts";

declare const encoded: unique symbol;

/** Text that stands encoded in a path. Hono's client puts in what it is given: an id with a slash would be two parts. */
export type PathSegment = string & { readonly [encoded]: true };

/**
 * What `hc` of hono/client makes a client of, computed from the routes' own schemas. A list of routes that a function's
 * return type folds to `Route[]` has lost its paths: leave that type out.
 */
export type ApiSchema<Routes extends Route> = string extends Routes["spec"]["path"]
  ? { "a list of routes is declared as Route[] and has lost its types": never }
  : {
    [Path in Routes["spec"]["path"]]: {
      [R in Extract<Routes, { spec: { path: Path } }> as `$${R["spec"]["method"]}`]: EndpointOf<R>;
    };
  };

type EndpointOf<R> = R extends TypedRoute<infer _Method, infer _Path, infer Input, infer Body> ? {
    input: Sent<v.InferInput<Input>, v.InferOutput<Input>>;
    output: Body;
    outputFormat: "json";
    /** Another one is thrown as an error. */
    status: 200;
  }
  : never;

type Sent<In extends v.InferInput<RequestSchema>, Out extends v.InferOutput<RequestSchema>> =
  & (In extends { params: infer Params } ? { param: { readonly [Name in keyof Params]: PathSegment } }
    : unknown)
  & (In extends { query: infer Query } ? Part<"query", Written<Query, PartOf<Out, "query">>> : unknown)
  & (In extends { headers: infer Headers } ? Part<"header", Loose<Headers>> : unknown)
  & ("body" extends keyof In ? BodyOf<In> : unknown);

type BodyOf<In> = In extends { body: infer Body } ? { json: Loose<Body> }
  : In extends { body?: infer Body } ? { json?: Loose<Body> | undefined }
  : never;

/** May be left out where all of it may. */
type Part<Name extends string, Value> = Record<never, never> extends Value ? { readonly [_ in Name]?: Value }
  : { readonly [_ in Name]: Value };

type PartOf<Whole, Name extends string> = Whole extends { [_ in Name]: infer Value } ? Value : never;

/** A number may be given as one: it is written as the text that the route reads. */
type Written<In, Out> = {
  readonly [Name in keyof In]: Name extends keyof Out ? In[Name] | Out[Name] | UndefinedIfOptional<In, Name>
    : In[Name];
};

/** JSON, like Hono's query and headers, leaves out what is undefined. */
type Loose<Value> = Value extends object
  ? { readonly [Name in keyof Value]: Fixed<Value[Name]> | UndefinedIfOptional<Value, Name> }
  : Value;

/** A list that is sent need not be one that may be changed. */
type Fixed<Value> = Value extends (infer Item)[] ? readonly Item[] : Value;

type UndefinedIfOptional<Value, Name extends keyof Value> = Record<never, never> extends Pick<Value, Name>
  ? undefined
  : never;
