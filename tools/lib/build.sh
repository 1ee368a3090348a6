# Sourced after common.sh by the tools that run what is built here.
# shellcheck shell=bash

# configure DIRECTORY [OPTION...]: meson's set-up, at first and whenever options or the source differ.
# meson would look targets and tests up before it configures again, as it must after a pull.
configure() {
    local build=$1
    shift
    if [[ ! -f $build/build.ninja ]]; then
        step "configuring $build"
        meson setup "$build" "$@" >&2
    else
        { [[ $# == 0 ]] || meson configure "$build" "$@" >&2; } && ninja -C "$build" build.ninja >&2
    fi
}

# compile DIRECTORY [TARGET...]: everything, or these targets. Objects are the same wherever the
# checkout lies: ccache need not distinguish them by its path.
compile() { CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD meson compile -C "$@" >&2; }

# strictness: meson's option for the plain build. One answer for all tools: with different ones each
# would build everything again. Warnings are errors only with the compiler that CI uses; another's
# new warnings do not stop a user.
strictness() {
    case $(c++ -dumpversion) in
    12) echo --werror ;;
    *) echo -Dwerror=false ;;
    esac
}

# in_turn DIRECTORY COMMAND...: runs it while nobody else configures or builds this directory.
in_turn() {
    local directory=$1 lock status=0
    shift
    mkdir -p "$directory"
    exec {lock}>"$directory/.viaduct-lock"
    flock -n "$lock" || {
        step "waiting for another process that builds $directory"
        flock "$lock"
    }
    "$@" {lock}>&- || status=$?
    exec {lock}>&-
    return "$status"
}

# configure_or_die DIRECTORY [OPTION...]
configure_or_die() {
    configure "$@" || die "meson could not configure $1; if it is a half-made one, delete it"
}

# build DIRECTORY [TARGET...]: everything that running the targets (or the tests) needs on this
# machine. Packages are installed, the directory is configured; callers at the same time take turns.
# To be called in the root of the source.
build() {
    tools/deps || die "packages that building needs are missing"
    in_turn "$1" build_in_turn "$@"
}
build_in_turn() {
    local options=()
    # A directory that is configured keeps its options: it may be an instrumented one.
    [[ -f $1/build.ninja ]] || options=("$(strictness)")
    configure_or_die "$1" "${options[@]}"
    step "building $1"
    compile "$@" || die "$1 could not be built; the compiler's messages are above"
}

# in_background COMMAND...: starts it, with its output to stderr; finish_background has its status.
# It ends with this script, which an ordinary background job would not: that ignores Ctrl-C.
in_background() {
    set -m # a process group of its own, for it and all that it starts
    "$@" </dev/null >&2 &
    background=$!
    set +m
    trap '[[ -z $background ]] || kill -- "-$background" 2>/dev/null || true' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
finish_background() {
    local status=0
    wait "$background" || status=$?
    background=''
    return "$status"
}

# require_trees NAME...: ends the script if one of these trees (tools/tree) has yet to be made and this
# user cannot. To be called before anything takes its time.
require_trees() {
    local tree
    [[ $(id -u) != 0 ]] || return 0
    for tree; do
        tools/tree have "$tree" || die "the first use makes a Debian tree ($tree)," \
            "which needs root: run this command as root (sudo $this_script ...)"
    done
}

# default_gpu: auto where native contexts fit a GPU of this machine, else a simulated one.
# gpu_vendor GPU: AMD, Intel or nothing. can_draw GPU: not if it only computes.
gpus() { python3 "$(dirname "${BASH_SOURCE[0]}")/gpus.py" "$@"; }
default_gpu() { gpus default; }
gpu_vendor() { gpus vendor "$1"; }
can_draw() { gpus can-draw "$1"; }
