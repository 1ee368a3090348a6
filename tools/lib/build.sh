# Sourced by tools/demo and tools/test, after common.sh: configuring and compiling.
# shellcheck shell=bash

# configure DIRECTORY [OPTION...]: meson's set-up, at first and whenever the options differ.
configure() {
    local build=$1
    shift
    if [[ ! -f $build/build.ninja ]]; then
        step "configuring $build"
        meson setup "$build" "$@"
    elif [[ $# -gt 0 ]]; then
        meson configure "$build" "$@"
    fi
}

# compile DIRECTORY [TARGET...]: everything, or these targets. Objects are the same wherever the
# checkout lies: ccache need not tell them apart by its path.
compile() { CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD meson compile -C "$@"; }
