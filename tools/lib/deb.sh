# Sourced after common.sh by the scripts that make Debian packages. The same files give the same
# package, bit for bit, wherever and whenever it is made.
# shellcheck shell=bash

deb_architecture=$(dpkg --print-architecture)

# deb_triplet [ARCHITECTURE]: the name of its library directory, such as x86_64-linux-gnu.
deb_triplet() { dpkg-architecture -a "${1:-$deb_architecture}" -q DEB_HOST_MULTIARCH 2>/dev/null; }

# deb_begin PACKAGE: from here on, $root is an empty tree of files, and DEBIAN/ in it is dpkg's.
# shellcheck disable=SC2064  # the package that is made now
deb_begin() {
    umask 022
    root=$(mktemp -d "${TMPDIR:-/tmp}/viaduct-package.XXXXXX")
    trap "rm -rf '$root' '$1.$$'" EXIT
    chmod 755 "$root"
    mkdir "$root/DEBIAN"
}

# deb_binary FILE PATH [MODE]: a program or library without symbols. Its build id is derived from
# debug information, hence from where it was built, so it goes as well.
deb_binary() {
    install -D -m "${3:-755}" "$1" "$root$2"
    strip --strip-unneeded --remove-section=.comment --remove-section=.note.gnu.build-id "$root$2"
}

# deb_text FILE PATH: a file that programs and people read. deb_compressed: the same, as FILE.gz.
deb_text() { install -D -m 644 "$1" "$root$2"; }
deb_compressed() {
    mkdir -p "$(dirname "$root$2")"
    gzip -9n <"$1" >"$root$2.gz"
}

# deb_finish PACKAGE CONTROL [NAME=VALUE...]: packs $root. @NAME@ in CONTROL becomes VALUE;
# @ARCHITECTURE@ and @SIZE@ are known. Files below /etc are the administrator's to change. The package
# is put in place by rename, so that half of one is never read.
deb_finish() {
    local package=$1 control=$2 value name expressions=()
    shift 2
    name=$(sed -n 's/^Package: //p' "$control")
    deb_text "$source_root/LICENSE" "/usr/share/doc/$name/copyright"
    deb_compressed "$source_root/CHANGELOG.md" "/usr/share/doc/$name/changelog"
    for value in "$@" "ARCHITECTURE=$deb_architecture" "SIZE=$(deb_size)"; do
        expressions+=(-e "s|@${value%%=*}@|${value#*=}|")
    done
    sed "${expressions[@]}" "$control" >"$root/DEBIAN/control"
    (cd "$root" && find usr -type f -exec md5sum {} + | LC_ALL=C sort -k2) >"$root/DEBIAN/md5sums"
    if [[ -d $root/etc ]]; then
        (cd "$root" && find etc -type f | LC_ALL=C sort | sed 's|^|/|') >"$root/DEBIAN/conffiles"
    fi
    SOURCE_DATE_EPOCH=$(deb_date)
    export SOURCE_DATE_EPOCH
    find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group --build "$root" "$package.$$" >&2
    mv "$package.$$" "$package"
    rm -rf "$root"
}

# deb_size: of what $root installs, in KiB, as dpkg-gencontrol counts it: alike on each file system.
deb_size() {
    find "$root" -path "$root/DEBIAN" -prune -o -printf '%y %s\n' |
        awk '{ kib += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print kib }'
}

# deb_date: when the source was last changed, in seconds; SOURCE_DATE_EPOCH if it is set.
deb_date() {
    printf '%s\n' "${SOURCE_DATE_EPOCH:-$(git -C "$source_root" log -1 --format=%ct 2>/dev/null || echo 0)}"
}

# deb_needs FILE...: the packages whose libraries these programs and libraries are linked with.
# dpkg-shlibdeps reads a source package's control file, which it is given.
deb_needs() {
    local folder
    folder=$(mktemp -d "${TMPDIR:-/tmp}/viaduct-needs.XXXXXX")
    mkdir "$folder/debian"
    printf 'Source: viaduct\n\nPackage: viaduct\nArchitecture: any\n' >"$folder/debian/control"
    (cd "$folder" && dpkg-shlibdeps -O "$@" | sed -n 's/^shlibs:Depends=//p')
    rm -rf "$folder"
}
