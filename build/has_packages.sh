#!/bin/sh
# Whether node_modules is what deno.lock says. Where it is not, it says what is done about it: Deno itself
# would print a line for each of a hundred packages.
cmp -s deno.lock node_modules/.installed.lock && exit 0
echo "Getting Sluice's packages; this takes some seconds, once." >&2
exit 1
