import * as v from "valibot";
import { rollBackSchema, versionChangesSchema, versionSchema } from "../../../contract/versions/version.ts";
import { route } from "../../http/route.ts";
import { numberOf, pageOf, pageQuery } from "../paging.ts";
import { nameParams } from "../request_parts.ts";

const VERSIONS_A_PAGE = 50;

const revisionText = v.pipe(v.string(), v.nonEmpty("expected the id of a revision"), v.maxLength(100));
const file = v.exactOptional(
  v.pipe(v.string(), v.maxLength(1_000), v.description("Only of this file: its path in the project.")),
);

/** What was in force of a pipeline, what its versions changed, and how to go back. */
export function versionRoutes() {
  return [
    route({
      method: "get",
      path: "/api/pipelines/:name/versions",
      operation: "listVersions",
      summary: "The versions of a pipeline that have been in force, the newest first",
      permission: "pipeline:view",
      request: v.object({
        params: nameParams,
        query: v.strictObject({ file, ...pageQuery(String(VERSIONS_A_PAGE), 500) }),
      }),
      response: { status: 200, description: "The versions.", schema: v.array(versionSchema) },
      errors: ["not_found"],
      handle: async ({ params, query }, { engine }) => {
        const { limit = VERSIONS_A_PAGE, cursor, file } = query;
        const before = cursor === undefined ? {} : { before: numberOf("versions", cursor) };
        const one = file === undefined ? {} : { file };
        const found = await engine.versions.list(params.name, { limit: limit + 1, ...before, ...one });
        return pageOf(found, limit, ({ version }) => String(version));
      },
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/versions/:revision/changes",
      operation: "getVersionChanges",
      summary: "What a revision of a pipeline changed, file by file",
      permission: "pipeline:view",
      request: v.object({
        params: v.object({
          ...nameParams.entries,
          revision: v.pipe(revisionText, v.description("The revision's id, or the beginning of it.")),
        }),
        query: v.strictObject({
          against: v.exactOptional(
            v.pipe(
              revisionText,
              v.description("Another revision; the one that was in force before it by default."),
            ),
          ),
          file,
          plan: v.exactOptional(
            v.pipe(
              v.picklist(["true", "false"], "expected true or false"),
              v.description("true: also what the change does to models, columns, streams and loads."),
            ),
          ),
        }),
      }),
      response: { status: 200, description: "The files that differ.", schema: versionChangesSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, query: { plan, ...query } }, { engine }) => ({
        body: await engine.versions.changes(params.name, params.revision, {
          ...query,
          ...(plan === "true" ? { plan: true } : {}),
        }),
      }),
    }),
    route({
      method: "post",
      path: "/api/pipelines/:name/rollback",
      operation: "rollBackPipeline",
      summary: "Puts a revision in force that was so before; it stays until the project's files change",
      permission: "pipeline:edit",
      request: v.object({
        params: nameParams,
        query: v.strictObject({}),
        body: v.optional(
          v.strictObject({
            revision: v.exactOptional(
              v.pipe(
                revisionText,
                v.description(
                  "By its id or the beginning of it; the one that was in force before by default.",
                ),
              ),
            ),
          }),
          {},
        ),
      }),
      response: { status: 200, description: "What was and what is in force.", schema: rollBackSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { engine }) => ({
        body: await engine.versions.rollBack(params.name, body.revision),
      }),
    }),
  ];
}
