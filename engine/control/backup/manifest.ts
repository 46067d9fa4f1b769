import * as v from "valibot";

/** The part of a backup that says what the others are. */
export const MANIFEST = "manifest.json";

/** The layout of backups: a newer program may raise it, an older one then refuses. */
export const BACKUP_FORMAT = 1;

/** Of a data folder, with `/` between names; nothing that leads out of it. */
const pathSchema = v.pipe(
  v.string(),
  v.maxLength(1_000),
  v.check((path) =>
    !/[\\\0]/.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  ),
);

export const manifestSchema = v.object({
  format: v.number(),
  /** The version of the program that made it. */
  sluice: v.string(),
  created_at: v.string(),
  /** The last migration of the control store. */
  schema: v.number(),
  /** The pipelines whose warehouses open with the server's key only. */
  encrypted_warehouses: v.optional(v.array(v.string())),
  files: v.array(v.object({
    path: pathSchema,
    bytes: v.number(),
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  })),
});

export type Manifest = v.InferOutput<typeof manifestSchema>;
export type BackedFile = Manifest["files"][number];
