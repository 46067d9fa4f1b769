import type { InvitationView } from "../../../contract/access/people.ts";
import { Done } from "../callouts.tsx";
import { CopyText } from "../copy_text.tsx";

/** That somebody was invited; with the link where nothing has brought it to them. */
export function InvitationNote({ invitation }: { readonly invitation: InvitationView }) {
  const { user, link, problem } = invitation;
  if (link === null) {
    return <Done message={`${user.name} is invited: a mail is on its way to ${user.email}`} />;
  }
  return (
    <CopyText
      title={`${user.name} is invited. ${problem ?? ""}`}
      label={`The link for ${user.name}`}
      text={link}
      note="It is good once, for 72 hours. Whoever has it has the account."
    />
  );
}
