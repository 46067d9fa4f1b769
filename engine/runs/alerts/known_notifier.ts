import * as v from "valibot";
import {
  isNotifierType,
  type Notifier,
  type NotifierDefinition,
  notifierSchemas,
} from "../../../contract/alerts/notifiers.ts";
import { AppError } from "../../../contract/errors.ts";
import { checkSchema } from "../../../text/schema_faults.ts";
import { Redactor } from "../../grants/redact.ts";
import { resolveConnector } from "../../secrets/resolve.ts";
import { writtenSecrets } from "../../secrets/written_secrets.ts";
import type { SecretUse } from "../../secrets/uses.ts";

/** A notifier with its references replaced, and what takes its secrets out of texts. */
export interface KnownNotifier {
  readonly config: Notifier;
  readonly redactor: Redactor;
}

/** Throws `invalid` for a reference without a value, and for a value that does not fit; no secret is in the message. */
export async function knownNotifier(
  name: string,
  definition: NotifierDefinition,
  use: SecretUse,
): Promise<KnownNotifier> {
  if (!isNotifierType(definition.type)) {
    throw new AppError("invalid", `The notifier "${name}" is of an unknown type`);
  }
  const { config, secrets, references } = await resolveConnector(name, definition, use.sources, {
    what: "notifier",
    mayLease: true,
  });
  const redactor = new Redactor([...secrets, ...writtenSecrets(definition).map(({ value }) => value)]);
  const checked = checkSchema<Notifier>(
    v.variant("type", Object.values(notifierSchemas)),
    { type: definition.type, ...config },
    [name],
  );
  if ("output" in checked) {
    await use.record(references, { kind: "notifier", name });
    return { config: checked.output, redactor };
  }
  const [fault] = checked.faults;
  throw new AppError(
    "invalid",
    redactor.redact(`The notifier "${name}" cannot be used: ${fault?.message ?? "it does not fit"}`),
  );
}
