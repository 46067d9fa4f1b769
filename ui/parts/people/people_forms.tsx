import type { GroupView, RoleView, UserView } from "../../../contract/access/people.ts";
import { TextField } from "../forms/field.tsx";

/** Makes a user, with a role over all where one is chosen. */
export function UserForm({ roles }: { readonly roles: readonly RoleView[] }) {
  return (
    <form class="fields" method="post" action="/people/users">
      <TextField id="user-name" name="name" label="Name" required maxlength={100} />
      <TextField id="user-email" name="email" label="E-mail" type="email" />
      <div class="field">
        <label for="user-role">Role over all</label>
        <select id="user-role" name="role">
          <option value="">none</option>
          {roles.map(({ name }) => <option value={name}>{name}</option>)}
        </select>
      </div>
      <button class="button primary" type="submit" formaction="/people/invitations">Invite</button>
      <button class="button" type="submit">Create without a password</button>
    </form>
  );
}

export function GroupForm() {
  return (
    <form class="fields" method="post" action="/people/groups">
      <TextField id="group-name" name="name" label="Name" required maxlength={100} />
      <TextField id="group-description" name="description" label="What it is for" maxlength={500} />
      <button class="button primary" type="submit">Create group</button>
    </form>
  );
}

interface GrantFormProps {
  readonly users: readonly UserView[];
  readonly groups: readonly GroupView[];
  readonly roles: readonly RoleView[];
}

/** Gives somebody a role over something. */
export function GrantForm({ users, groups, roles }: GrantFormProps) {
  return (
    <form class="fields" method="post" action="/people/grants">
      <TextField
        id="grant-holder"
        name="holder"
        label="To"
        list="people-holders"
        required
        hint="A user, or @ and a group."
      >
        <datalist id="people-holders">
          {users.map(({ name }) => <option value={name} />)}
          {groups.map(({ name }) => <option value={`@${name}`} />)}
        </datalist>
        <datalist id="people-users">
          {users.map(({ name }) => <option value={name} />)}
        </datalist>
      </TextField>
      <div class="field">
        <label for="grant-role">Role</label>
        <select id="grant-role" name="role">
          {roles.map(({ name }) => <option value={name} selected={name === "viewer"}>{name}</option>)}
        </select>
      </div>
      <div class="field">
        <label for="grant-kind">Over</label>
        <select id="grant-kind" name="kind">
          <option value="all">all</option>
          <option value="pipeline">pipelines by name</option>
          <option value="tag">pipelines by tag</option>
          <option value="connector">connectors by name</option>
        </select>
      </div>
      <TextField
        id="grant-over"
        name="over"
        label="Name"
        hint={
          <>
            <code>*</code> stands for any text; empty for all.
          </>
        }
      />
      <button class="button primary" type="submit">Grant</button>
    </form>
  );
}
