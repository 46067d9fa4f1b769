import type { ConnectorDefinition, ConnectorHead } from "../../../contract/connector/entry.ts";
import type { NotifierDefinition, NotifierHead } from "../../../contract/alerts/notifiers.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import { connectorPlace, revisionPlace } from "../ports/definitions.ts";
import { notifierPlace } from "../alerts/alert_store.ts";

/** How entries of connectors.yaml and notifiers.yaml lie in the store: a little of them in plain, all of them sealed. */

type Connectors = Readonly<Record<string, ConnectorDefinition>>;

/** Of a store that is opened for what is not sealed, as tests of the queue are. */
export const NO_SEALER: Sealer = {
  seal: (_text, place) => Promise.reject(withoutKeys("seal", place)),
  open: (_sealed, place) => Promise.reject(withoutKeys("open", place)),
};

const withoutKeys = (action: string, place: string): AppError =>
  new AppError("internal", `Cannot ${action} ${place}: the control store was opened without its keys`);

const headOfConnector = (
  { type, max_connections: slots }: ConnectorDefinition,
): ConnectorHead => ({ type, ...(typeof slots === "number" ? { max_connections: slots } : {}) });

export const headsOf = (connectors: Connectors): Record<string, ConnectorHead> =>
  Object.fromEntries(Object.entries(connectors).map(([name, entry]) => [name, headOfConnector(entry)]));

export const headOfNotifier = ({ type, group, description }: NotifierDefinition): NotifierHead => ({
  type,
  ...(typeof group === "string" ? { group } : {}),
  ...(typeof description === "string" ? { description } : {}),
});

/** As it lies there: `sealed` is null in what an earlier version wrote, and then `definition` is all of it. */
interface StoredEntry<Entry> {
  readonly name: string;
  readonly definition: Entry;
  readonly sealed: string | null;
}

export const sealConnector = async (sealer: Sealer, name: string, entry: ConnectorDefinition) => ({
  definition: { ...headOfConnector(entry) },
  sealed: await sealer.seal(JSON.stringify(entry), connectorPlace(name)),
});

export async function openConnector(
  sealer: Sealer,
  { name, definition, sealed }: StoredEntry<ConnectorDefinition>,
): Promise<ConnectorDefinition> {
  return sealed === null ? definition : JSON.parse(await sealer.open(sealed, connectorPlace(name)));
}

export const sealNotifier = async (sealer: Sealer, name: string, entry: NotifierDefinition) => ({
  definition: { ...headOfNotifier(entry) },
  sealed: await sealer.seal(JSON.stringify(entry), notifierPlace(name)),
});

export async function openNotifier(
  sealer: Sealer,
  { name, definition, sealed }: StoredEntry<NotifierDefinition>,
): Promise<NotifierDefinition> {
  return sealed === null ? definition : JSON.parse(await sealer.open(sealed, notifierPlace(name)));
}

/** Nothing is sealed for a revision without connectors: it needs no key. */
export const sealRevision = async (sealer: Sealer, id: string, connectors: Connectors) => ({
  connectors: Object.fromEntries(
    Object.entries(headsOf(connectors)).map(([name, head]) => [name, { ...head }]),
  ),
  sealedConnectors: Object.keys(connectors).length === 0
    ? null
    : await sealer.seal(JSON.stringify(connectors), revisionPlace(id)),
});

export async function openRevision(
  sealer: Sealer,
  { id, connectors, sealedConnectors }: {
    readonly id: string;
    readonly connectors: Connectors;
    readonly sealedConnectors: string | null;
  },
): Promise<Connectors> {
  return sealedConnectors === null
    ? connectors
    : JSON.parse(await sealer.open(sealedConnectors, revisionPlace(id)));
}
