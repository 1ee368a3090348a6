# Sourced by the scripts of tools/: messages, the cache of slow things, the machine's Debian mirror.
# shellcheck shell=bash

# Otherwise a function that is called as $(function) goes on after a command that failed.
shopt -s inherit_errexit

# step TEXT: says what happens next, so that nobody waits for a silent script.
step() { printf '\n== %s\n' "$*" >&2; }

# die TEXT: ends with one sentence, after the script's name as people type it.
die() {
    printf '%s: %s\n' "$this_script" "$*" >&2
    exit 1
}
this_script=$(realpath --relative-base="$(dirname "${BASH_SOURCE[0]}")/../.." "$0")

# help_from SCRIPT: prints the comment at its head.
help_from() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$1"; }

cache_root() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/viaduct"; }

# cache_key FILE...: a short name for the contents of these inputs.
cache_key() { cat -- "$@" | sha256sum | cut -c1-16; }

# cache_path NAME KEY: where the entry is, or will be.
cache_path() { printf '%s/%s-%s\n' "$(cache_root)" "$1" "$2"; }

# cache_make NAME KEY COMMAND...: makes the entry unless it is there: COMMAND... DIRECTORY fills an
# empty directory, which gets its final name only when that succeeded. Callers that come at the
# same time wait for the first. An entry is never changed afterwards: another input, another key.
cache_make() {
    local path lock status
    path=$(cache_path "$1" "$2")
    shift 2
    [[ -d $path ]] && return 0
    mkdir -p "$(cache_root)"
    exec {lock}>"$path.lock"
    flock -n "$lock" || { step "waiting for another process that makes ${path##*/}" && flock "$lock"; }
    if [[ ! -d $path ]]; then
        rm -rf "$path.partial"
        mkdir "$path.partial"
        # Not "|| die": after that, bash would ignore failures within COMMAND but for its last.
        set +e
        (set -e && "$@" "$path.partial" {lock}>&-)
        status=$?
        set -e
        [[ $status == 0 ]] || die "could not make ${path##*/}; the reason is above"
        sync -f "$path.partial"
        mv -T "$path.partial" "$path"
    fi
    exec {lock}>&-
}

# debian_mirror: the URI of the Debian archive that this machine's apt uses.
debian_mirror() {
    local uri
    # shellcheck disable=SC2016  # apt-get expands these
    uri=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" { print $2; exit }')
    printf '%s\n' "${uri:-http://deb.debian.org/debian/}"
}
