import { type ColumnTypes, type RecordSurvey, recordSurvey } from "../../files/record_scan.ts";
import type { StreamRequest } from "../../../contract/connector/source.ts";
import { ArrivingRecords } from "../../http/rest/page/arriving_records.ts";
import type { SingerStream } from "../options.ts";
import { declaredTypes } from "./json_schema.ts";
import { RecordVersions, type VersionsOptions } from "./record_versions.ts";
import { showSchemas } from "./seen_schemas.ts";

/** The records of one reading of a tap, and what is known of them; disposing of it closes their files. */
export interface HeldRecords extends AsyncDisposable {
  readonly records: RecordVersions;
  /** Undefined where records that do not fit are to be set aside: it has no way to leave them out. */
  readonly survey: RecordSurvey | undefined;
  /** Where rows may be stored while more of them come. */
  readonly arriving: ArrivingRecords | undefined;
  /** As the catalog and the tap say, in their order. */
  readonly schemas: unknown[];
  /** The types of columns that do not go by their values alone, as far as the survey has seen these. */
  columns(): ColumnTypes;
}

/** `schema` is the catalog's; undefined where it has none. */
export function heldRecords(
  request: StreamRequest<SingerStream>,
  { schema, ...options }: Omit<VersionsOptions, "survey" | "arriving"> & { readonly schema: unknown },
): HeldRecords {
  const { texts = [], address, mayGuess, isSample } = request;
  const survey = recordSurvey(request);
  const schemas = schema === undefined ? [] : [schema];
  const columns = (): ColumnTypes => ({
    ...(survey === undefined
      ? Object.assign({}, ...schemas.map((one) => declaredTypes(one, "texts")))
      : showSchemas(schemas, survey, texts)),
    ...address.options.columns,
  });
  const arriving = survey !== undefined && mayGuess === true && isSample !== true
    ? new ArrivingRecords(survey, request, columns)
    : undefined;
  const records = new RecordVersions({ ...options, survey, arriving });
  return {
    records,
    survey,
    arriving,
    schemas,
    columns,
    [Symbol.asyncDispose]: () => records[Symbol.asyncDispose](),
  };
}
