import { createHasher, type PasswordHasher } from "../../engine/control/people/passwords/hasher.ts";

/** argon2id as the server has it, of a memory that takes no time. */
export const quickHasher = (): PasswordHasher => createHasher({ memoryKib: 64 });
