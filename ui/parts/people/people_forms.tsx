import type { GroupView, RoleView, UserView } from "../../../contract/access/people.ts";

const TEXT = { autocomplete: "off", spellcheck: false } as const;

/** Makes a user, with a role over all where one is chosen. */
export function UserForm({ roles }: { readonly roles: readonly RoleView[] }) {
  return (
    <form class="fields" method="post" action="/people/users">
      <div class="field">
        <label for="user-name">Name</label>
        <input id="user-name" name="name" required maxlength={100} {...TEXT} />
      </div>
      <div class="field">
        <label for="user-email">E-mail</label>
        <input id="user-email" name="email" type="email" {...TEXT} />
      </div>
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
      <div class="field">
        <label for="group-name">Name</label>
        <input id="group-name" name="name" required maxlength={100} {...TEXT} />
      </div>
      <div class="field">
        <label for="group-description">What it is for</label>
        <input id="group-description" name="description" maxlength={500} {...TEXT} />
      </div>
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
      <div class="field">
        <label for="grant-holder">To</label>
        <input
          id="grant-holder"
          name="holder"
          list="people-holders"
          required
          aria-describedby="grant-holder-hint"
          {...TEXT}
        />
        <datalist id="people-holders">
          {users.map(({ name }) => <option value={name} />)}
          {groups.map(({ name }) => <option value={`@${name}`} />)}
        </datalist>
        <datalist id="people-users">
          {users.map(({ name }) => <option value={name} />)}
        </datalist>
        <p class="hint" id="grant-holder-hint">A user, or @ and a group.</p>
      </div>
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
      <div class="field">
        <label for="grant-over">Name</label>
        <input id="grant-over" name="over" aria-describedby="grant-over-hint" {...TEXT} />
        <p class="hint" id="grant-over-hint">
          <code>*</code> stands for any text; empty for all.
        </p>
      </div>
      <button class="button primary" type="submit">Grant</button>
    </form>
  );
}
