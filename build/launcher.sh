#!/bin/sh
# Sluice moves data with SQL. This file is a shell script with an archive behind it: the first start
# unpacks it into a cache folder named by its content, later starts only look there.
set -u
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH

id=@ID@
sha256=@SHA256@
size=@SIZE@
offset=@OFFSET@
self=$0

say() {
  printf 'sluice: %s\n' "$1" >&2
}

# A cleaner of temporary folders may have taken a part of it.
is_whole() {
  [ -O "$1" ] && [ -x "$1/bin/deno" ] && [ -f "$1/lib/app.mjs" ] && [ -f "$1/lib/worker.mjs" ] &&
    [ -d "$1/lib/chunks" ] && [ -d "$1/lib/node_modules" ] && [ -f "$1/complete" ]
}

start() {
  here=$1
  shift
  SLUICE_DENO=$here/bin/deno
  DENO_DIR=$here/deno
  DENO_NO_UPDATE_CHECK=1
  SLUICE_COMMAND=$0
  export SLUICE_DENO SLUICE_COMMAND DENO_DIR DENO_NO_UPDATE_CHECK
  # V8's flags are those of a run's process: compiled code that is kept for other flags is thrown away.
  exec "$SLUICE_DENO" run --quiet --v8-flags=--initial-old-space-size=64 --allow-all --no-prompt --no-remote \
    --cached-only --no-lock --config "$here/lib/deno.json" "$here/lib/app.mjs" "$@"
}

# The folders to try, one a line: the user's own cache, then temporary ones, which others write too.
roots() {
  [ -z "${XDG_CACHE_HOME:-}" ] || printf '%s\n' "$XDG_CACHE_HOME/sluice"
  [ -z "${HOME:-}" ] || printf '%s\n' "$HOME/.cache/sluice"
  user=$(id -u)
  [ -z "${TMPDIR:-}" ] || printf '%s\n' "$TMPDIR/sluice-$user"
  printf '%s\n' "/var/tmp/sluice-$user" "/tmp/sluice-$user" "/dev/shm/sluice-$user"
}

# Unpacks into the folder $1; runs in a shell of its own. 1: that cannot be written or run from.
unpack() {
  root=$1
  umask 077
  mkdir -p "$root" 2>/dev/null || exit 1
  # Another user may have made it first, to put his own program into our hands.
  [ -O "$root" ] && [ ! -L "$root" ] || exit 1
  work=$(mktemp -d "$root/.unpack.XXXXXX" 2>/dev/null) || exit 1
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' HUP INT TERM
  # A file system may be mounted noexec.
  { printf '#!/bin/sh\nexit 0\n' >"$work/probe" && chmod 700 "$work/probe" && "$work/probe"; } 2>/dev/null || exit 1
  tail -c "+$offset" "$self" >"$work/payload" 2>/dev/null
  check_payload
  tree=$work/tree.$$
  { mkdir "$tree" && gzip -dc <"$work/payload" | tar -xof - -C "$tree" && : >"$tree/complete"; } 2>/dev/null || disk_full
  rm -f "$work/payload"
  if ! "$tree/bin/deno" --version >/dev/null 2>"$work/reason"; then
    say "this machine cannot run it (it needs glibc 2.27 or newer, libstdc++ and /proc): $(head -n 3 "$work/reason")"
    exit 126
  fi
  # What is left of a damaged copy goes; a copy that another first start made meanwhile stays.
  [ ! -e "$root/$id" ] || is_whole "$root/$id" || mv "$root/$id" "$work/damaged" 2>/dev/null
  [ -e "$root/$id" ] || mv "$tree" "$root/$id" 2>/dev/null
  # Where the other one won between the question and the move, ours went inside of it.
  rm -rf "$root/$id/tree.$$"
  remove_old "$root"
  is_whole "$root/$id"
}

check_payload() {
  found=$(($(wc -c <"$work/payload")))
  if [ "$found" -ne "$size" ]; then
    # A full disk cuts the copy, not the file.
    whole=$(($(wc -c <"$self") - offset + 1))
    [ "$whole" -eq "$size" ] || damaged "$whole bytes of its archive are there, expected $size"
    disk_full
  fi
  if command -v sha256sum >/dev/null 2>&1; then
    sum=$(sha256sum <"$work/payload")
  elif command -v shasum >/dev/null 2>&1; then
    sum=$(shasum -a 256 <"$work/payload")
  else
    gzip -t <"$work/payload" 2>/dev/null || damaged "its archive does not match its checksum"
    return
  fi
  [ "${sum%% *}" = "$sha256" ] || damaged "its archive does not match its checksum"
}

# The next folder may be on another disk.
disk_full() {
  say "cannot unpack into $root: no space is left there"
  exit 1
}

damaged() {
  say "the file $self is damaged: $1. Download it again."
  exit 126
}

# Earlier versions that no process runs from, and what a killed first start left behind.
remove_old() {
  find "$1" -maxdepth 1 -name '.unpack.*' -mtime +0 -exec rm -rf {} + 2>/dev/null
  [ -e /proc/self/exe ] || return 0
  running=$(ls -l /proc/[0-9]*/exe 2>/dev/null)
  for old in "$1"/sluice-*; do
    [ "$old" != "$1/$id" ] && [ -d "$old" ] && [ ! -L "$old" ] || continue
    case $running in
    *"$old/"*) ;;
    *) rm -rf "$old" ;;
    esac
  done
}

# The usual case first, without starting a single process.
if [ -n "${XDG_CACHE_HOME:-}" ]; then
  usual=$XDG_CACHE_HOME/sluice
elif [ -n "${HOME:-}" ]; then
  usual=$HOME/.cache/sluice
else
  usual=
fi
[ -z "$usual" ] || ! is_whole "$usual/$id" || start "$usual/$id" "$@"

candidates=$(roots)
old_ifs=$IFS
IFS='
'
set -f
for candidate in $candidates; do
  if ! is_whole "$candidate/$id"; then
    (set +f && IFS=$old_ifs && unpack "$candidate")
    status=$?
    [ "$status" -le 1 ] || exit "$status"
    [ "$status" -eq 0 ] || continue
  fi
  IFS=$old_ifs
  start "$candidate/$id" "$@"
done
say "cannot unpack itself: none of these can be written and run from: $(printf '%s' "$candidates" | tr '\n' ' ')"
say "set XDG_CACHE_HOME to a folder that can"
exit 126
