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

# build DIRECTORY [TARGET...]: everything that running the targets (or the tests) needs on this
# machine. Packages are installed, the directory is configured; callers at the same time take turns.
# To be called in the root of the source.
build() {
    local directory=$1 lock options=()
    tools/deps || die "packages that building needs are missing"
    mkdir -p "$directory"
    exec {lock}>"$directory/.viaduct-lock"
    flock -n "$lock" || {
        step "waiting for another process that builds $directory"
        flock "$lock"
    }
    # A directory that is configured keeps its options: it may be an instrumented one.
    [[ -f $directory/build.ninja ]] || options=("$(strictness)")
    configure "$directory" "${options[@]}" {lock}>&- ||
        die "meson could not configure $directory; if it is a half-made one, delete it"
    step "building $directory"
    compile "$@" {lock}>&- || die "$directory could not be built; the compiler's messages are above"
    exec {lock}>&-
}

# default_gpu: the first GPU that Viaduct has a native context for, else the simulated one.
default_gpu() {
    local driver
    for driver in /sys/class/drm/renderD*/device/driver; do
        if [[ -e $driver && $(basename "$(realpath "$driver")") == amdgpu ]]; then
            echo auto
            return
        fi
    done
    echo sim:renoir
}
