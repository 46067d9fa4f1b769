/** Values of rows as they are kept until their batch is full: nothing that the script does to them later changes them. */

/** What is wrong with a row that a script gave. */
export class RowError extends Error {
  override readonly name = "RowError";
}

/** JSON of an object or an array. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value that is an object and not null, as it is now. Throws RowError for one that no column can hold. */
export function frozen(value: object): unknown {
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (value instanceof String || value instanceof Number || value instanceof Boolean) return value.valueOf();
  if (!Array.isArray(value) && "toJSON" in value && typeof value.toJSON === "function") {
    const made: unknown = value.toJSON();
    return typeof made === "object" && made !== null ? new JsonText(jsonText(made)) : made;
  }
  return new JsonText(jsonText(value));
}

/** A number as it is written; the compiler's library does not know JSON.rawJSON yet. */
const rawJson: unknown = Reflect.get(JSON, "rawJSON");

/** Any value as JSON; integers keep all their digits, and bytes are base64. Throws RowError. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, function (this: unknown, key: string, made: unknown): unknown {
    switch (typeof made) {
      case "bigint":
        if (typeof rawJson !== "function") {
          throw new RowError("a bigint cannot be stored inside of an object");
        }
        return rawJson(made.toString());
      case "number":
        return Number.isFinite(made) ? made : String(made);
      case "function":
      case "symbol":
        throw new RowError(`a ${typeof made} cannot be stored`);
      case "object":
        return made === null ? checkedNull(this, key) : plain(made);
      default:
        return made;
    }
  });
  if (!text.isWellFormed()) throw new RowError("a text has half of a character (a lone surrogate)");
  return text;
}

function plain(made: object): unknown {
  if (made instanceof Map) return Object.fromEntries(made);
  if (made instanceof Set) return [...made];
  if (made instanceof Uint8Array) return new Uint8Array(made).toBase64();
  if (ArrayBuffer.isView(made) && Symbol.iterator in made) {
    return Array.from(made as Iterable<unknown> & object);
  }
  return made;
}

/** A date that is none became null on the way. */
function checkedNull(holder: unknown, key: string): null {
  const before: unknown = typeof holder === "object" && holder !== null ? Reflect.get(holder, key) : null;
  if (before instanceof Date) throw new RowError("it is no date (Invalid Date)");
  return null;
}
