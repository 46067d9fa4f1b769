import type { PasskeyAssertion, PasskeyRegistration } from "../../../contract/access/factors.ts";
import type { PasskeyRecord } from "../../store/factors/port.ts";
import { CHALLENGE_MS } from "./challenges.ts";
import type { RelyingParty } from "./relying_party.ts";

/** What WebAuthn's library is asked, in our words. It is loaded when somebody first uses a passkey. */

const library = () => import("@simplewebauthn/server");

/** EdDSA, ES256 and RS256, by their numbers of COSE. */
const ALGORITHMS = [-8, -7, -257];
const RP_NAME = "Sluice";

/** A user's id as authenticators keep it: it says nothing of the user. */
const handleOf = (user: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(user);

interface Options {
  /** As a browser parses them. */
  readonly options: unknown;
  readonly challenge: string;
}

export async function registrationOptions(
  { id: rpID }: RelyingParty,
  user: { readonly id: string; readonly name: string },
  known: readonly PasskeyRecord[],
): Promise<Options> {
  const { generateRegistrationOptions } = await library();
  const options = await generateRegistrationOptions({
    rpName: RP_NAME,
    rpID,
    userName: user.name,
    userDisplayName: user.name,
    userID: handleOf(user.id),
    timeout: CHALLENGE_MS,
    attestationType: "none",
    excludeCredentials: known.map(({ id, transports }) => ({ id, transports: [...transports] })),
    authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
    supportedAlgorithmIDs: ALGORITHMS,
  });
  return { options, challenge: options.challenge };
}

type Verified<T> = { readonly value: T } | { readonly fault: string };

/** The passkey of a registration that answers the challenge; otherwise what does not fit, for the operator. */
export async function verifyRegistration(
  { id, origin }: RelyingParty,
  challenge: string,
  registration: PasskeyRegistration,
): Promise<Verified<Pick<PasskeyRecord, "id" | "publicKey" | "counter" | "transports" | "isSynced">>> {
  const { verifyRegistrationResponse } = await library();
  const { response, clientExtensionResults, ...credential } = registration;
  return await verifying(async () => {
    const { verified, registrationInfo: info } = await verifyRegistrationResponse({
      response: { ...withoutAttachment(credential), response, clientExtensionResults },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: id,
      requireUserVerification: false,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    if (!verified) return undefined;
    return {
      id: info.credential.id,
      publicKey: info.credential.publicKey,
      counter: info.credential.counter,
      transports: response.transports,
      isSynced: info.credentialBackedUp,
    };
  });
}

/** `known` is empty for anybody's passkey: then the authenticator must have looked who uses it. */
export async function assertionOptions(
  { id: rpID }: RelyingParty,
  known: readonly PasskeyRecord[],
): Promise<Options> {
  const { generateAuthenticationOptions } = await library();
  const options = await generateAuthenticationOptions({
    rpID,
    timeout: CHALLENGE_MS,
    userVerification: known.length === 0 ? "required" : "preferred",
    allowCredentials: known.map(({ id, transports }) => ({ id, transports: [...transports] })),
  });
  return { options, challenge: options.challenge };
}

/** What the authenticator says of itself where it has signed the challenge; otherwise what does not fit. */
export async function verifyAssertion(
  { id: rpID, origin }: RelyingParty,
  challenge: string,
  passkey: PasskeyRecord,
  { assertion, isAlone }: { readonly assertion: PasskeyAssertion; readonly isAlone: boolean },
): Promise<Verified<{ readonly counter: number; readonly isSynced: boolean }>> {
  const { verifyAuthenticationResponse } = await library();
  const { response, clientExtensionResults, ...credential } = assertion;
  const { userHandle } = response;
  return await verifying(async () => {
    if (typeof userHandle === "string" ? !isHandleOf(passkey.user, userHandle) : isAlone) {
      throw new Error("The handle is not the one of the passkey's user");
    }
    const { clientDataJSON, authenticatorData, signature } = response;
    const { verified, authenticationInfo: info } = await verifyAuthenticationResponse({
      response: {
        ...withoutAttachment(credential),
        response: { clientDataJSON, authenticatorData, signature },
        clientExtensionResults,
      },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpID,
      requireUserVerification: isAlone,
      credential: {
        id: passkey.id,
        publicKey: Uint8Array.from(passkey.publicKey),
        // The store compares counters, so that a copy of the authenticator has a reason of its own.
        counter: 0,
        transports: [...passkey.transports],
      },
    });
    return verified ? { counter: info.newCounter, isSynced: info.credentialBackedUp } : undefined;
  });
}

function isHandleOf(user: string, handle: string): boolean {
  return new TextEncoder().encode(user).toBase64({ alphabet: "base64url", omitPadding: true }) === handle;
}

/** Which kind of authenticator it was decides nothing. */
function withoutAttachment<T extends { readonly authenticatorAttachment?: unknown }>(
  { authenticatorAttachment: _kind, ...credential }: T,
): Omit<T, "authenticatorAttachment"> {
  return credential;
}

async function verifying<T>(verify: () => Promise<T | undefined>): Promise<Verified<T>> {
  try {
    const value = await verify();
    return value === undefined ? { fault: "The signature is wrong" } : { value };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
