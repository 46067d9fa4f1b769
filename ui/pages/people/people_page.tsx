import type { Child } from "hono/jsx";
import type {
  GrantView,
  GroupView,
  InvitationView,
  RoleView,
  SessionView,
  UserView,
} from "../../../contract/access/people.ts";
import { InvitationNote } from "../../parts/people/invitation_note.tsx";
import { Done, Notice } from "../../parts/callouts.tsx";
import { Empty } from "../../parts/empty.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { GrantTable } from "../../parts/people/grant_table.tsx";
import { GroupTable } from "../../parts/people/group_table.tsx";
import { GrantForm, GroupForm, UserForm } from "../../parts/people/people_forms.tsx";
import { SessionTable } from "../../parts/people/session_table.tsx";
import { UserTable } from "../../parts/people/user_table.tsx";

export interface PeoplePageView {
  readonly frame: Frame;
  readonly users: readonly UserView[];
  readonly groups: readonly GroupView[];
  readonly roles: readonly RoleView[];
  readonly grants: readonly GrantView[];
  readonly sessions: readonly SessionView[];
  /** What was sent or is to be handed over just now. */
  readonly invitation?: InvitationView | undefined;
  /** What was done just now. */
  readonly done?: { readonly message: string; readonly detail?: string } | undefined;
  readonly notice?: { readonly message: string; readonly detail?: string };
}

/** Who there is, who may what, and who has signed in. */
export function PeoplePage(
  { frame, users, groups, roles, grants, sessions, notice, invitation, done }: PeoplePageView,
) {
  const { nowMs } = frame;
  return (
    <Layout frame={frame} title="People" section="people">
      <div class="page-head">
        <div class="page-title">
          <h1>People</h1>
          <p class="lead">
            Users and groups have roles by grants, over all or over some pipelines or connectors.
          </p>
        </div>
      </div>
      {notice !== undefined && <Notice {...notice} />}
      {done !== undefined && <Done {...done} />}
      {invitation !== undefined && <InvitationNote invitation={invitation} />}
      <Part id="users" title="Users">
        <UserTable users={users} nowMs={nowMs} />
        <More label="New user">
          <UserForm roles={roles} />
        </More>
      </Part>
      <Part id="grants" title="Grants">
        <GrantTable grants={grants} nowMs={nowMs} />
        <More label="New grant" isOpen>
          <GrantForm users={users} groups={groups} roles={roles} />
        </More>
      </Part>
      <Part id="groups" title="Groups">
        {groups.length === 0
          ? (
            <div class="card">
              <Empty title="No groups yet">
                <p>What is granted to a group, each of its members has.</p>
              </Empty>
            </div>
          )
          : <GroupTable groups={groups} />}
        <More label="New group">
          <GroupForm />
        </More>
      </Part>
      <Part id="sessions" title="Signed in">
        <SessionTable sessions={sessions} nowMs={nowMs} />
      </Part>
    </Layout>
  );
}

function Part(
  { id, title, children }: { readonly id: string; readonly title: string; readonly children?: Child },
) {
  return (
    <section aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}

function More(
  { label, isOpen = false, children }: {
    readonly label: string;
    readonly isOpen?: boolean;
    readonly children?: Child;
  },
) {
  return (
    <details class="card form-card people-more" open={isOpen}>
      <summary>{label}</summary>
      {children}
    </details>
  );
}
