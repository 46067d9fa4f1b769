import type { People } from "../people/port.ts";

/**
 * People as somebody manages them who has to show who they are before they take somebody else's password or factors away:
 * whoever finds a browser open gets into no other account by it. `require` throws where they have not.
 */
export function provenPeople(people: People, require: () => Promise<void>): People {
  const { passwords, factors } = people;
  return {
    ...people,
    passwords: {
      async set(user, request, by) {
        await require();
        return await passwords.set(user, request, by);
      },
    },
    factors: {
      get: (user) => factors.get(user),
      async reset(user, by) {
        await require();
        return await factors.reset(user, by);
      },
    },
  };
}
